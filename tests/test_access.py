"""The page for everyone: axe finds nothing serious on any tab, and the whole loop goes by keyboard alone, its focus always seen."""

from __future__ import annotations

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

from ftapp import portfolio
from ftapp.projects import PROJECT
from tests.browser import LETTER, POSTING, RESUME, finished, opened, serve

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


def serious(page, looks=5):
    """What axe finds of impact serious or critical: rule, element, why. What may be passing, as a colour that still fades in on a busy
    machine, is looked at again."""
    page.evaluate(AXE_SCRIPT)
    while True:
        rules = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        found = [
            (rule["id"], node["target"], node["failureSummary"])
            for rule in rules if rule["impact"] in ("serious", "critical") for node in rule["nodes"]
        ]  # fmt: skip
        looks -= 1
        if not found or not looks:
            return found
        page.wait_for_timeout(1000)


def unfold(page):
    """Every fold that is seen, opened: evidence, scores and Gradio's own."""
    page.evaluate("""() => {
        for (const fold of document.querySelectorAll("details")) fold.open = true;
        for (const fold of document.querySelectorAll("button.label-wrap:not(.open)")) if (fold.offsetParent) fold.click();
    }""")
    page.wait_for_timeout(500)  # colours fade in


@pytest.mark.slow
def test_axe_finds_nothing_serious_on_any_tab(chrome, app):
    """Write with a finished pair, Teach, Models and Data with a portfolio, by day and by night, wide and on a phone."""
    address, studio = app
    *_, pair = studio.write_pair("local", POSTING, RESUME, seed=7)
    assert LETTER in (pair["left"], pair["right"]), "one letter holds a claim that no text supports"
    studio.portfolio.add("local", portfolio.source(PROJECT, "Oven", "Built a wood-fired oven.", "https://oven.example", "brick, clay"))
    for scheme in ("light", "dark"):
        for width in (1280, 390):
            with opened(chrome, address, viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
                where = f"{width} px, {scheme}"
                finished(page)
                expect(page.locator("mark.claim.open")).to_be_visible()
                expect(page.locator("#understood")).to_contain_text("Sam Ode")
                unfold(page)
                assert not serious(page), f"Write, {where}"
                page.locator("#edit-left").click()
                expect(page.locator("#edited textarea")).to_be_visible()
                assert not serious(page), f"Write, editing, {where}"
                for tab, ready in (("Teach", "#plan"), ("Models", "#adapters"), ("Data", "#portfolio-list li")):
                    page.get_by_role("tab", name=tab).click()
                    expect(page.locator(ready)).to_be_visible()
                    unfold(page)
                    assert not serious(page), f"{tab}, {where}"


@pytest.mark.slow
def test_axe_is_heard(chrome, app):
    """The check above can fail: text in the colour of paper is found."""
    with opened(chrome, app[0]) as page:
        expect(page.locator(".lead:visible").first).to_be_visible()
        page.add_style_tag(content=".lead { color: #eee !important; transition: none !important; }")
        heard = next(filter(None, (serious(page) for _ in range(5))), [])  # the style may need a moment
        assert [rule for rule, *_ in heard] == ["color-contrast"]


def held(page):
    """(id around the focused element, its text, whether a ring shows it, its tag)."""
    return page.evaluate("""() => {
        const el = document.activeElement, named = el.closest("[id]:not([id^=html-], [id^=component-])");
        const ring = [el, el.closest(".wrap")].some((one) => one && getComputedStyle(one).outlineStyle !== "none");
        return [named ? named.id : "", el.innerText || "", ring, el.tagName];
    }""")


def tab_to(page, wanted, most=40):
    """Press Tab until the focus is where `wanted(id, text, tag)` says. On the way it is always seen, except once around on the body."""
    for _ in range(most):
        page.keyboard.press("Tab")
        id, text, ring, tag = held(page)
        assert ring or tag == "BODY", f"the focus on {tag} in {id} cannot be seen"
        if wanted(id, text, tag):
            return
    raise AssertionError("Tab does not lead there")


def by_id(name):
    return lambda id, text, tag: id == name


def test_the_whole_loop_by_keyboard_alone(chrome, app):
    with opened(chrome, app[0]) as page:
        expect(page.locator("#new-choices b")).to_be_visible()
        tab_to(page, lambda id, text, tag: id == "posting" and tag == "TEXTAREA")
        page.keyboard.insert_text(POSTING)
        tab_to(page, lambda id, text, tag: id == "resume" and tag == "TEXTAREA")
        page.keyboard.insert_text(RESUME)
        tab_to(page, by_id("write"))
        expect(page.locator("ul.options")).to_have_count(0)  # no list stays open behind the focus
        page.keyboard.press("Enter")
        finished(page)
        expect(page.locator("#write")).to_be_focused()  # it went away for Stop, and came back with the focus

        tab_to(page, lambda id, text, tag: tag == "MARK")
        assert "two hundred" in held(page)[1]
        shown = "getComputedStyle(document.activeElement, '::after').content"
        assert page.evaluate(f"{shown} === JSON.stringify(document.activeElement.getAttribute('aria-description'))"), "its reason is seen"
        tab_to(page, lambda id, text, tag: tag == "SUMMARY" and "to check" in text)
        page.keyboard.press("Enter")
        tab_to(page, lambda id, text, tag: text == "Remove the sentence")
        page.keyboard.press("Space")
        expect(page.locator("#edited textarea")).to_be_focused()
        assert "two hundred" not in page.locator("#edited textarea").input_value()
        tab_to(page, by_id("drop-edit"))
        page.keyboard.press("Enter")
        expect(page.locator("#edit-left")).to_be_focused()

        page.keyboard.press("2")
        expect(page.locator("#outcome")).to_contain_text("You chose B.")
        expect(page.locator("#undo")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#verdict-left")).to_be_focused()
        page.keyboard.press("Space")
        expect(page.locator("#outcome")).to_contain_text("You chose A.")


def test_arrow_keys_go_from_claim_to_claim_and_tab_leaves_the_letter(chrome, tmp_path):
    body = "Dear team,\n\nAt Oakline Rolls I baked 300 loaves a day since 2019."
    told = f"{body} I bake.\n\nSam Ode", f"{body} I knead.\n\nSam Ode"
    with serve(tmp_path / "home", {None: told, "starter": told}) as (address, studio):
        list(studio.write_pair("local", POSTING, RESUME, seed=7))
        with opened(chrome, address) as page:
            finished(page)
            claims = page.locator("#letter-left .letter .claim")
            expect(claims.nth(2)).to_be_attached()
            claims.first.focus()
            page.keyboard.press("ArrowRight")
            expect(claims.nth(1)).to_be_focused()
            page.keyboard.press("ArrowLeft")
            expect(claims.first).to_be_focused()
            assert page.locator("#letter-left .claim[tabindex='0']").count() == 1, "one stop for a letter without open claims"


def test_what_a_claim_rests_on_is_never_cut_off_on_a_phone(chrome, app):
    address, studio = app
    list(studio.write_pair("local", POSTING, RESUME, seed=7))
    with opened(chrome, address, viewport={"width": 390, "height": 844}) as page:
        finished(page)
        for claim in page.locator(".letter .claim").all():
            claim.focus()
            wide = page.evaluate("parseFloat(getComputedStyle(document.activeElement, '::after').width)")
            room = claim.locator("xpath=ancestor::div[contains(@class, 'letter')]").bounding_box()["width"]
            assert 0 < wide <= room
            assert page.evaluate("document.querySelector('.gradio-container').scrollWidth") <= 390
