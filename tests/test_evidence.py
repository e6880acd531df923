"""A letter with its evidence: what stands in the marks, what is escaped, and what a button takes out."""

from __future__ import annotations

import html
import re

from ftapp import review
from ftapp.errors import ModelError
from ftapp.profiles import Experience, JobPosting, ResumeProfile
from ftapp.ui import evidence, paper

JOB = JobPosting(title="Baker", company="Fernhill Bakery", requirements=["Early hours", "Two years of experience with sourdough"])
ME = ResumeProfile(name="Sam Ode", skills=["sourdough"],
                   experience=[Experience(title="Baker", employer="Oakline Rolls", start="2019", end="present",
                                          achievements=["Baked 300 loaves a day"])])  # fmt: skip
SOURCES = review.Sources("cover_letter", 80, JOB, ME, ("Sam Ode\nBaker at Oakline Rolls since 2019\nBaked 300 loaves a day\nsourdough",))
TRUE = "Dear Fernhill Bakery team,\n\nAt Oakline Rolls I baked 300 loaves a day. I work with sourdough.\n\nKind regards,\nSam Ode"
FALSE = TRUE.replace("300", "900")


def _plain(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", markup))


def test_a_supported_letter_has_no_open_mark_and_names_its_sources():
    found = review.review(TRUE, SOURCES)
    markup = evidence.marked(TRUE, found)
    assert not found.open and "claim open" not in markup and "claim held" in markup
    assert 'aria-description="Baked 300 loaves a day"' in markup
    assert _plain(markup) == TRUE, "marks add nothing to the letter"
    assert "supported" in evidence.summary(TRUE, found)


def test_an_invented_number_is_marked_told_and_can_be_taken_out():
    found = review.review(FALSE, SOURCES)
    assert [claim.text for claim in found.open] == ["900"]
    assert _plain(evidence.marked(FALSE, found)) == FALSE, "the marks' numbers are not part of the letter that is copied"
    assert '<mark class="claim open"' in evidence.marked(FALSE, found) and "1 claim open" in evidence.summary(FALSE, found)
    listed = evidence.points("left", FALSE, found, editable=True)
    assert 'data-side="left" data-number="1"' in listed and "Baked 300 loaves a day" in listed
    assert "data-side" not in evidence.points("left", FALSE, found, editable=False)
    shorter = review.without(FALSE, SOURCES, 1)
    assert "900" not in shorter and "I work with sourdough." in shorter and shorter.startswith("Dear Fernhill")
    assert review.without(FALSE, SOURCES, 0) == FALSE == review.without(FALSE, SOURCES, 7)


def test_what_was_removed_is_told_and_shown_on_demand():
    markup = evidence.removed([{"kind": "preamble", "text": "Sure! Here is <b>your</b> letter:"}])
    assert "A preamble of" in markup and "&lt;b&gt;your" in markup and "<b>" not in markup and "<details" in markup
    assert evidence.removed([]) == ""


def test_without_a_model_words_decide_and_it_is_said():
    def unready(texts, lines):
        raise ModelError("No model.")

    found = review.review(FALSE, SOURCES, unready)
    assert found.note.endswith("No model.") and found.open == review.review(FALSE, SOURCES).open
    assert "No model." in evidence.points("left", FALSE, found, editable=True)
    met = review.review(FALSE, SOURCES, lambda texts, lines: [[1.0] * len(lines)] * len(texts))
    assert not met.note and [claim.text for claim in met.open] == ["900"], "meaning supports no fact"
    assert met.scores[0].value == 1.0 > found.scores[0].value, "but it answers a requirement"


def test_nothing_in_a_letter_or_a_source_becomes_markup():
    hostile = 'I baked 900 loaves at <b onmouseover="x">Evil</b> "Mills" & Co.'
    me = ME.model_copy(update={"skills": ["<script>900 loaves</script>"]})
    sources = review.Sources("cover_letter", 80, JOB, me, ("<img src=x> 900",))
    found = review.review(hostile, sources)
    for markup in (evidence.marked(hostile, found), evidence.points("right", hostile, found, True), evidence.summary(hostile, found)):
        assert not re.search(r"<(script|img|b onmouseover)", markup)
    card = paper.letter(hostile, marked=evidence.marked(hostile, found), foot="<i>", below="")
    assert "<i>" not in card and "<b on" not in card
