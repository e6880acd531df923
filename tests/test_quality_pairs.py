"""Examples against each other: repeats, the same question reworded, contradictions, voices that stand out, sentences that all share."""

from __future__ import annotations

from dataclasses import replace

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


def likeness(cosine: float):
    """Sentence embeddings to which any two different texts are so much alike."""
    return lambda texts, lines: [[1.0 if a == b else cosine for b in lines] for a in texts]


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
    assert [(f.code, f.by_meaning) for f in check(pair, similar=likeness(0.1)) if f.quarantine] == [("near_duplicate", False)]
    assert not [f for f in check(far, similar=likeness(0.99)) if f.quarantine], "without words in common never by meaning alone"


HI = ("Hi there, I saw your post about the night bakery and it made me smile. I have kept a rye sourdough alive for nine winters and "
      "would gladly tell you how, over a coffee or a loaf, whenever it suits you.")  # fmt: skip
HELLO = ("Hello there, I read your post about the night bakery and it made me laugh. I have nursed a rye sourdough through nine winters "
         "and would happily show you how, over some tea or a loaf, whenever you like.")  # fmt: skip


def test_meaning_finds_a_repeat_that_words_alone_do_not():
    pair = [Item("a", "linkedin_message", HI), Item("b", "linkedin_message", HELLO)]
    assert check(pair) == [] == check(pair, similar=likeness(0.96))
    (repeat,) = check(pair, similar=likeness(0.98))
    assert (repeat.code, repeat.item_id, repeat.twin, repeat.quarantine, repeat.by_meaning) == ("near_duplicate", "b", "a", True, True)
    broken = [replace(pair[0], letter=f"{HI} [Your name]"), pair[1]]
    assert ("a", "b") in {(f.item_id, f.twin) for f in check(broken, similar=likeness(0.98))}, "the one with nothing else wrong stays"


PROUD = ("What are you proudest of at work?", "Which achievement in your job means the most to you?")


def test_meaning_finds_a_reworded_question_and_what_contradicts_there():
    flood, dough = "The bread line we built after the flood, in nine days.", "Teaching two apprentices to read a dough by hand."
    pair = [answer("a", PROUD[0], flood), answer("b", PROUD[1], dough)]
    assert check(pair) == [] == check(pair, similar=likeness(0.79))
    (note,) = check(pair, similar=likeness(0.81))
    assert (note.code, note.item_id, note.twin, note.quarantine, note.by_meaning) == ("reworded", "b", "a", False, True)
    against = [answer("a", PROUD[0], "I would always tell my manager."), answer("b", PROUD[1], "I would not tell my manager.")]
    assert check(against) == []
    assert [(f.code, f.item_id, f.by_meaning) for f in check(against, similar=likeness(0.81))] == [
        ("contradiction", "a", True), ("contradiction", "b", True)]  # fmt: skip


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
