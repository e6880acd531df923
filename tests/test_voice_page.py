"""The page of a voice: everything is escaped, empty states teach, and the numbers stand in words too."""

from __future__ import annotations

import re

from ftapp import voice, voice_report, voice_verdict
from ftapp.ui import own_letters
from ftapp.ui import voice as page

EVIL = "<img src=x onerror=alert(1)>"
LETTERS = [f"Hi {EVIL} team,\n\nI'm keen on {EVIL} stock lists; they {EVIL} help!\n\nCheers {EVIL},\nMara"] * 3


def side(distance, letters=3):
    return {"letters": letters} | dict.fromkeys(voice_report.SCORES, 0.5) | {"voice_distance": distance, "words": 90.0}


def report(**more):
    one = {"voice_distance": 0.5, "groundedness": 1.0}
    row = {"title": EVIL} | {who: EVIL for who in page.SIDES} | {f"{who}_finished": who != "before" for who in page.SIDES}
    found = {
        "own": 0.4, "table": {"before": side(1.2), "prompted": side(0.9), "after": side(0.5), "reference": side(0.4)},
        "habits": {"before": {"opener": 2.0, "commas": 1.0, "dashes": 0.2}, "after": {"opener": 0.0, "commas": 1.4, "dashes": 0.2}},
        "letters": [row], "held_out": 3, "elsewhere": 20, "examples": 3, "note": "",
        "forgetting": {"sentence": "Nothing was forgotten.", "warning": False},
        "reciting": {"sentence": "It recites.", "warning": True, "letters": 20, "leaks": [{"kind": "name", "text": EVIL, "title": EVIL}]},
        "verdict": voice_verdict.verdict([{"before": one | {"voice_distance": 1.2}, "after": one}], 0.4),
    }  # fmt: skip
    return found | more


def test_nothing_from_outside_becomes_markup():
    for drawn in (page.card_page(voice.card(LETTERS)), page.report_page(report())):
        assert "<img" not in drawn
    assert "&lt;img" in page.report_page(report())


def test_without_letters_it_says_what_to_do():
    assert "Paste a few" in page.card_page(None)
    assert "3 letters of yours were the examples in the prompt" in page.report_page(report())
    assert page.report_page({}) == "" == own_letters.last_training({})
    assert page.report_page(report()) in own_letters.last_training(report())


def test_the_card_shows_the_persons_own_words():
    letter = "Hi {} team,\n\nI'm here to help - any day. I can't wait!\n\nCheers,\nMara"
    card = voice.card([letter.format(name) for name in ("Tern", "Larch", "Fox")])
    drawn = page.card_page(card)
    assert "Hi … team," in drawn and "Cheers" in drawn and "<q>I&#x27;m here to help</q>" in drawn
    assert 'class="none"' in drawn and "never" in drawn, "marks that are never used are shown as such"
    assert "6–10 words" in drawn, "the bars are told in words"


def test_one_letter_makes_a_page_too():
    assert "three letters and more" in page.card_page(voice.card(["Hello,\n\nI am Mara."]))


def test_the_report_shows_what_moved_and_what_stayed():
    drawn = page.report_page(report())
    order = [drawn.index(voice.LABELS[name]) for name in ("opener", "commas")]
    assert order == sorted(order) and "About as before: dashes." in drawn
    assert "Greeting: 2.0, now 0.0" in drawn and "Commas: 1.0, now 1.4" in drawn
    assert "It recites." in drawn and drawn.count("note warning") == 1
    assert "stopped before its end" in drawn
    assert re.search(r"Before \(3 letters\).*Base model with your letters as examples", drawn)


def test_a_side_that_was_not_measured_has_no_dot():
    drawn = page.report_page(report(table={"before": side(None, 0), "after": side(0.5)}, own=None))
    assert "After: 0.50" in drawn and "Before:" not in drawn and "–" in drawn
    assert page.report_page(report(table={}, habits={}, letters=[]))
