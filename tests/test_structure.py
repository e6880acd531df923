"""Each kind's parts are found where they are, missed where they are not, and their order and length are checked."""

from __future__ import annotations

import pytest

from ftapp import structure
from ftapp.errors import UserError
from ftapp.profiles import Experience, JobPosting, ResumeProfile

JOB = JobPosting(title="Data Analyst", company="Harbour & Vale Ltd", requirements=["SQL and Python", "Clear weekly reports"])
ME = ResumeProfile(name="Mara Lindqvist", skills=["SQL"], experience=[Experience(title="Analyst", employer="Pellworm Foods")])
GREETING = "Dear Harbour & Vale team,"
OPENING = "I am applying for the Data Analyst post at Harbour & Vale Ltd."
FIT = "At Pellworm Foods I cut the weekly report from three days to four hours."
CLOSING = "I look forward to talking about the work with you."
SIGNED = "Kind regards,\nMara Lindqvist"
ASK = "Could we speak for fifteen minutes on Thursday?"


def text(*paragraphs: str) -> str:
    return "\n\n".join(paragraphs)


def failed(letter: str, kind: str, words: int | None = None) -> set[str]:
    return {name for name, holds, _ in structure.check(letter, kind, words, ME, JOB).checks if not holds}


def test_a_whole_cover_letter_passes_every_check():
    found = structure.check(text(GREETING, OPENING, FIT, CLOSING, SIGNED), "cover_letter", 48, ME, JOB)
    assert [part.name for part in found.parts] == ["opening", "fit", "closing", "sign-off"]
    assert found.share == 1.0 and found.in_order and found.within


@pytest.mark.parametrize(
    ("letter", "missing"),
    [
        (text(GREETING, FIT, CLOSING, SIGNED), "opening"),
        (text(GREETING, OPENING, CLOSING, SIGNED), "fit"),
        (text(GREETING, OPENING, FIT, SIGNED), "closing"),
        (text(GREETING, OPENING, FIT, CLOSING), "sign-off"),
    ],
)
def test_a_part_that_is_left_out_is_missed(letter, missing):
    assert missing in failed(letter, "cover_letter") and "in order" in failed(letter, "cover_letter")
    assert len(failed(letter, "cover_letter") - {"length"}) == 2


def test_parts_in_another_order_are_seen():
    assert "in order" not in failed(text(GREETING, OPENING, FIT, CLOSING, SIGNED), "cover_letter")
    assert "in order" in failed(text(GREETING, CLOSING, FIT, OPENING, SIGNED), "cover_letter")


@pytest.mark.parametrize(("words", "fits"), [(48, True), (60, True), (100, False), (30, False)])
def test_length_may_differ_by_a_quarter(words, fits):
    assert ("length" not in failed(text(GREETING, OPENING, FIT, CLOSING, SIGNED), "cover_letter", words)) is fits


def test_the_name_alone_signs():
    assert "sign-off" not in failed(text(GREETING, OPENING, FIT, CLOSING, "Mara Lindqvist"), "cover_letter")


def test_an_email_needs_a_short_subject_one_ask_and_its_length():
    more = "My reports are read by forty people who do not read code, and each of them knows on Monday what sold last week and why."
    email = text("Subject: About the Data Analyst role", GREETING, OPENING, f"{FIT} {more}", ASK, SIGNED)
    assert failed(email, "cold_email") == set()
    assert "subject" in failed(email.replace("About", "About " + "very " * 10), "cold_email")
    assert "subject" in failed(email.split("\n\n", 1)[1], "cold_email")
    assert "one ask" in failed(email.replace(ASK, ASK + " Which day suits you?"), "cold_email")
    assert "one ask" in failed(email.replace(ASK, "It is a good team."), "cold_email")
    assert failed(email.replace(more, ""), "cold_email") == {"length"}


def test_the_subject_is_no_part_of_an_emails_length():
    with_it, without = (structure.check(mail, "cold_email") for mail in ("Subject: one two three\n\nHello all,\nbody", "Hello all,\nbody"))
    assert with_it.length == without.length == 3


def test_a_linkedin_text_is_a_note_up_to_300_characters_and_a_message_above():
    note = structure.check(text("Hi all,", OPENING, "Mara Lindqvist"), "linkedin_message", None, ME, JOB)
    assert (note.form, note.unit, note.high, note.share) == ("connection note", "characters", 300, 1.0)
    message = structure.check(text("Hi all,", OPENING, f"{FIT} " * 5, "Mara Lindqvist"), "linkedin_message", None, ME, JOB)
    assert (message.form, message.unit, message.high, message.share) == ("message", "words", 120, 1.0)
    assert "length" in failed(text("Hi all,", OPENING, f"{FIT} " * 15, "Mara Lindqvist"), "linkedin_message")


def test_who_asks_for_a_note_is_held_to_its_300_characters_and_who_asks_for_a_message_to_its_words():
    long = text("Hi all,", OPENING, f"{FIT} " * 5, "Mara Lindqvist")
    note = structure.check(long, "linkedin_message", structure.NOTE_WORDS, ME, JOB)
    assert (note.form, note.unit, note.within) == ("connection note", "characters", False)
    short = structure.check(text("Hi all,", OPENING, "Mara Lindqvist"), "linkedin_message", 60, ME, JOB)
    assert (short.form, short.unit, short.within) == ("message", "words", True)
    assert not structure.is_note("cover_letter", 40) and not structure.is_note("linkedin_message", None)


@pytest.mark.parametrize("signed", ["Mara Lindqvist", "Thanks,\nMara Lindqvist", "Best,", ""])
def test_a_note_keeps_greeting_first_sentences_and_sign_off(signed):
    whole = text("Hi all,", f"{OPENING} {FIT}", f"{FIT} {CLOSING} {ASK}", *([signed] if signed else []))
    note, ending = structure.shortened(whole)
    assert note.startswith(f"Hi all,\n\n{OPENING} {FIT}") and note.endswith(signed) and len(note) <= structure.NOTE_CHARACTERS
    assert sorted((note + " " + ending).split()) == sorted(whole.split()), "nothing is lost and nothing is added"
    assert structure.shortened(note) == (note, "")


@pytest.mark.parametrize("letter", ["", "Hi all,", "x" * 400, "Hi all,\n\n" + "word " * 90 + "end.", "\n" * 400])
def test_what_has_no_sentence_that_fits_is_left_alone(letter):
    assert structure.shortened(letter) == (letter, "")


def test_an_answer_takes_up_the_question_in_the_persons_voice_and_ends():
    job = JobPosting(question="How do I build a professional network?")
    whole = "I began my network with three colleagues. Write to one person a week, and ask a question that only they can answer."
    assert structure.check(whole, "answer", 20, ME, job).share == 1.0
    assert not structure.check("Bread needs time. I bake.", "answer", 5, ME, job).parts[1].found
    assert not structure.check("A network grows slowly.", "answer", 5, ME, job).parts[0].found
    assert not structure.check(whole[:-12], "answer", 20, ME, job).parts[2].found


def test_a_letter_in_another_language_is_judged_by_place_and_says_so():
    job = JobPosting(title="Datenanalystin", language="German")
    letter = text("Sehr geehrte Damen und Herren,", "hiermit bewerbe ich mich. Berichte kann ich. Ein Gespräch wäre schön.",
                  "Mit freundlichen Grüßen\nMara")  # fmt: skip
    found = structure.check(letter, "cover_letter", 20, ME, job)
    assert found.share == 1.0 and "German" in found.parts[0].note


def test_sentences_end_where_a_reader_ends_them():
    assert structure.sentences("I work at Vale Ltd. My tools are SQL. Dr. Lind knows.") == [
        "I work at Vale Ltd.", "My tools are SQL.", "Dr. Lind knows."]  # fmt: skip
    assert structure.sentences("働きたい。お願いします。") == ["働きたい。", "お願いします。"]
    assert structure.sentences("She said “Yes.” Then we began.\n\nv. 2.5 is out") == ["She said “Yes.”", "Then we began.", "v. 2.5 is out"]


@pytest.mark.parametrize("kind", ["cover_letter", "cold_email", "linkedin_message", "answer"])
@pytest.mark.parametrize("letter", ["", " \n ", ",", "Subject:", "Dear", "x" * 5000, "?!" * 500, "\u202e", "Kind regards,"])
def test_any_text_gets_an_answer(kind, letter):
    assert 0 <= structure.check(letter, kind).share < 1


def test_an_unknown_kind_is_refused():
    with pytest.raises(UserError, match="sonnet"):
        structure.check("x", "sonnet")
