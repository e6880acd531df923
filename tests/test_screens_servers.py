"""Models: a server writes one letter, and it is said what leaves; a visitor cannot set one. Data: an export is checked."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from sqlmodel import select

from db.engine import session
from db.engine import write as writing
from db.models import Letter
from tests.browser import LETTER, OTHER, finished, letters, opened, serve, write
from tests.fake_server import FakeServer, Says
from tests.shelf import choice

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
SERVED = OTHER.replace("Warmly", "From elsewhere")


@pytest.fixture
def fake():
    served = FakeServer(**{"some/model": Says((SERVED,), pace=0.01)})
    yield served
    served.close()


def panel(page):
    page.get_by_role("tab", name="Models").click()
    page.locator("#server button.label-wrap").click()
    expect(page.locator("#server-state")).to_contain_text("server")


def put(page, address, model):
    page.locator("#server-address input, #server-address textarea").first.fill(address)
    page.locator("#server-model input, #server-model textarea").first.fill(model)
    page.locator("#server-set").click()


@pytest.mark.slow
def test_a_server_is_set_checked_writes_and_is_let_go(chrome, fake, tmp_path):
    with serve(tmp_path / "home", {None: (LETTER,), "starter": (LETTER,)}) as (address, studio), opened(chrome, address) as page:
        panel(page)
        put(page, fake.url, "some/model")
        expect(page.locator("#server-state")).to_contain_text("nothing leaves it")
        page.locator("#server-check").click()
        expect(page.locator("#server-said")).to_contain_text("It answers and writes")
        page.get_by_role("tab", name="Write").click()
        expect(page.locator("#leaving")).to_have_text("")
        write(page)
        finished(page)
        assert letters(page) == {LETTER, SERVED}
        page.locator("#verdict-left").click()
        expect(page.locator("#outcome")).to_contain_text("the model here does not learn from it")
        expect(page.locator(".side .by", has_text="by some/model, on a server")).to_have_count(1)
        with session(studio.engine) as rows:
            assert sorted(rows.exec(select(Letter.base_id)).all()) == ["bundled", "server:some/model"]
        page.get_by_role("tab", name="Models").click()
        page.locator("#server-off").click()
        expect(page.locator("#server-state")).to_contain_text("No server is set")


def test_what_leaves_this_machine_is_said_where_texts_are_given(chrome, tmp_path):
    with serve(tmp_path / "home") as (address, studio):
        studio.servers._settings = studio.settings.model_copy(update={"offline": False})
        studio.servers.set("192.168.1.20:8000", "some/model")
        with opened(chrome, address) as page:
            expect(page.locator("#leaving")).to_contain_text("192.168.1.20:8000")
            panel(page)
            expect(page.locator("#server-state")).to_contain_text("leaves this machine")
            page.get_by_role("tab", name="Data").click()
            expect(page.locator("#where")).to_contain_text("leaves this machine")
            expect(page.locator("#where")).not_to_contain_text("Nothing is sent anywhere")


def test_offline_another_machine_is_refused_in_words(chrome, tmp_path):
    with serve(tmp_path / "home") as (address, studio), opened(chrome, address) as page:
        panel(page)
        put(page, "http://10.0.0.5:8000", "some/model")
        expect(page.get_by_text("ftapp is set to work offline").first).to_be_visible()
        assert not studio.servers.show()["set"]


@pytest.mark.slow
def test_a_visitor_sets_no_server_and_is_told_where_texts_go(chrome, tmp_path):
    with serve(tmp_path / "home", host="0.0.0.0") as (address, studio):
        studio.servers._settings = studio.settings.model_copy(update={"offline": False})
        studio.servers.set("http://10.0.0.5:8000/hidden/v1", "secret-model")
        with opened(chrome, address) as page:
            expect(page.locator("#leaving")).to_contain_text("10.0.0.5:8000")
            panel(page)
            expect(page.locator("#server-state")).to_contain_text("set by the owner of this machine")
            assert "secret-model" not in page.content() and "hidden" not in page.locator("#server").inner_text()
            for button in ("#server-set", "#server-off", "#server-check", "#server-command", "#server-load"):
                page.locator(button).click()
                expect(page.get_by_text("You are a visitor here").first).to_be_visible()
                page.locator(".toast-close").first.click()
                expect(page.get_by_text("You are a visitor here")).to_have_count(0)
            assert studio.servers.show()["model"] == "secret-model"


@pytest.mark.slow
def test_an_export_is_checked_for_hosted_fine_tuning(chrome, tmp_path):
    with serve(tmp_path / "home") as (address, studio), opened(chrome, address) as page:
        with writing(studio.engine) as rows:
            for i in range(12):
                choice(rows, left=f"Dear Oak {i}, I bake. Sam Ode", right=f"Dear Oak {i}, I cook. Sam Ode", company=f"Oak {i}")
        page.get_by_role("tab", name="Data").click()
        expect(page.locator("#hosted")).to_be_hidden()
        page.locator("#export-format input").click()
        page.get_by_role("option", name="OpenAI preference").click()
        page.locator("#hosted-price input").fill("25")
        page.locator("#hosted-check").click()
        expect(page.locator("#export-said")).to_contain_text("This file would be taken.")
        expect(page.locator("#export-said")).to_contain_text("costs about")
        page.locator("#export-format input").click()
        page.get_by_role("option", name="CSV").click()
        expect(page.locator("#hosted")).to_be_hidden()
