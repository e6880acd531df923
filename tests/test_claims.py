"""Claims are found where no source holds them, and nowhere else; a sentence is removed without a scar."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from ftapp import claims
from ftapp.claims_facts import DEGREE, dates, degree_level, durations, key, numbers, span
from ftapp.profiles import Experience, JobPosting, ResumeProfile
from ftapp.prompts import Hit

PROFILE = ResumeProfile(
    name="Zoë Ekström",
    headline="Backend Developer",
    experience=[
        Experience(title="Backend Developer", employer="Bramble & Finch Ltd", start="Mar 2019", end="Feb 2023",
                   achievements=["Cut hosting costs by 20% for 5k customers", "Maintained 14 services in Python"]),
        Experience(title="Support Analyst", employer="Ouzel Institute", start="2016", end="2019",
                   achievements=["Answered questions of twenty schools"]),
    ],
    education=["BSc Computer Science, Tarn University, 2015"],
    certificates=["Certified Scrum Master"],
    skills=["Python", "PostgreSQL", "Node.js", "natural language processing", "data visualisation"],
)  # fmt: skip
JOB = JobPosting(title="Platform Engineer", company="Quillstone", location="Lund",
                 requirements=["5 years of Kubernetes", "experience with Terraform", "a team of 12 engineers"])  # fmt: skip


def found(letter: str, **more) -> dict[str, str]:
    """Unsupported claims of a letter: {text: kind}."""
    return {c.text: c.kind for c in claims.unsupported(claims.ledger(letter, PROFILE, JOB, **more))}


@pytest.mark.parametrize(
    "sentence",
    [
        "At Bramble & Finch I maintained 14 services, and at Ouzel Institute I answered questions of twenty schools.",
        "I answered questions of twenty schools before I joined Bramble & Finch as a Backend Developer.",  # named with its own title
        "At Ouzel Institute I answered questions.",
        "At Quillstone I see a team that would let me grow.",
        "I read about the post at Quillstone and would like to help.",
        "I noticed how much you care at Quillstone.",
        "For the position of Platform Engineer at Quillstone, I set out my case below.",
        "I am skilled in Node.",
        "As a Backend Developer I would bring my time at Bramble & Finch Ltd.",
        "I have a Bachelor's degree in Computer Science from Tarn University.",
        "For 5,000 customers I cut hosting costs by 20 per cent.",
        "I answered questions of 20 schools at the Ouzel Institute.",
        "I bring seven years of experience.",  # 4 at one employer and 3 at the other
        "I bring over 6 years of experience.",
        "I was a Support Analyst at Ouzel Institute from 2016 to 2019.",
        "At Bramble & Finch I worked as a backend developer since March 2019.",
        "I am proficient in Python, PostgreSQL and NLP.",
        "I am a Certified Scrum Master.",
        "You ask for 5 years of Kubernetes and a team of 12 engineers.",
        "I am applying for the Platform Engineer role at Quillstone in Lund.",
        "I would love to learn Terraform and Kubernetes at Quillstone.",
        "I am impressed by Quillstone's commitment to Kubernetes.",
        "I have strong communication skills and attention to detail.",
        "I have experience with highquality solutions in a fastpaced environment.",  # hyphens get lost
        "I have experience with PostgreSQL, although limited.",
        "I hold a BSc Computer Science, Tarn University.",
        "As for 5 years of Kubernetes, at Bramble & Finch I maintained 14 services.",  # the posting's line, quoted
        "I bring a fresh perspective and a track record of driving operational improvements.",
        "I work as a backend developer, closely with PostgreSQL.",
        "See my work at Bramble & Finch, where I MAINTAINED 14 SERVICES.",
        "Zoe Ekstrom",
        "Dear Quillstone hiring team,",
        "Kind regards,",
    ],
)
def test_what_a_source_holds_or_nobody_claims_is_left_alone(sentence):
    assert found(sentence) == {}


@pytest.mark.parametrize(
    ("sentence", "text", "kind"),
    [
        ("I cut hosting costs by 35% for 5k customers.", "35%", "number"),
        ("I answered questions of thirty schools.", "thirty", "number"),
        ("I bring nine years of experience.", "nine years", "duration"),
        ("I bring over 12 years of experience.", "over 12 years", "duration"),
        ("I worked there since June 2019.", "June 2019", "date"),
        ("I left in 2011.", "2011", "date"),
        ("I spent my best time at Vetchling Works.", "Vetchling Works", "employer"),
        ("I was a Support Analyst at Bramble & Finch.", "Support Analyst at Bramble & Finch", "title"),
        ("I worked as a product manager.", "product manager", "title"),
        ("I hold a Master's degree in Computer Science.", "Master's degree in Computer Science", "degree"),
        ("I hold a BSc in Marine Biology.", "BSc in Marine Biology", "degree"),
        ("I am proficient in Python, Haskell and PostgreSQL.", "Haskell", "skill"),
        ("I have experience with pottery and data visualisation.", "pottery", "skill"),
        ("I was named Employee of the Year.", "named Employee of the Year", "award"),
        ("I have published several papers on compilers.", "have published several papers on compilers", "award"),
        ("I worked as a backend developer at Bramble Labs.", "Bramble Labs", "employer"),  # another firm than Bramble & Finch
        ("In my current role at Data Services I write Python.", "Data Services", "employer"),
        ("In my current role as a backend developer at Quillstone I write Python.", "Quillstone", "employer"),
        ("I can tell you about Vetchling Works, where I wrote Python.", "Vetchling Works", "employer"),
        ("I hold a BSc Marine Biology.", "BSc Marine Biology", "degree"),
        ("I hold a degree in an agricultural subject.", "degree in an agricultural subject", "degree"),
        ("I hold an NVQ Level 3 in Computer Science.", "NVQ Level 3 in Computer Science", "degree"),
        ("With a Haskell certificate, I am confident that I fit.", "Haskell", "certificate"),
        ("I am proficient in deep learning.", "deep learning", "skill"),
        ("I am proficient in project management and Python.", "project management", "skill"),
        ("My tools are .NET and Python.", ".NET", "skill"),
        ("As a tradeswoman, note: Level 27 Joinery.", "Level 27 Joinery", "skill"),
        ("Write to me at zoe@example.org.", "zoe@example.org", "contact"),
    ],
)
def test_what_no_source_holds_is_marked_with_its_kind(sentence, text, kind):
    assert found(sentence) == {text: kind}


def test_the_posting_supports_nothing_that_the_applicant_claims():
    assert "Kubernetes" in found("I have 5 years of experience with Kubernetes.")
    assert found("I worked with Terraform at Bramble & Finch.") == {"Terraform": "skill"}
    assert found("During my time at Quillstone I maintained 14 services.") == {"Quillstone": "employer"}


def test_a_degree_that_is_quoted_from_the_posting_is_none_of_mine():
    job = JOB.model_copy(update={"requirements": ["a master's in Marine Biology"]})
    read = lambda s: [c.text for c in claims.unsupported(claims.ledger(s, PROFILE, job))]  # noqa: E731
    assert read("Next to a master's in Marine Biology I would put what I did.") == []
    assert read("My own is a master's in Marine Biology.") == ["master's in Marine Biology"]


def test_initials_are_of_words_that_belong_together():
    profile = ResumeProfile(skills=["analysis, infrastructure", "Analyst at Ibex"])
    read = lambda p: [c.text for c in claims.unsupported(claims.ledger("I am proficient in AI.", p, JOB))]  # noqa: E731
    assert read(profile) == ["AI"]
    assert read(ResumeProfile(skills=["artificial intelligence"])) == []


def test_a_span_at_one_employer_is_checked_against_that_position():
    assert found("I spent 7 years at Ouzel Institute.") == {"7 years": "duration"}
    assert found("I spent 3 years at Ouzel Institute.") == {}


@pytest.mark.parametrize(
    ("sentence", "employer", "belongs"),
    [
        ("At Ouzel Institute I cut hosting costs by 20% for 5k customers.", "Ouzel Institute", "Bramble & Finch Ltd"),
        ("At Bramble and Finch, I answered questions of 20 schools.", "Bramble and Finch", "Ouzel Institute"),
        ("I was a backend developer at the Ouzel Institute.", "Ouzel Institute", "Bramble & Finch Ltd"),
        ("In my role at Ouzel Institute I maintained fourteen services in Python.", "Ouzel Institute", "Bramble & Finch Ltd"),
    ],
)
def test_a_true_deed_or_title_at_the_wrong_employer_is_marked(sentence, employer, belongs):
    (claim,) = claims.unsupported(claims.ledger(sentence, PROFILE, JOB))
    assert (claim.text, claim.kind) == (employer, "employer")
    assert belongs in claim.nearest


@pytest.mark.parametrize("sentence", ["At Quillstone, I maintained 14 services.", "I maintained 14 services in Python for Quillstone."])
def test_nobody_worked_yet_where_they_apply(sentence):
    (claim,) = claims.unsupported(claims.ledger(sentence, PROFILE, JOB))
    assert (claim.text, claim.kind) == ("Quillstone", "employer") and "You apply there" in claim.reason


def test_certificate_levels_and_versions_are_told_apart():
    profile = PROFILE.model_copy(update={"certificates": ["Safeguarding Level 3"]})
    read = lambda s: [c.text for c in claims.unsupported(claims.ledger(s, profile, JOB))]  # noqa: E731
    assert read("I hold Safeguarding Level 3.") == []
    assert read("I hold Safeguarding Level 5.") == ["Safeguarding Level 5"]


def test_portfolio_and_further_texts_support_too():
    sentence = "I have experience with Haskell; write to zoe@example.org."
    assert set(found(sentence)) == {"Haskell", "zoe@example.org"}
    assert found(sentence, hits=[Hit("Compiler", "A toy compiler in Haskell")], sources_text=["Zoë, zoe@example.org"]) == {}


def test_a_letter_signed_with_another_name_is_told():
    assert found("I know Python.\n\nKind regards,\nMara Lindqvist") == {"Mara Lindqvist": "contact"}
    assert found("I know Python.\n\nKind regards,\nZoë Ekström") == {}


def test_offsets_point_into_the_letter_and_reasons_name_a_line():
    letter = "Dear team,\n\nI write Python. I was a Support Analyst at Bramble & Finch for some time.\n\nBest regards,\nZoë Ekström"
    traced = claims.ledger(letter, PROFILE, JOB)
    assert [letter[s.start : s.end] for s in traced][:2] == ["Dear team,", "I write Python."]
    (wrong,) = claims.unsupported(traced)
    assert letter[wrong.start : wrong.end] == wrong.text and "Backend Developer at Bramble & Finch" in wrong.reason
    for sentence in traced:
        assert 0 <= sentence.score <= 1
        for claim in sentence.claims:
            assert sentence.start <= claim.start < claim.end <= sentence.end and claim.kind in claims.KINDS


def test_the_nearest_line_is_shown_and_a_better_measure_can_rank_it():
    (sentence,) = claims.ledger("I kept 14 services alive.", PROFILE, JOB)
    assert sentence.support == "Maintained 14 services in Python"
    (sentence,) = claims.ledger("I kept 14 services alive.", PROFILE, JOB, similar=towards("Certified Scrum Master"))
    assert (sentence.support, sentence.score) == ("Certified Scrum Master", 1.0)


def towards(chosen: str):
    """A measure of meaning for which every text is exactly like one line."""
    return lambda texts, lines: [[float(line == chosen) for line in lines] for _ in texts]


def test_meaning_shows_lines_and_supports_nothing():
    letter = "I bring nine years of experience in pottery.\n\nI won the Otter Prize at Vetchling Works. I write Python."
    by_words = claims.ledger(letter, PROFILE, JOB)
    by_meaning = claims.ledger(letter, PROFILE, JOB, similar=towards("Answered questions of twenty schools"))
    assert {c.text for c in claims.unsupported(by_meaning)} >= {"nine years", "pottery", "won the Otter Prize", "Vetchling Works"}
    facts = lambda traced: [(c.start, c.end, c.kind, c.supported, c.reason) for s in traced for c in s.claims]  # noqa: E731
    assert facts(by_words) == facts(by_meaning), "likeness alone, even a perfect one, decides no fact"
    assert {c.nearest for c in claims.unsupported(by_meaning)} == {"Answered questions of twenty schools"}
    assert [c.nearest for s in by_meaning for c in s.claims if c.text == "Python"] == ["Maintained 14 services in Python"]
    assert claims.ledger(letter, ResumeProfile(), JobPosting(), similar=towards("")) == claims.ledger(letter, ResumeProfile(), JobPosting())


LETTER = "Dear team,\n\nI write Python. I won the Otter Prize. I am calm.\n\nI know Haskell.\n\nKind regards,\nZoë"


def at(text: str) -> claims.Claim:
    start = LETTER.index(text)
    return claims.Claim(start, start + len(text), "skill", text, False, "")


def test_a_sentence_is_removed_and_paragraphs_are_kept():
    assert claims.without(LETTER, at("Otter Prize")) == LETTER.replace(" I won the Otter Prize.", "")
    assert claims.without(LETTER, at("Python")) == LETTER.replace("I write Python. ", "")
    assert claims.without(LETTER, at("calm")) == LETTER.replace(" I am calm.", "")
    assert claims.without(LETTER, at("Haskell")) == LETTER.replace("I know Haskell.\n\n", "")
    assert claims.without("I know Haskell.", claims.Claim(7, 14, "skill", "Haskell", False, "")) == ""


def test_a_claim_is_corrected_in_place():
    assert claims.corrected(LETTER, at("Haskell"), " Python ") == LETTER.replace("Haskell", "Python")
    assert claims.corrected(LETTER, at("Haskell"), "") == claims.without(LETTER, at("Haskell"))


def test_one_form_for_every_spelling():
    assert [n.value for n in numbers("5k, 5,000, twenty-five, $1.2 million, 30%")] == [5000, 5000, 25, 1.2e6, 30]
    assert [n.percent for n in numbers("30%, 30 per cent, 30 percent, 30")] == [True, True, True, False]
    assert [(d.years, d.least) for d in durations("over five years, 18 months, a decade, 4+ yrs")] == [
        (5, True), (1.5, False), (10, False), (4, True)]  # fmt: skip
    assert [(d.year, d.month) for d in dates("Sept. 2019, 03/2020 and 2021")] == [(2019, 9), (2020, 3), (2021, 0)]
    levels = [degree_level(next(DEGREE.finditer(d))) for d in ("M.Sc. in X", "Masters in X", "BSc", "Bachelor of Arts", "Ph.D", "MBA")]
    assert levels == ["master", "master", "bachelor", "bachelor", "doctorate", "master"]
    assert key("Café’s") == key("cafe") and key("Companies") == key("company") and key("twenty") == "20"
    assert span("2016", "2019").low <= 3 <= span("2016", "2019").high and span("", "2019") is None


@pytest.mark.parametrize(
    "letter",
    ["", " \n ", "….!?", "日本語の手紙です。私は5年の経験があります。", "مرحبا 12", "🙂" * 50, "I " * 3000, "A" * 20000, "A, " * 5000],
)
def test_strange_letters_end_quickly_and_harm_nothing(letter):
    begun = time.process_time()  # of this process: a busy machine makes no difference
    for sentence in claims.ledger(letter, ResumeProfile(), JobPosting()):
        assert letter[sentence.start : sentence.end].strip()
    assert time.process_time() - begun < 8


def test_the_marked_letters_hold_no_text():
    lines = (Path(__file__).parent.parent / "benchmarks" / "claims_gold.jsonl").read_text(encoding="utf-8").splitlines()
    marks = [json.loads(line) for line in lines]
    assert len(marks) == 60 and all(set(m) == {"id", "letter", "claims"} for m in marks)
    assert all(set(c) == {"start", "end", "kind"} and c["kind"] in claims.KINDS for m in marks for c in m["claims"])
