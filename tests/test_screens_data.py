"""The Data tab in a real browser: a portfolio is shown, searched, and never taken for markup."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from ftapp import portfolio
from ftapp.projects import DOCUMENT, PROJECT
from ftapp.ui.portfolio import BEGINNING, SHOWN, entries, hits
from tests.browser import browser, opened, serve

LONG = "Built a wood-fired oven for a village feast. " * 6 + "<b>The end</b>"


def row(**fields):
    return {"title": "Oven", "link": "", "technologies": [], "text": "", **fields}


def test_an_entry_shows_its_technologies_and_a_long_text_is_folded():
    short = entries([row(technologies=["brick", "clay"], text="An oven.", link="https://oven.example")])
    assert (
        "brick, clay" in short
        and '<div class="body">An oven.</div>' in short
        and "https://oven.example" in short
        and "<details>" not in short
    )
    long = entries([row(text=LONG)])
    assert "<summary>Built a wood-fired" in long and "&lt;b&gt;The end&lt;/b&gt;</div></details>" in long
    assert f"<summary>{'x' * BEGINNING} …</summary>" in entries([row(text="x" * 500)]), "one endless word"
    assert "And 2 more" in entries([row()] * (SHOWN + 2))


def test_without_a_hit_and_by_words_alone_a_search_says_so():
    assert "Nothing here fits" in hits(portfolio.Answer([])) and "by their words only" in hits(portfolio.Answer([], "by their words only"))


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.timeout(600)
def test_a_portfolio_is_searched_and_a_hit_says_why(tmp_path):
    with serve(tmp_path / "home") as (address, studio), browser() as chrome, opened(chrome, address) as page:
        page.get_by_role("tab", name="Data").click()
        expect(page.get_by_text("letters may draw on it where it fits")).to_be_visible()
        expect(page.locator("#portfolio-query")).to_be_hidden()  # there is nothing to search
        studio.portfolio.add("local", portfolio.source(PROJECT, "Oven", LONG, "https://oven.example", "brick, clay"))
        studio.portfolio.add("local", portfolio.source(DOCUMENT, "Notes", "Minutes of the choir."))
        studio.portfolio.add("stranger", portfolio.source(PROJECT, "Secret oven", "Brick by brick.", "", "brick"))
        page.get_by_role("tab", name="Write").click()
        page.get_by_role("tab", name="Data").click()
        expect(page.locator("#portfolio-list li")).to_have_count(2)
        expect(page.locator("#portfolio-list")).to_contain_text("brick, clay")
        query = page.locator("#portfolio-query input, #portfolio-query textarea").first
        query.fill("ovens of brick")
        query.press("Enter")
        hit = page.locator("#portfolio-found li")
        expect(hit).to_have_count(1)
        expect(hit).to_contain_text("Fits “ovens of brick”: both name")
        expect(hit).to_contain_text("https://oven.example")
        query.fill("  ")
        page.locator("#portfolio-search").click()
        expect(page.locator("#portfolio-found")).to_have_text("Type what to look for.")
        assert page.locator("#portfolio-list li b b").count() == 0
