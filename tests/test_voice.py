"""The voice card: habits are counted, a person's own letters are near, another's are far, and names are no habit."""

from __future__ import annotations

import pytest

from ftapp import voice

BRISK = [
    "Hi Northwind team,\n\nI'm keen to talk about the planner post - it's what I've done for years. Don't mind the gaps!\n\n"
    "Happy to chat.\n\nCheers,\nMara",
    "Hi Tern & Sons team,\n\nI'm after the buyer post - it's close to what I've done. I don't wait to be asked!\n\n"
    "Happy to chat.\n\nCheers,\nMara",
    "Hi Foxglove team,\n\nI'm writing about stock. It's what I've done at Bramble - and I can't stop.\n\nHappy to chat.\n\nCheers,\nMara",
    "Hi Larch team,\n\nI'm good with lists. It's odd, I know - but they don't bite!\n\nHappy to chat.\n\nCheers,\nMara",
]
GRAVE = [
    "Dear Sir or Madam,\n\nI am writing to express my interest in the position of planner; I have been a planner for ten years, and I "
    "would be most grateful for an interview. It is my firm intention to remain in this profession.\n\nYours faithfully,\nMara Lind",
    "Dear Sir or Madam,\n\nI am writing to express my interest in the position of buyer; it is a position for which I have prepared, "
    "and I would be most grateful for an interview.\n\nYours faithfully,\nMara Lind",
]


def test_the_card_holds_the_persons_habits():
    card = voice.card(BRISK)
    assert card.letters == 4
    assert card.openers == (("Hi … team,", 1.0),), "names of employers are no part of a greeting's form"
    assert card.sign_offs == (("Cheers", 1.0),)
    assert card.habits["contractions"].mean == 1.0 and card.habits["semicolons"].mean == 0
    assert card.habits["dashes"].mean > 1 and card.habits["sentence_words"].mean < 9
    assert "happy to chat" in dict(card.favourites)
    assert "i am writing to express my" in card.avoided


def test_a_habit_that_some_letters_cannot_show_is_a_mean_over_the_others():
    card = voice.card(["Hello,\n\nI don't know.\n\nBest,\nA", "Hello,\n\nNo.\n\nBest,\nA"])
    assert card.habits["contractions"].letters == 1


def test_two_people_are_far_apart_and_each_is_near_to_themselves():
    cards = {"brisk": voice.card(BRISK), "grave": voice.card(GRAVE)}
    assert all(voice.nearest(cards, letter) == "brisk" for letter in BRISK)
    assert all(voice.nearest(cards, letter) == "grave" for letter in GRAVE)
    assert voice.distance(cards["brisk"], GRAVE) > 2 * cards["brisk"].own > 0
    gaps = voice.gaps(cards["brisk"], GRAVE)
    assert gaps["opener"] == 2 and gaps["contractions"] == voice.MOST_STEPS and gaps["avoided"] >= 1


def test_a_letter_that_was_left_out_is_near():
    card = voice.card(BRISK[:3])
    assert voice.distance(card, BRISK[3:]) < voice.distance(card, GRAVE) / 2


def test_names_and_numbers_are_no_favourite_phrases():
    letters = [f"Hi,\n\nI always worked hard at Bramble Foods for {n} years and Ana Ortiz led me.\n\nBest,\nA" for n in (3, 4, 5)]
    phrases = " ".join(phrase for phrase, _ in voice.card(letters).favourites)
    assert phrases and not {"bramble", "ana", "ortiz", "3", "4"} & set(phrases.split())


def test_one_letter_makes_a_card_that_says_never_of_nothing():
    card = voice.card(BRISK[:1])
    assert card.own is None and card.avoided == () and card.favourites == ()
    assert voice.distance(card, BRISK[:1]) == pytest.approx(0, abs=1e-9)


def test_no_letters_no_card():
    for nothing in ([], ["", "  \n"], ["1234"]):
        with pytest.raises(ValueError):
            voice.card(nothing)
    with pytest.raises(ValueError):
        voice.distance(voice.card(BRISK), [])


def test_letters_without_greeting_sign_off_or_english_have_a_voice_too():
    plain = voice.card(["Ich schreibe Ihnen wegen der Stelle; sie passt zu mir.", "Ich schreibe kurz; es geht um die Stelle."])
    assert plain.openers == (("", 1.0),) and plain.sign_offs == (("", 1.0),)
    assert plain.habits["semicolons"].mean > 5
    assert voice.distance(plain, [""]) >= 0


def test_it_says_what_it_found_in_words():
    told = dict(voice.described(voice.card(BRISK)))
    assert told["Greetings"] == "Hi … team, (100%)"
    assert "never: semicolons" in told["Marks"]
    assert "happy to chat" in told["You come back to"]
    assert "I am writing to express my" in told["You never write"]
    assert told["I'm, don't"].startswith("All")
