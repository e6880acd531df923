"""Scores mean what their definitions say: known values, and each one moves when its cause does."""

from __future__ import annotations

import pytest

from ftapp import metrics
from ftapp.profiles import JobPosting, ResumeProfile

JOB = JobPosting(title="Data Analyst", company="Harbour & Vale Ltd", location="Bristol",
                 requirements=["SQL and Python", "Dashboards for people who do not read code", "Experience with Tableau"])  # fmt: skip
ME = ResumeProfile(name="Mara Lindqvist")
GENERIC = "I am excited to apply at Harbour & Vale Ltd. My strong skills and great experience make me an excellent candidate."
OWN = "My dashboards let people understand numbers without code. I query with SQL and Python."


def score(letter: str, name: str, job: JobPosting = JOB, **given) -> metrics.Score:
    return next(s for s in metrics.scores(letter, "cover_letter", 100, ME, job, **given) if s.name == name)


def test_repetition_by_hand():
    assert metrics.repetition("To be or not to be") == pytest.approx(1 - 4 / 6)
    assert metrics.repetition("Be be, BE") == pytest.approx(1 - 2 / 3)  # "be," is a word of its own: split on white space only
    assert metrics.repetition(" \n") == 0.0


def test_rouge_l_by_hand():
    # Longest common sequence "the report ended" (3 of 4 words there, 3 of 6 here): P 3/6, R 3/4, F1 0.6.
    assert metrics.rouge_l_f1("the weekly sales report has ended", "the report quickly ended") == pytest.approx(0.6)
    assert metrics.rouge_l_f1("same words", "Same, words!") == 1.0
    assert metrics.rouge_l_f1("managed", "managing") == 0.0  # no stemming
    assert metrics.rouge_l_f1("", "x") == metrics.rouge_l_f1("x", "") == 0.0


def test_every_score_has_its_definition_and_counts_are_counts():
    found = metrics.scores("Dear all,\n\none two", "cover_letter", 100, ME, JOB)
    assert [s.name for s in found] == ["Response Relevance", "Email Structure Quality", "groundedness", "specificity",
                                       "repetition", "words", "characters"]  # fmt: skip
    assert all(s.explanation and s.unit == metrics.DEFINITIONS[s.name][0] for s in found)
    assert (found[5].value, found[6].value) == (4, 18)
    assert score("敬启者，我烤面包。 SQL。", "words").value == 8, "letters stand for words where no spaces part them"


def test_relevance_counts_requirements_by_their_terms():
    found = score(OWN, "Response Relevance")
    assert [part.met for part in found.parts] == [True, True, False]
    assert found.value == pytest.approx(2 / 3)
    assert score(GENERIC, "Response Relevance").value == 0.0


def test_relevance_by_meaning_needs_nearness():
    def similar(requirements, sentences):
        assert len(sentences) == 2
        return [[0.1, near if line == "Experience with Tableau" else 0.0] for line in requirements]

    near = 0.9
    assert score(OWN, "Response Relevance", similar=similar).value == 1.0
    near = metrics.SIMILAR_ENOUGH - 0.01
    assert score(OWN, "Response Relevance", similar=similar).value == pytest.approx(2 / 3)


@pytest.mark.parametrize("asked", ["Master's in Marine Biology", "5 years of sailing", "Teams of 30 sailors"])
def test_likeness_answers_no_fact(asked):
    job = JOB.model_copy(update={"requirements": [asked]})
    assert score(OWN, "Response Relevance", job, similar=lambda texts, lines: [[1.0] * len(lines)] * len(texts)).value == 0.0


def test_nothing_to_measure_is_no_number():
    for name in ("Response Relevance", "specificity"):
        found = score(OWN, name, JobPosting(company="Vale"))
        assert found.value is None and "posting" in found.explanation
    assert score("", "Response Relevance").value == 0.0
    assert score("", "specificity").value is None


def test_groundedness_takes_the_ledgers_counts():
    assert score(OWN, "groundedness").value is None
    assert score(OWN, "groundedness", supported=0, claims=0).value is None
    assert score(OWN, "groundedness", supported=3, claims=4).value == 0.75


def test_a_letter_that_fits_any_employer_is_not_specific_however_often_it_names_one():
    assert score(GENERIC, "specificity").value == 0.0
    notes = [part.note for part in score(GENERIC, "specificity").parts]
    assert notes == ["fits another employer once the names are swapped", "fits any employer"]
    assert score(OWN, "specificity").value == 1.0
    mixed = score(f"{GENERIC} {OWN}", "specificity").value
    assert mixed == pytest.approx(len(OWN.split()) / len(f"{GENERIC} {OWN}".split()))


def test_swapping_the_company_leaves_specificity_as_it_was():
    swapped = JOB.model_copy(update={"company": "Otter Mills"})
    assert score(OWN + " " + GENERIC.replace("Harbour & Vale Ltd", "Otter Mills"), "specificity", swapped).value == pytest.approx(
        score(OWN + " " + GENERIC, "specificity").value, abs=0.05)  # fmt: skip


def test_an_answer_is_relevant_to_its_question():
    job = JobPosting(question="How do I build a professional network?")
    assert score("My network began with professional dinners.", "Response Relevance", job).value == 1.0
    assert score("Bread needs time.", "Response Relevance", job).value == 0.0


def test_summary():
    assert metrics.summary([1, 2, 6]) == {"mean": 3, "std": pytest.approx(7**0.5), "median": 2}
    assert metrics.summary([4]) == {"mean": 4, "std": None, "median": 4}
    assert metrics.summary([]) == {"mean": None, "std": None, "median": None}
