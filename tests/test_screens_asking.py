"""In a real browser: asking the model for empty fields, and wording what it is told first."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from ftapp import config, prompts
from ftapp.ui.owner import LOCAL
from tests.browser import RESUME, begin, finished, opened, serve

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
expect.set_options(timeout=60_000)
POSTING = "Come and bake with us!\nOur ovens at Quellhaven Mills need a hand.\nYou rise early."
SAID = json.dumps({"company": "Quellhaven Mills", "location": "Paris", "requirements": ["You rise early"], "name": "Not Me"})


def understood(page):
    page.locator("#posting textarea").fill(POSTING)
    page.locator("#resume textarea").fill(RESUME)
    page.locator("#hook input, #hook textarea").first.click()
    expect(page.locator("#understood")).to_contain_text("Sam Ode")
    page.locator("#understood > button").click()


def field(page, name):
    return page.locator(f"#field-{name} input, #field-{name} textarea").first


@pytest.mark.slow
def test_gaps_are_filled_marked_and_used_and_nothing_is_written_over(chrome, tmp_path, monkeypatch):
    monkeypatch.setattr(config, "STARTER", tmp_path / "no starter")
    with serve(tmp_path / "home", {None: (SAID,)}, model="some/larger") as (address, studio), opened(chrome, address) as page:
        understood(page)
        field(page, "title").fill("Oven Hand")
        field(page, "company").fill("")
        page.locator("#fill-gaps").click()
        expect(page.locator("#filled-gaps")).to_contain_text("Filled in by the model: company, what it asks for.")
        expect(page.locator("#filled-gaps")).to_contain_text("does not stand in the posting")  # the place is invented
        expect(field(page, "company")).to_have_value("Quellhaven Mills")
        expect(page.locator("#field-company")).to_contain_text("by the model")
        expect(field(page, "title")).to_have_value("Oven Hand")
        expect(page.locator("#field-name")).not_to_contain_text("by the model")
        expect(page.locator("#understood")).to_contain_text("Oven Hand at Quellhaven Mills")
        field(page, "requirements").fill("You rise very early")  # what the model filled in can be corrected
        begin(page)
        finished(page)
        with studio.engine.connect() as database:
            said = database.exec_driver_sql("SELECT messages FROM prompt").scalar()
        assert "company: Quellhaven Mills" in said and "title: Oven Hand" in said and "very early" in said and "Paris" not in said
        page.locator("#posting textarea").fill("Miller\nCompany: Oakline")
        page.locator("#hook input, #hook textarea").first.click()
        expect(field(page, "company")).to_have_value("Oakline")
        expect(page.locator("#field-company")).not_to_contain_text("by the model")


@pytest.mark.slow
def test_an_answer_without_form_is_a_sentence_and_the_bundled_model_is_not_asked(chrome, tmp_path):
    with serve(tmp_path / "one", {None: ("Dear team, gladly.",)}, model="some/larger") as (address, _), opened(chrome, address) as page:
        understood(page)
        before = [field(page, name).input_value() for name in ("title", "company", "requirements")]
        page.locator("#fill-gaps").click()
        expect(page.locator("#filled-gaps")).to_contain_text("did not answer in the form")
        assert [field(page, name).input_value() for name in ("title", "company", "requirements")] == before
    with serve(tmp_path / "two") as (address, _), opened(chrome, address) as page:
        understood(page)
        expect(page.locator("#fill-gaps")).to_be_disabled()
        expect(page.locator("#filled-gaps")).to_contain_text("can only write letters")


@pytest.mark.slow
def test_a_template_is_edited_refused_and_reset(chrome, tmp_path):
    with serve(tmp_path / "home") as (address, studio), opened(chrome, address) as page:
        page.get_by_role("tab", name="Models").click()
        page.locator("#templates > button").click()
        text, state = page.locator("#template-text textarea"), page.locator("#template-state")
        expect(text).to_have_value(prompts.template("cover_letter"))
        text.fill("Write to {company}, <b>kindly</b>.")
        page.locator("#template-save").click()
        expect(state).to_contain_text("trained on the original")
        expect(state).to_contain_text("your own")
        text.fill("Write to {boss}.")
        page.get_by_role("tab", name="Write").click()
        page.get_by_role("tab", name="Models").click()
        page.wait_for_timeout(700)
        expect(text).to_have_value("Write to {boss}.")  # what is not saved yet is not lost by looking elsewhere
        page.locator("#template-save").click()
        expect(page.locator(".toast-body")).to_contain_text("{boss}")
        assert studio.templates.own(LOCAL, "cover_letter") == "Write to {company}, <b>kindly</b>."
        page.locator("#template-reset").click()
        expect(text).to_have_value(prompts.template("cover_letter"))
        expect(state).to_contain_text("This is the original.")
        assert studio.templates.own(LOCAL, "cover_letter") is None
