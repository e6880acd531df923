"""The Data tab deletes one thing after saying what would go; a visitor may not, and is shown no list."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from sqlmodel import select

from db.engine import session
from db.models import Document, Letter
from tests.browser import browser, opened, serve
from tests.test_forgetting_one import places, told, trained

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def chrome():
    with browser() as started:
        yield started


@pytest.mark.slow
def test_a_resume_is_chosen_looked_at_and_deleted(chrome, tmp_path):
    with serve(tmp_path / "home") as (address, studio), opened(chrome, address) as page:
        told("CANARY")(studio)
        made = trained(studio)
        page.get_by_role("tab", name="Data").click()
        page.locator("#forget-which input").click()
        page.get_by_role("option", name="Sam").click()
        page.locator("#forget-ask").click()
        expect(page.locator("#forget-told")).to_contain_text(f"{made} learned from it")
        assert places(studio, "CANARY")
        page.locator("#forget-one").click()
        expect(page.locator("#forget-told")).to_contain_text("Deleted: the résumé")
        assert places(studio, "CANARY") == []
        page.locator("#forget-teach").click()
        expect(page.locator("#learn-from")).to_be_visible()
        with session(studio.engine) as rows:
            assert not rows.exec(select(Letter)).all() and not rows.exec(select(Document)).all()


def test_a_visitor_is_shown_no_list(chrome, tmp_path):
    with serve(tmp_path / "home", host="0.0.0.0") as (address, studio), opened(chrome, address) as page:
        told("CANARY")(studio)
        page.get_by_role("tab", name="Data").click()
        page.locator("#forget-which input").click()
        expect(page.get_by_role("option")).to_have_count(0)
        page.locator("#forget-ask").click()
        expect(page.get_by_text("You are a visitor here").first).to_be_visible()
        assert places(studio, "CANARY")
