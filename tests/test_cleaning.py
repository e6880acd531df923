"""Talk around a letter goes, the letter stays; what must not be sent is flagged where it stands."""

from __future__ import annotations

import pytest

from ftapp.cleaning import Stripped, begun, clean, note, strip, told
from ftapp.profiles import Experience, JobPosting, ResumeProfile

JOB = JobPosting(title="Data Analyst", company="Harbour & Vale Ltd", requirements=["SQL"])
ME = ResumeProfile(name="Mara Lindqvist", experience=[Experience(title="Analyst", employer="Pellworm Foods")])
LETTER = ("Dear Harbour & Vale team,\n\nI am applying for the Data Analyst position at Harbour & Vale. At Pellworm Foods "
          "I kept SQL tidy.\n\nPlease let me know if you have any questions.\n\nKind regards,\nMara Lindqvist")  # fmt: skip


def flags(letter: str, job: JobPosting = JOB) -> list[tuple[str, str]]:
    cleaned = clean(letter, job, ME)
    return [(flag.kind, cleaned.text[flag.start : flag.end]) for flag in cleaned.flags]


def test_a_good_letter_is_left_alone():
    assert clean(LETTER, JOB, ME) == clean(f"\n{LETTER}\n\n", JOB, ME)
    assert clean(LETTER, JOB, ME).text == LETTER
    assert clean(LETTER, JOB, ME).stripped == clean(LETTER, JOB, ME).flags == ()


@pytest.mark.parametrize(
    "talk",
    [
        "Sure! Here is a cover letter for the role:",
        "Sure, here's a draft:",
        "Certainly! Below is a tailored cover letter for you.",
        "Of course!",
        "Here is the rewritten email:",
        "Sure thing! Here you go:",
        "**Cover Letter**",
        "I'd be happy to help you with that! Here's a LinkedIn message:",
        "As an AI language model, I cannot send it. Here is a letter:",
        "Here is a possible cover letter based on the information provided:\n\n---",
        "<think>The person wants\na letter.</think>",
        "Great! Here's a cover letter written for the applicant: ",
        "Great, let's begin. Here's the letter:",
        "Certainly, below is a draft you can use.",
        "As requested, here is the letter for Harbour & Vale Ltd.:",
        "Sure thing! Your draft is below.",
        "Got it! Here's what I came up with:",
        "Below is a tailored letter for the Data Analyst (Part Time) post at Harbour & Vale Ltd.",
    ],
)
def test_talk_before_the_letter_is_taken_off_and_kept_aside(talk):
    cleaned = clean(f"{talk}\n\n{LETTER}", JOB, ME)
    assert cleaned.text == LETTER
    assert {piece.kind for piece in cleaned.stripped} <= {"preamble", "thoughts"}
    assert "".join("".join(piece.text for piece in cleaned.stripped).split()) == "".join(talk.split())


@pytest.mark.parametrize(
    "talk",
    [
        "Feel free to adjust it as needed!",
        "Let me know if you'd like me to make any changes!",
        "I hope this helps!",
        "Note: replace the date before you send it.",
        "(112 words)",
        "---\n\nThis cover letter highlights your skills.",
        "Would you like me to shorten it?",
        "Good luck with your application!",
        "I can also write a shorter one.",
    ],
)
def test_talk_after_the_letter_is_taken_off(talk):
    cleaned = clean(f"{LETTER}\n\n{talk}", JOB, ME)
    assert cleaned.text == LETTER and {piece.kind for piece in cleaned.stripped} == {"postscript"}


def test_layers_come_off_together():
    cleaned = clean(f"Sure! Here is the letter:\n\n```text\n{LETTER}\n```\n\nFeel free to edit it.", JOB, ME)
    assert cleaned.text == LETTER
    assert [piece.kind for piece in cleaned.stripped].count("code fence") == 2


@pytest.mark.parametrize(
    "sentence",
    [
        "Sure, I can run a ward.",
        "Great teams need that.",
        "Here is what I would bring to the role.",
        "This is a short note about the Data Analyst role.",
        "This is my application: I know SQL.",
        "Of course I am interested.",
        "I would be happy to help you grow.",
        "Feel free to contact me.",
        "Please let me know if that suits you.",
        "P.S. My notice period is one month.",
        "Certainly, my reports are clear.",
    ],
)
def test_a_letters_own_sentences_stay_at_both_ends(sentence):
    for letter in (f"{sentence}\n\nI know SQL.", f"{sentence} I know SQL.", f"Hello,\n\nI know SQL.\n\n{sentence}"):
        assert clean(letter, JOB, ME).text == letter


@pytest.mark.parametrize("head", ["Mara Lindqvist\n12 Quay Street.", "Re: the letter you requested", "Dear all, below is my letter:"])
def test_a_letterhead_and_a_greeting_are_no_talk(head):
    assert strip(f"{head}\n\n{LETTER}") == (f"{head}\n\n{LETTER}", ())


def test_a_greeting_in_the_same_line_stays():
    for talk in ("Certainly, below is a draft you can use.", "Got it! Here's what I came up with:"):
        assert strip(f"{talk} {LETTER}")[0] == LETTER


@pytest.mark.parametrize("letter", [LETTER, f"\n {LETTER}\n\n", "", " ", "Sure!"])
def test_without_talk_the_letter_is_the_very_same(letter):
    assert strip(letter) == (letter, ())


def test_what_was_taken_off_is_told_without_quoting_it():
    _, taken = strip(f"Sure! Here is a cover letter:\n\n{LETTER}\n\nGood luck with your application!")
    assert told([vars(piece) for piece in taken]) == "A preamble of 6 words and a remark after the letter of 5 words were removed."
    assert told([vars(Stripped("preamble", "---"))]) == "A preamble was removed." and told([]) == ""


def test_the_ending_of_a_note_is_told_with_its_reason():
    _, taken = note("Sure!\n\nHi all,\n\n" + "I bake bread for a whole street. " * 12 + "\n\nThanks,\nMara")
    said = told([vars(piece) for piece in taken])
    assert said == "A preamble of 1 word and an ending of 28 words were removed: a connection note holds 300 characters."


@pytest.mark.parametrize(
    "talk", ["Sure! Here is a cover letter for the role:", "Got it! Here's what I came up with:", "<think>Hm.\nYes.</think>"]
)
def test_talk_is_not_shown_while_a_letter_grows(talk):
    whole = f"{talk}\n\n{LETTER}"
    shown = [begun(whole[:at]) for at in range(len(talk) // 2, len(whole) + 1)]
    assert not any("Here" in text or "think" in text or "Hm" in text for text in shown) and shown[-1] == LETTER
    assert [begun(LETTER[:at]) for at in range(len(LETTER))] == [LETTER[:at] for at in range(len(LETTER))]


@pytest.mark.parametrize("letter", ["", "Sure!", "Here is a letter:", "---", "```\n```", "<think>x</think>", "Feel free to edit it."])
def test_never_is_everything_taken_off(letter):
    assert clean(letter, JOB, ME).text == letter


def test_cleaning_twice_changes_nothing():
    once = clean(f"Sure!\n\nOkay, here you go:\n\n{LETTER}\n\n---\n\nNote: edit it.", JOB, ME)
    assert clean(once.text, JOB, ME).text == once.text == LETTER


@pytest.mark.parametrize(
    ("placeholder", "suggestion"),
    [
        ("[Company]", "Harbour & Vale Ltd"),
        ("[Company Name]", "Harbour & Vale Ltd"),
        ("[Your Name]", "Mara Lindqvist"),
        ("{{job title}}", "Data Analyst"),
        ("<Position>", "Data Analyst"),
        ("[insert years] years", ""),
        ("XX%", ""),
        ("____", ""),
        ("[Date]", ""),
    ],
)
def test_a_placeholder_is_flagged_with_what_belongs_there(placeholder, suggestion):
    cleaned = clean(f"I write to {placeholder} today.", JOB, ME)
    (flag,) = cleaned.flags
    assert flag.kind == "placeholder" and flag.suggestion == suggestion
    assert placeholder.startswith(cleaned.text[flag.start : flag.end])
    assert placeholder not in flag.sentence


@pytest.mark.parametrize(
    "text", ["as [1] and [12] show", "see [my page](https://x.example)", "she [sic] said", "C++ <3", "XL sizes", "a_b"]
)
def test_brackets_with_a_meaning_are_no_placeholders(text):
    assert flags(text) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "I am applying for the position at Otter Mills.",
        "I would love to join Otter Mills.",
        "I apply to Otter Mills today.",
        "I admire Otter Mills' work. Otter Mills's mission is clear.",
        "Dear Otter Mills hiring team,",
        "Dear hiring team at Otter Mills,",
    ],
)
def test_a_letter_to_another_employer_is_flagged(sentence):
    assert ("other employer", "Otter Mills") in flags(sentence)
    assert flags(sentence.replace("Otter Mills", "Harbour & Vale")) == []


def test_the_flag_says_whom_to_name():
    (flag,) = clean("I would love to join Otter Mills.", JOB, ME).flags
    assert flag.suggestion == "Harbour & Vale Ltd" and "Otter" not in flag.sentence


@pytest.mark.parametrize(
    "sentence",
    [
        "In my current role at Otter Mills I kept SQL tidy.",
        "My previous position at Pellworm Foods taught me that.",
        "Dear Hiring Manager,",
        "I would like to join the Data team.",
        "The role at HV suits me.",
        "I am applying for the Senior Data Analyst position.",
    ],
)
def test_what_a_letter_may_say_is_not_flagged(sentence):
    assert flags(sentence) == []


def test_another_jobs_title_is_flagged():
    assert flags("I am writing to apply for the Head Chef position.") == [("other title", "Head Chef")]


def test_without_a_company_nothing_can_be_another():
    assert flags("I would love to join Otter Mills.", JobPosting(title="Cook")) == []


@pytest.mark.timeout(20)
def test_long_and_odd_texts_are_quick():
    for text in ("Dear " * 20_000, "A" * 50_000, "[" * 20_000, "Sure! " * 5_000, "I apply to Big " * 5_000, "<think>" * 5_000):
        clean(text, JOB, ME)
