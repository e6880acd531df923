"""Your letters, the half of the Teach tab: letters come in, what was found stands there with its reason, a person decides on each."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect
from shelf import choice

from db.engine import write
from ftapp.example_readers import pasted
from tests.browser import browser, opened, serve
from tests.test_examples import BODY, GENERIC, LETTER, STRUCTURED, TALK

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
GARBLED = LETTER.replace(BODY[-60:], "â€“ on any morning, at any oven you have.")


@pytest.fixture(scope="module")
def chrome():
    with browser() as started:
        yield started


def show(page):
    page.get_by_role("tab", name="Teach").click()
    page.get_by_role("tab", name="Your letters").click()


def test_a_repaired_text_is_taken_for_one_letter_and_for_all(chrome, tmp_path):
    others = (TALK.replace("any morning", "any Monday").replace("300 loaves", "80 pies").replace("Fernhill Bakery", name)
              for name in ("Elm Mill", "Ash Rolls"))  # fmt: skip
    with serve(tmp_path / "home") as (address, studio), opened(chrome, address) as page:
        studio.examples.add("local", pasted("\n---\n".join([TALK, GENERIC, *others])))
        show(page)
        expect(page.locator("#own-quarantine")).to_contain_text("In quarantine: 4")
        ids = {row["id"]: at for at, row in enumerate(studio.examples.report("local")["quarantine"])}
        (generic,) = (id for id in ids if studio.examples.show("local", id)["letter"] == GENERIC)
        expect(page.locator("button:visible", has_text="Take the repaired text")).to_have_count(4)  # three, and that of the list
        expect(page.locator(f"#own-repair-{ids.pop(generic)}")).to_be_hidden()
        first, at = ids.popitem()
        page.locator(f"#own-repair-{at}").click()
        expect(page.locator("#own-repaired")).to_contain_text("they were taken away")
        assert studio.examples.show("local", first)["letter"].startswith("Dear Fernhill team")
        page.locator("#own-repair-all").click()
        expect(page.locator("#own-repaired details")).to_have_count(3)
        expect(page.locator("#own-repair-all")).to_be_hidden()
        assert all(studio.examples.show("local", id)["before"]["letter"].startswith("Sure!") for id in ids)


@pytest.mark.slow
def test_letters_come_in_are_judged_and_decided_one_by_one(chrome, tmp_path):
    with serve(tmp_path / "home") as (address, studio), opened(chrome, address) as page:
        show(page)
        expect(page.locator("#own-meter")).to_contain_text("Nothing here yet")
        expect(page.locator("#own-when")).to_contain_text("Training learns style, and learns facts badly")
        page.locator("#own-add").click()
        expect(page.get_by_text("There is no text").first).to_be_visible()
        page.locator("#own-text textarea").fill(f"{GARBLED}\n---\n{GENERIC} <b>Street</b>")
        page.locator("#own-add").click()
        expect(page.locator("#own-said")).to_contain_text("2 examples added")
        expect(page.locator("#own-quarantine")).to_contain_text("In quarantine: 1")
        expect(page.locator("#own-held-0")).to_contain_text("stock phrases")
        expect(page.locator("#own-found")).to_contain_text("Too short")
        expect(page.locator("#own-meter")).to_contain_text("1 of 2 examples teach")
        expect(page.locator("#own-text textarea")).to_have_value("")
        page.locator("#own-repaired summary").click()
        expect(page.locator("#own-repaired")).to_contain_text("â€“ on any morning")
        assert page.locator("b:text-is('Street')").count() == 0, "what a person pastes is no markup"
        page.locator("#own-keep-0").click()
        expect(page.locator("#own-meter")).to_contain_text("2 of 2 examples teach")
        expect(page.locator("#own-held-0")).to_be_hidden()
        assert studio.examples.report("local")["kept"] == 1
        page.locator("#own-pick input").click()
        page.get_by_role("option").first.click()
        page.locator("#own-show").click()
        expect(page.locator("#own-whole")).to_contain_text("this was read out of the letter")
        page.locator("#own-delete").click()
        expect(page.locator("#own-meter")).to_contain_text("1 of 1 example")
        assert len(studio.examples.listing("local")) == 1


@pytest.mark.slow
def test_files_come_in_and_a_bad_line_is_named(chrome, tmp_path):
    file = tmp_path / "mine.jsonl"
    file.write_text(json.dumps(STRUCTURED | {"Cover Letter": LETTER}) + "\n{broken\n")
    with serve(tmp_path / "home") as (address, studio), opened(chrome, address) as page:
        with write(studio.engine) as rows:
            choice(rows, edited="Dear Oak team,\n\nI bake. I also sweep.\n\nBest,\nSam Ode", edited_from="left")
        show(page)
        page.get_by_text("Add 1 letter edited here or imported").click()
        expect(page.locator("#own-said")).to_contain_text("1 example added")
        expect(page.locator("#own-table")).to_contain_text("edited here")
        expect(page.locator("#own-offer")).to_be_hidden()
        page.get_by_test_id("Bring files-upload-button").set_input_files(file)
        expect(page.locator("#own-said")).to_contain_text("mine.jsonl, line 2: not JSON")
        expect(page.locator("#own-table")).to_contain_text("Head Baker at Fernhill Bakery")
        assert not list((tmp_path / "home" / "uploads").rglob("*mine*")), "the upload is gone"


def test_a_visitor_brings_nothing_and_sees_nothing_of_the_owner(chrome, tmp_path):
    with serve(tmp_path / "home", host="0.0.0.0") as (address, studio), opened(chrome, address) as page:
        studio.examples.add("local", pasted(LETTER))
        show(page)
        expect(page.locator("#own-meter")).to_contain_text("Nothing here yet")
        page.locator("#own-text textarea").fill(LETTER)
        page.locator("#own-add").click()
        expect(page.get_by_text("You are a visitor here").first).to_be_visible()
        assert len(studio.examples.listing("local")) == 1 and page.locator("#own-table").inner_text().strip() == ""
