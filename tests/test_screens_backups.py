"""The Data tab makes a backup and puts one back after asking; a visitor may do neither, and is shown none."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from sqlmodel import select

from db.engine import session, write
from db.models import Preference
from tests.browser import opened, serve
from tests.shelf import choice

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


def choose(studio, company):
    with write(studio.engine) as rows:
        return choice(rows, company=company).id


@pytest.mark.slow
def test_a_backup_is_made_and_put_back(chrome, tmp_path):
    with serve(tmp_path / "home") as (address, studio), opened(chrome, address) as page:
        first = choose(studio, "Oak")
        page.get_by_role("tab", name="Data").click()
        expect(page.locator("#backup-state")).to_contain_text("No backup yet")
        page.locator("#backup-make").click()
        expect(page.locator("#backup-said")).to_contain_text("Backed up and checked")
        choose(studio, "Elm")
        page.locator("#backup-restore").click()
        expect(page.locator("#backup-said")).to_contain_text("will be gone")
        page.locator("#backup-sure").click()
        expect(page.locator("#backup-said")).to_contain_text("Put back")
        expect(page.locator("#backup-state")).to_contain_text("2 backups")
        expect(page.locator("#backup-sure")).to_be_hidden()
        with session(studio.engine) as rows:
            assert rows.exec(select(Preference.id)).all() == [first]


@pytest.mark.slow
def test_a_visitor_makes_none_and_sees_none(chrome, tmp_path):
    with serve(tmp_path / "home", host="0.0.0.0") as (address, studio), opened(chrome, address) as page:
        studio.backups.make()
        page.get_by_role("tab", name="Data").click()
        page.locator("#backup-make").click()
        expect(page.get_by_text("You are a visitor here").first).to_be_visible()
        expect(page.locator("#backup-which")).to_be_hidden()
        assert len(studio.backups.listing()) == 1
