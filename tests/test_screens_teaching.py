"""Teach and Models in a real browser: what to learn from, what a plan says, the ladder of models, and nothing that is not here offline."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from ftapp import config
from tests.browser import browser, opened, serve

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("screens") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def chrome():
    with browser() as made:
        yield made


def test_letters_of_ones_own_or_choices_each_with_its_plan(chrome, app):
    with opened(chrome, app[0]) as page:
        page.get_by_role("tab", name="Teach").click()
        expect(page.locator("#plan")).to_contain_text("Only 0 of your choices can train")
        page.locator("#learn-from label").nth(1).click()
        expect(page.locator("#plan")).to_contain_text("Only 0 of your letters can train")
        expect(page.locator("#start-training")).to_be_disabled()
        expect(page.locator("#measure-plan")).to_be_hidden()
        page.locator("#learn-from label").nth(0).click()
        expect(page.locator("#plan")).to_contain_text("your choices can train")


@pytest.mark.slow
def test_the_ladder_says_what_fits_and_offline_a_click_is_a_sentence(chrome, app):
    with opened(chrome, app[0]) as page:
        page.get_by_role("tab", name="Models").click()
        for model in config.model_ids():
            expect(page.locator(".rung", has_text=config.model_spec(model).label).first).to_be_visible()
        expect(page.locator(".rung", has_text="writes now")).to_contain_text("ships with ftapp")
        expect(page.locator("#use-model-0")).to_be_disabled()
        expect(page.locator("#use-model-1")).to_be_enabled()
        page.locator("#use-model-1").click()
        expect(page.locator("#base-state")).to_contain_text("ftapp is offline")
