"""The Label screen in a real browser: by keys, whatever the connection does, and letters that stay text."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from sqlmodel import select

from db.engine import session
from db.models import Comparison
from tests.browser import opened, serve
from tests.desk import filled, stored
from tests.test_access import by_id, serious, tab_to, unfold

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
HOSTILE = 'Dear <b>team</b>,\n\n<img src=x onerror="window.forged=1"> </article><script>window.forged=1</script>\n\nSam'


def desk(page):
    page.get_by_role("tab", name="Label").click()
    expect(page.locator("#label-vote")).to_be_visible()
    page.wait_for_timeout(400)


def now(page):
    return page.locator("#label-stage").get_attribute("data-shown")


def press(page, key):
    """A key, once the pair that is shown may be judged; returns which pair it was."""
    expect(page.locator("#label-stage[data-shown]")).to_be_visible()
    page.wait_for_timeout(350)
    pair = now(page)
    page.keyboard.press(key)
    return pair


@pytest.mark.slow
def test_twenty_labels_by_keys_with_undo_change_skip_edit_and_mix(chrome, app):
    address, studio = app
    with opened(chrome, address) as page:
        page.get_by_role("tab", name="Label").click()
        page.locator("#label-begin").click()
        expect(page.locator("#label-vote")).to_be_visible()
        judged = [press(page, key) for key in "1234" * 3]
        assert len(set(judged)) == 12
        expect(page.locator("#label-recent li:not(.pending)")).to_have_count(10)
        expect(page.locator("#label-saved")).to_contain_text("Saved: Both bad. A was written by")
        press(page, "u")
        assert now(page) == judged[-1], "undo shows the pair again at once"
        expect(page.locator("#label-saved")).to_contain_text("Taken back")
        assert press(page, "2") == judged[-1]
        skipped = press(page, "s")
        assert now(page) != skipped
        page.locator("#label-recent .change").nth(3).click()
        expect(page.locator("#label-changing")).to_be_visible()
        changed = press(page, "3")
        assert changed in judged
        expect(page.locator("#label-changing")).to_be_hidden()
        edited = press(page, "e")
        expect(page.locator("#label-edited")).to_be_focused()
        page.keyboard.press("1")
        page.keyboard.insert_text("Mine: ")
        page.keyboard.press("Control+Enter")
        mixed = press(page, "m")
        page.keyboard.press("Enter")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_timeout(350)
        page.keyboard.press("Control+Enter")
        expect(page.locator("#label-recent .pending")).to_have_count(0)
        expect(page.locator("#label-recent li").first).to_contain_text("Your mix")
    rows = {row.comparison_id: row for row in stored(studio)}
    assert set(rows) == {*judged, edited, mixed} and skipped not in rows
    assert rows[judged[-1]].verdict == "right" and rows[changed].verdict == "tie"
    assert rows[edited].edited_text.endswith("1Mine:") and rows[mixed].edited_from == "both"
    assert rows[mixed].edited_text.count("\n\n") == 1
    assert all(row.seconds is not None for row in rows.values())


def test_a_refresh_keeps_the_pair_and_a_double_click_is_one_label(chrome, app):
    address, studio = app
    filled(studio)
    with opened(chrome, address) as page:
        desk(page)
        pair = now(page)
        page.reload()
        desk(page)
        assert now(page) == pair
        page.locator("#label-left").dblclick()
        expect(page.locator("#label-saved")).to_contain_text("Saved")
        page.wait_for_timeout(500)
    assert [row.comparison_id for row in stored(studio)] == [pair]


def test_a_cut_connection_loses_and_doubles_nothing(chrome, app):
    """The first answer is lost after the vote was stored: it is told again, and stands once."""
    address, studio = app
    filled(studio)
    made = opened(chrome, address)
    with made as page:
        desk(page)
        lost = []

        def drop(route):
            if not lost:
                lost.append(route.fetch().status)
                return route.abort()
            route.continue_()

        page.route("**/label/vote", drop)
        pair = press(page, "1")
        assert now(page) != pair, "the next pair did not wait"
        expect(page.locator("#label-saved")).to_contain_text("Saved: A")
        assert lost == [200]
        made.errors.clear()  # the browser names the answer that was lost on purpose
    assert [row.comparison_id for row in stored(studio)] == [pair]


def test_a_refused_label_puts_the_pair_back_with_a_sentence(chrome, app):
    address, studio = app
    filled(studio)
    made = opened(chrome, address)
    with made as page:
        desk(page)
        refused = "The disk is full. Nothing was stored. Make room."
        page.route("**/label/vote", lambda route: route.fulfill(status=400, json={"error": refused}))
        pair = press(page, "1")
        expect(page.locator("#label-saved")).to_have_text(refused)
        assert now(page) == pair and not stored(studio)
        page.unroute("**/label/vote")
        press(page, "1")
        expect(page.locator("#label-saved")).to_contain_text("Saved: A")
        made.errors.clear()  # the browser names the refusal that was asked for
    assert [row.comparison_id for row in stored(studio)] == [pair]


@pytest.mark.slow
def test_single_keys_can_be_switched_off_and_control_still_works(chrome, app):
    address, studio = app
    filled(studio)
    with opened(chrome, address) as page:
        desk(page)
        page.locator("#label-keys").uncheck()
        pair = press(page, "1")
        assert now(page) == pair
        page.keyboard.press("Control+2")
        expect(page.locator("#label-saved")).to_contain_text("Saved: B")
        page.reload()
        desk(page)
        expect(page.locator("#label-keys")).not_to_be_checked()
    assert [(row.comparison_id, row.verdict) for row in stored(studio)] == [(pair, "right")]


def test_the_desk_by_keyboard_alone_and_its_focus_is_seen(chrome, app):
    address, studio = app
    filled(studio)
    with opened(chrome, address) as page:
        desk(page)
        tab_to(page, by_id("label-left"), 60)
        page.wait_for_timeout(350)
        page.keyboard.press("Enter")
        expect(page.locator("#label-saved")).to_contain_text("Saved: A")
        tab_to(page, by_id("label-help"), 60)
        page.keyboard.press("Enter")
        expect(page.locator("dl.keys")).to_be_visible()
    assert len(stored(studio)) == 1


def test_letters_stay_text_in_the_desk(chrome, tmp_path):
    other = HOSTILE.replace("team", "crowd of people").replace("Sam", "Somebody else entirely")
    with serve(tmp_path / "home", {None: (HOSTILE, other), "starter": (HOSTILE, other)}) as (address, studio):
        filled(studio, 2)
        with opened(chrome, address) as page:
            desk(page)
            assert "<b>team</b>" in page.locator("#label-pairs").inner_text()
            page.keyboard.press("m")
            page.wait_for_timeout(300)
            assert page.evaluate("window.forged") is None


@pytest.mark.slow
def test_axe_finds_nothing_serious_on_the_desk(chrome, app):
    address, studio = app
    filled(studio, 8)
    with session(studio.engine) as rows:
        assert rows.exec(select(Comparison)).all()
    studio.labelling.invite("local", "Anna")
    (pair, *_) = studio.labelling.next("local", "local")
    studio.labelling.vote("local", "local", pair["id"], "left")
    studio.labelling.set_rules("local", labels_needed=2)
    studio.labelling.vote("local", studio.labelling.named("local", "Anna"), pair["id"], "right")
    for scheme in ("light", "dark"):
        for width in (1280, 390):
            with opened(chrome, address, viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
                desk(page)
                page.keyboard.press("?")
                page.keyboard.press("m")
                unfold(page)
                expect(page.locator("button.settle")).to_have_count(1)
                assert not serious(page), f"{width} px, {scheme}"
                assert page.evaluate("document.querySelector('.gradio-container').scrollWidth") <= width
