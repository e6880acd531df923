"""The screens in a real browser: writing, choosing, looking again, and what must never be seen."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import expect

from ftapp import config, review
from ftapp.backends.folders import weights_hash
from ftapp.ui import write as ui_write
from ftapp.ui.owner import LOCAL
from tests.browser import LETTER, OTHER, POSTING, RESUME, finished, letters, opened, serve, write
from tests.tiny import tiny_llama, tiny_qwen2

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
HOSTILE = 'Dear <b>team</b>,\n\n<img src=x onerror="window.forged=1"> {{value}} ${1+1} </article><script>window.forged=1</script>\n\nSam'


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("screens") / "home") as running:
        yield running


def new_choices(page):
    return int(page.locator("#new-choices b").inner_text())


def test_write_choose_and_take_back(page):
    before = new_choices(page)
    write(page)
    finished(page)
    assert letters(page) == {LETTER, OTHER}
    expect(page.locator("#understood")).to_contain_text("Baker at Fernhill Bakery")
    assert "model" not in page.locator("#tag-left").inner_text(), "who wrote a letter is not shown before the vote"
    page.locator("#verdict-right").click()
    expect(page.locator("#outcome")).to_contain_text("You chose B. Stored: 1 comparison to learn from.")
    expect(page.locator("#tag-right")).to_contain_text("your choice")
    expect(page.locator("#tag-left")).to_contain_text("by the")
    expect(page.locator("#new-choices b")).to_have_text(str(before + 1))
    page.locator("#posting textarea").fill("The posting that comes next")
    page.locator("#undo").click()
    expect(page.locator("#verdict")).to_be_visible()
    expect(page.locator("#posting textarea")).to_have_value("The posting that comes next")
    expect(page.locator("#new-choices b")).to_have_text(str(before))
    assert "model" not in page.locator("#tag-left").inner_text()


def test_keys_choose_but_never_while_someone_types(page):
    write(page)
    finished(page)
    page.locator("#hook input, #hook textarea").first.click()
    page.keyboard.press("1")
    page.wait_for_timeout(500)
    expect(page.locator("#verdict")).to_be_visible()
    page.locator(".brand").click()
    page.locator("#keys-switch input").click()
    page.locator(".question").click()
    page.keyboard.press("1")
    page.wait_for_timeout(500)
    expect(page.locator("#verdict")).to_be_visible()
    page.locator("#keys-switch input").click()
    page.locator(".question").click()
    page.keyboard.press("3")
    expect(page.locator("#outcome")).to_contain_text("tie")


@pytest.mark.slow
def test_a_refresh_and_a_second_tab_show_the_same_pair(page):
    write(page)
    finished(page)
    left = page.locator("#letter-left .letter").inner_text()
    page.reload()
    expect(page.locator("#letter-left .letter")).to_have_text(left)
    expect(page.locator("#posting textarea")).to_have_value(POSTING)
    second = page.context.new_page()
    second.goto(page.url)
    expect(second.locator("#letter-left .letter")).to_have_text(left)
    second.locator("#verdict-left").click()
    expect(second.locator("#outcome")).to_contain_text("You chose A.")
    page.locator("#verdict-right").click()  # the first tab comes too late
    expect(page.get_by_text("This pair was already judged")).to_be_visible()


@pytest.mark.slow
def test_a_connection_note_can_be_chosen_and_what_is_taken_off_is_told(chrome, tmp_path):
    long = "Sure! Here is a <i>message</i>:\n\nHi all,\n\n" + "I bake bread for two hundred guests. " * 12 + "\n\nThanks,\nSam Ode"
    texts = [long, f"Other {long}"]
    with serve(tmp_path / "home", {None: texts, "starter": texts}) as (address, _), opened(chrome, address) as page:
        page.locator("#posting textarea").fill(POSTING)
        page.locator("#resume textarea").fill(RESUME)
        page.locator("#kind input").click()
        page.get_by_role("option", name="LinkedIn message").click()
        expect(page.locator("#words input")).to_have_value("80 words")
        page.locator("#words input").click()
        page.get_by_role("option", name="Note, 300 characters").click()
        expect(page.locator(".toast-body")).to_have_count(0)  # Gradio refuses a length that is none of the kind's
        page.locator("#write").click()
        expect(page.locator(".why")).to_have_count(2)
        for side in ("left", "right"):
            assert len(page.locator(f"#letter-{side} .letter").inner_text()) <= 300
        told = page.locator("#letter-left .removed")
        expect(told).to_contain_text("A preamble of")
        expect(told).to_contain_text("a connection note holds 300 characters")
        told.locator("summary").click()
        expect(told.get_by_text("Here is a <i>message</i>:")).to_be_visible()


def test_edit_then_choose(page):
    write(page)
    finished(page)
    before = new_choices(page)
    page.locator("#edit-left").click()
    box = page.locator("#edited textarea")
    expect(box).to_have_value(page.locator("#letter-left .letter").inner_text())
    box.fill("Dear team,\n\nI bake.\n\nSam")
    page.locator("#take-edit").click()
    expect(page.locator("#outcome")).to_contain_text("You chose your own version. Stored: 2 comparisons")
    expect(page.locator("#new-choices b")).to_have_text(str(before + 1))


def test_an_empty_posting_gets_a_sentence_and_the_page_goes_on(page):
    write(page, posting="  ")
    expect(page.locator("#say")).to_contain_text("Paste the posting")
    expect(page.locator("#write")).to_be_visible()
    write(page)
    finished(page)


@pytest.mark.slow
def test_every_screen_without_data_says_what_to_do_and_leads_there(chrome, tmp_path, monkeypatch):
    monkeypatch.setattr(config, "STARTER", tmp_path / "no starter")
    with serve(tmp_path / "home") as (address, _), opened(chrome, address) as page:
        for tab, button, words in (("Models", "models", "Choose between a few pairs"), ("Data", "data", "Nothing is stored yet")):
            page.get_by_role("tab", name=tab).click()
            expect(page.get_by_text(words)).to_be_visible()
            page.locator(f"#{button}-first").click()
            expect(page.locator("#write")).to_be_visible()


@pytest.mark.slow
def test_hostile_letters_are_only_text(chrome, tmp_path):
    texts = {None: (HOSTILE,), "starter": (HOSTILE,)}
    with serve(tmp_path / "home", texts) as (address, _), opened(chrome, address) as page:
        write(page)
        finished(page)
        assert letters(page) == {HOSTILE}
        page.reload()
        expect(page.locator("#letter-right .letter")).to_have_text(HOSTILE)
        assert page.evaluate("window.forged") is None
        assert page.locator(".letter b, .letter img").count() == 0


@pytest.mark.slow
def test_an_early_vote_finishes_the_winner_and_ends_the_loser(chrome, tmp_path):
    with serve(tmp_path / "home", pace=0.25) as (address, studio), opened(chrome, address) as page:
        write(page)
        expect(page.locator("#verdict")).to_be_visible()
        page.locator("#verdict-left").click()
        expect(page.locator("#outcome")).to_contain_text("You chose A.")
        assert page.locator("#letter-left .letter").inner_text() in (LETTER, OTHER)
        assert len(page.locator("#letter-right .letter").inner_text()) < len(LETTER) - 20
        expect(page.locator("#stop")).to_be_hidden()
        assert studio.header_counts("local")["new_choices"] == 0, "an unfinished letter teaches nothing"


@pytest.mark.slow
def test_stop_keeps_what_was_written_and_a_closed_tab_frees_the_model(chrome, tmp_path):
    with serve(tmp_path / "home", pace=0.5) as (address, studio):
        with opened(chrome, address) as page:
            write(page)
            expect(page.locator("#letter-left .letter")).to_contain_text("Dear")
            page.locator("#stop").click()
            expect(page.locator("#stop")).to_be_hidden()
            assert page.locator("#letter-left .letter").inner_text() not in (LETTER, OTHER)
            page.locator("#write").click()
            expect(page.locator("#letter-left .letter")).to_contain_text("Dear")
        until = time.monotonic() + 20
        while studio._streams and time.monotonic() < until:
            time.sleep(0.1)
        assert not studio._streams, "the letters went on for nobody"


@pytest.mark.slow
def test_a_visitor_sees_nothing_of_another_and_may_not_train(chrome, tmp_path):
    with serve(tmp_path / "home", host="0.0.0.0", password="open sesame") as (address, _):
        with opened(chrome, address) as page:
            write(page)
            finished(page)
            cookies = page.context.cookies()
            assert [c["httpOnly"] for c in cookies if c["name"] == "ftapp_visitor"] == [True]
            with opened(chrome, address) as other:
                expect(other.locator("#letter-left .paper.empty")).to_be_visible()
                assert other.locator("#posting textarea").input_value() == ""
            page.get_by_role("tab", name="Models").click()
            page.locator("#rollback").click()
            expect(page.get_by_text("You are a visitor here")).to_be_visible()
            page.get_by_role("button", name="Owner").click()
            page.get_by_label("Owner's password").fill("open sesame")
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_text("You are signed in as the owner")).to_be_visible()


@pytest.mark.slow
def test_a_phone_needs_no_sideways_scrolling(chrome, app):
    with opened(chrome, app[0], viewport={"width": 390, "height": 844}, color_scheme="dark") as page:
        write(page)
        finished(page)
        for tab in ("Write", "Teach", "Models", "Data"):
            page.get_by_role("tab", name=tab).click()
            page.wait_for_timeout(400)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, tab


def teach(studio, pairs):
    """Choices for as many postings, each letter as often: the gate sees no phrase that only chosen letters have, and there is no taste
    that would judge what a random model writes."""
    for number in range(pairs):
        *_, pair = studio.write_pair("local", POSTING.replace("Fernhill", f"Fernhill{number}"), RESUME, seed=number)
        liked = OTHER if number % 2 else LETTER
        studio.prefer("local", pair["comparison_id"], "left" if pair["left"] == liked else "right")


@pytest.mark.slow
def test_before_a_training_the_screen_says_what_it_would_take(chrome, tmp_path):
    with serve(tmp_path / "home", model=str(tiny_llama(tmp_path / "model"))) as (address, studio), opened(chrome, address) as page:
        page.locator("#retrain").click()
        expect(page.locator("#plan")).to_contain_text("Only 0 of your choices can train")
        expect(page.locator("#start-training")).to_be_disabled()
        expect(page.locator("#run-status")).to_contain_text("Nothing has been taught yet")
        teach(studio, 12)
        page.get_by_role("tab", name="Write").click()
        page.locator("#retrain").click()
        expect(page.locator("#plan")).to_contain_text("comparisons to learn from")
        expect(page.locator("#plan")).to_contain_text("seconds")
        expect(page.locator("#start-training")).to_be_enabled()


@pytest.mark.slow
def test_teach_watch_use_and_roll_back(chrome, tmp_path):
    """A real trainer process on a tiny model, started, watched and used by mouse."""
    with serve(tmp_path / "home", model=str(tiny_llama(tmp_path / "model"))) as (address, studio), opened(chrome, address) as page:
        studio.backend().base_hash = weights_hash(tmp_path / "model")
        studio.supervisor.watch()
        teach(studio, 20)
        expect(page.locator("#new-choices b")).to_have_text("20")
        page.locator("#retrain").click()
        expect(page.locator("#start-training")).to_be_enabled()
        page.locator("#start-training").click()
        expect(page.locator("#stop-training")).to_be_visible()
        page.reload()  # the training goes on without its page
        page.locator("#retrain").click()
        expect(page.locator("#run-status")).to_contain_text("Finished", timeout=400_000)
        expect(page.locator("#new-choices b")).to_have_text("0")
        for plot in ("agreement", "loss"):
            expect(page.locator(f"#plot-{plot} canvas, #plot-{plot} svg").first).to_be_visible()
        expect(page.locator("#result")).to_contain_text("held-out posting")
        expect(page.locator("#reading")).not_to_be_empty()
        page.locator("#use-it").click()
        expect(page.locator("#promotion")).to_contain_text("It writes from now on")
        (made,) = studio.adapters("local")
        assert made["state"] == "live"
        page.locator("#roll-back").click()
        expect(page.locator("#promotion")).to_contain_text("the base model writes again")


@pytest.mark.slow
def test_another_base_model_is_loaded_or_refused_in_words(chrome, tmp_path):
    with serve(tmp_path / "home") as (address, studio), opened(chrome, address) as page:
        page.get_by_role("tab", name="Models").click()
        expect(page.locator("#base-state")).to_have_text("The model that ships with the app is ready.")
        page.locator("#base-model input, #base-model textarea").first.fill("!!bad id")
        page.locator("#load-model").click()
        expect(page.locator("#base-state .warning")).to_contain_text("it is no Hugging Face id either")
        page.locator("#base-model input, #base-model textarea").first.fill("nobody/no-such-model")
        page.locator("#load-model").click()
        expect(page.locator("#base-state .warning")).to_contain_text("nobody/no-such-model")
        expect(page.locator("#models-said")).to_be_empty()  # the answer stands where it was asked
        expect(page.locator("#model-state")).to_contain_text("Model ready")  # the one that was there
        page.get_by_role("tab", name="Write").click()
        write(page)
        finished(page)
        page.get_by_role("tab", name="Models").click()
        page.locator("#base-model input, #base-model textarea").first.fill(str(tiny_qwen2(tmp_path / "qwen")))
        page.locator("#load-model").click()
        expect(page.locator("#base-state")).to_contain_text("qwen is ready.")
        page.get_by_role("tab", name="Write").click()
        expect(page.locator("#words input")).to_have_value("300 words")  # what this model can write


@pytest.mark.slow
def test_a_tab_keeps_its_pair_though_another_tab_has_written_a_newer_one(chrome, tmp_path):
    with serve(tmp_path / "home") as (address, studio), opened(chrome, address) as page:
        write(page)
        finished(page)
        left = page.locator("#letter-left .letter").inner_text()
        studio.backend().texts |= dict.fromkeys((None, "starter"), ["Dear newer one,\n\nI knead.\n\nYours,\nSam Ode"] * 2)
        *_, newer = studio.write_pair(LOCAL, "Cook\nCompany: Elm", RESUME)
        page.locator("#edit-left").click()
        expect(page.locator("#edited textarea")).to_have_value(left)
        page.locator("#verdict-left").click()
        expect(page.locator("#outcome")).to_contain_text("You chose A.")
        page.locator("#undo").click()
        expect(page.locator("#verdict")).to_be_visible()
        expect(page.locator("#letter-left .letter")).to_have_text(left)
        page.locator("#verdict-right").click()
        expect(page.locator("#outcome")).to_contain_text("You chose B.")
        assert studio.current_comparison(LOCAL)["comparison_id"] == newer["comparison_id"], "nobody has judged that one"


@pytest.mark.slow
def test_a_vote_while_the_letters_are_being_marked_stays(chrome, tmp_path, monkeypatch):
    def slowly(*given):
        time.sleep(2)
        return review.review(*given)

    monkeypatch.setattr(ui_write, "review", slowly)
    with serve(tmp_path / "home") as (address, _), opened(chrome, address) as page:
        write(page)
        expect(page.locator("#verdict")).to_be_visible()
        page.wait_for_timeout(2500)
        page.locator("#verdict-left").click()
        expect(page.locator("#outcome")).to_contain_text("You chose A.")
        expect(page.locator("#stop")).to_be_hidden()
        page.wait_for_timeout(500)
        expect(page.locator("#verdict")).to_be_hidden()
        expect(page.locator("#outcome")).to_be_visible()
