"""Examples against each other: repeats, the same question reworded, contradictions, voices that stand out, sentences that all share."""

from __future__ import annotations

import pytest

from ftapp.quality import Item, check
from ftapp.quality_twins import contradiction, same_question
from tests.test_quality import SOUND, letter

TOPICS = ("rosters", "harbours", "bakeries", "archives", "gardens", "trams", "quarries", "theatres", "ferries", "mills", "orchards",
          "clinics", "libraries", "vineyards")  # fmt: skip


def answer(id: str, question: str, text: str) -> Item:
    return Item(id, "answer", text, turns=(("user", question),))


def plain(n: int) -> Item:
    """Messages of one calm writer, each in words of its own."""
    words = [f"{TOPICS[(n * k + k) % len(TOPICS)]} {chr(97 + n)}{chr(97 + k)}la" for k in range(12)]
    text = (f"I worked with {words[0]} and {words[1]}, then {words[2]}. What {words[3]} need is {words[4]} beside {words[5]}. "
            f"For {words[6]} it was {words[7]}, {words[8]} or {words[9]}. I still like {words[10]} and {words[11]} the most.")  # fmt: skip
    return Item(str(n), "linkedin_message", text)


def found(items, code: str) -> list:
    return [f for f in check(items) if f.code == code]


def test_the_same_text_again_is_told_with_its_twin():
    (again,) = found([letter(id="a"), letter(SOUND.upper(), id="b")], "duplicate")
    assert (again.item_id, again.twin, again.quarantine) == ("b", "a", True)


def test_a_text_that_differs_in_names_and_numbers_is_nearly_the_same():
    other = letter(SOUND.replace("Ward Manager", "Matron").replace("Ashby Infirmary", "Wren House").replace("January", "March"), id="b",
                   title="Matron", current="Charge Nurse at Wren House for 4 years")  # fmt: skip
    (near,) = found([letter(id="a"), other], "near_duplicate")
    assert (near.item_id, near.twin) == ("b", "a") and "%" in near.reason


def test_of_repeats_the_one_with_nothing_else_wrong_stays():
    broken = letter(SOUND.replace("Ms Okafor", "[Name of manager]"), id="a")
    assert [(f.item_id, f.twin) for f in found([broken, letter(id="b")], "near_duplicate")] == [("a", "b")]


def test_different_letters_of_one_writer_are_no_repeats():
    assert not {f.code for f in check([plain(n) for n in range(6)])} & {"duplicate", "near_duplicate"}


def test_meaning_finds_what_words_do_not():
    pair = [plain(0), Item("x", "linkedin_message", plain(0).letter.replace("worked with", "dealt with"))]
    far = [pair[0], plain(3)]
    alike = lambda texts, lines: [[0.99 if a != b else 1.0 for b in lines] for a in texts]  # noqa: E731
    unlike = lambda texts, lines: [[0.1 if a != b else 1.0 for b in lines] for a in texts]  # noqa: E731
    assert [f.code for f in check(pair, similar=unlike) if f.quarantine] == ["near_duplicate"]  # words suffice
    assert not [f for f in check(far, similar=unlike) if f.quarantine]
    assert [f.code for f in check(far, similar=alike) if f.quarantine] in ([], ["near_duplicate"])  # never by meaning alone


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Why do you want to work here?", "Why do you want to work here, then?", True),
        ("How do I ask for a raise?", "How do I ask for a rise in 2024?", False),
        ("Should I reply?", "Should I not reply?", False),
        ("How do I ask for a raise?", "What is your favourite harbour?", False),
    ],
)
def test_the_same_question_reworded(one, other, same):
    assert same_question(one, other) is same


def test_a_reworded_question_is_noted_and_both_stay():
    items = [answer("a", "What is your greatest strength?", "I finish things, and I say so when I cannot."),
             answer("b", "Your greatest strength, what is it?", "Patience with people who are in a hurry.")]  # fmt: skip
    (note,) = found(items, "reworded")
    assert (note.item_id, note.twin, note.quarantine) == ("b", "a", False)
    assert not [f for f in check(items) if f.quarantine]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Yes, I would move for it.", "No, I stay where I am."),
        ("My notice period is 4 weeks from today.", "My notice period is 12 weeks from today."),
        ("I would always tell my manager first.", "I would not tell my manager first."),
    ],
)
def test_two_answers_that_contradict_each_other_are_both_set_aside(one, other):
    assert contradiction(one, other)
    question = "What would you do when you get an offer?"
    told = found([answer("a", question, one), answer("b", question, other)], "contradiction")
    assert [(f.item_id, f.twin, f.quarantine) for f in told] == [("a", "b", True), ("b", "a", True)]


def test_two_answers_that_only_differ_do_not_contradict():
    assert not contradiction("I would sleep on it and call a friend.", "First I write down what I would miss. Then I decide.")


def test_short_answers_to_different_questions_are_no_repeats():
    items = [
        answer("a", "Do you drive a forklift?", "Yes, I have for years."),
        answer("b", "Do you speak Welsh?", "Yes, I have for years."),
    ]
    assert not [f for f in check(items) if f.quarantine]


def test_a_voice_unlike_the_others_is_noted():
    loud = Item("z", "linkedin_message", "Wow!!! You won't believe it! I'm SO HAPPY today! We've got rosters! Who's in?! Don't miss it! "
                "It's HUGE! They'll love it! I'm in! Isn't it great?! Let's go! You're all invited! #rosters #winning")  # fmt: skip
    calm = [plain(n) for n in range(13)]
    notes = found([*calm, loud], "other_voice")
    assert [(f.item_id, f.quarantine) for f in notes] == [("z", False)] and "exclamation marks" in notes[0].reason
    assert not found(calm, "other_voice")


def test_a_sentence_that_most_letters_share_is_a_form():
    form = " I am the person that Brand{n} Ltd is looking for this year."
    items = [Item(i.id, i.kind, i.letter + form.replace("{n}", i.id)) for i in (plain(n) for n in range(9))]
    notes = found(items, "template")
    assert len(notes) == 9 and "9 of 9" in notes[0].reason and not any(f.quarantine for f in notes)
    assert not found(items[:4], "template")
