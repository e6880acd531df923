"""What somebody likes, found again in choices that it made: on letters of the bundled generator and on counts that are known."""

import random

import pytest
import yaml

from ftapp import claims, config, rendered, taste, voice
from ftapp.bundled import generator
from ftapp.errors import UserError

POSTINGS = [f"posting {i}" for i in range(200)]


def people_choose(weights, count, wrong=0.0, seed=1):
    """Pairs of numbers (chosen, rejected) by somebody who weighs them so, and errs in a share of cases."""
    rng, made = random.Random(seed), []
    for _ in range(count):
        sides = [{name: rng.gauss(0, 1) for name in ("words", "thanks", "commas", "figures")} for _ in range(2)]
        sides.sort(key=lambda one: -sum(weight * one[name] for name, weight in weights.items()))
        made.append(tuple(sides[::-1] if rng.random() < wrong else sides))
    return made


def test_it_finds_what_somebody_weighs_and_tells_unseen_choices():
    weights = {"words": -1.0, "thanks": 2.0}
    found = taste.learned(people_choose(weights, 100), POSTINGS[:100])
    assert found.weights["thanks"] > -found.weights["words"] > 4 * max(abs(found.weights["commas"]), abs(found.weights["figures"]))
    unseen = people_choose(weights, 200, seed=2)
    right = sum(found.worth(chosen) > found.worth(rejected) for chosen, rejected in unseen) / 200
    assert right > 0.9 and abs(found.accuracy - right) < 0.08 and found.sure
    assert found.likes()[0][0] == "thanks" and found.likes()[1][0] == "length"


def test_wrong_choices_make_it_less_sure_and_coins_make_it_unsure():
    weights = {"words": -1.0, "thanks": 2.0}
    steady, noisy = (taste.learned(people_choose(weights, 100, wrong), POSTINGS[:100]) for wrong in (0.0, 0.2))
    assert steady.accuracy > noisy.accuracy and noisy.sure
    sure = [taste.learned(people_choose({}, 60, 0.5, seed), POSTINGS[:60]).sure for seed in range(20)]
    assert sum(sure) <= 8, "one in six by chance"


def test_a_taste_may_judge_before_it_is_sure_but_not_when_it_speaks_against_unseen_choices():
    found = [taste.Taste({}, {}, {}, 30, 30, *told) for told in ((0.5, -0.1), (0.5, 0.1), (0.65, 0.2))]
    assert [one.tells for one in found] == [False, True, True] and [one.sure for one in found] == [False, False, True]


def test_a_posting_is_never_checked_on_its_own_choices():
    one, other = {"words": 1.0, "thanks": 0.0}, {"words": 0.0, "thanks": 1.0}
    same = [(one, other)] * 30 + [(other, one)] * 30
    found = taste.learned(same, ["a"] * 30 + ["b"] * 30)
    assert found.accuracy == 0.0, "what holds for one posting alone does not hold for another"


def test_what_stood_in_one_letter_alone_weighs_nothing_and_what_is_left_out_counts_as_usual():
    pairs = people_choose({"words": -1.0}, 40)
    pairs[0][0]["award"] = 1.0
    for chosen, rejected in pairs:
        del chosen["figures"], rejected["figures"]
    pairs[1][0]["figures"] = 5.0
    found = taste.learned(pairs, POSTINGS[:40])
    assert "award" not in found.weights and "figures" not in found.weights and found.weights["words"] < 0
    assert found.worth({}) == found.worth(found.usual)


def test_nothing_can_be_said_of_one_posting_or_of_equal_letters():
    assert taste.learned([({"words": 2.0}, {"words": 1.0})] * 5, ["a"] * 5) is None
    assert taste.learned([({"words": 2.0}, {"words": 1.0})] * 4, POSTINGS[:4]) is None, "seen too rarely"
    assert taste.learned([({"words": 1.0}, {"words": 1.0})] * 5, POSTINGS[:5]) is None
    assert taste.learned([], []) is None


def test_every_number_of_a_letter_has_a_name_and_says_what_it_says():
    prompt = generator.example(5, 3, clean=True, kind="cover_letter", count_tokens=lambda messages: 0).prompt
    asked = rendered.read(prompt.messages)
    letter = f"Dear {asked.job.company} team,\n\nI led 12 people; thank you.\n\nKind regards,\n{asked.profile.name}"
    counted = taste.numbers(letter, asked)
    assert all(taste.called(name) for name in counted)
    assert (counted["thanks"], counted["company"], counted["name"], counted["title"], counted["figures"]) == (1, 1, 1, 0, 1)
    assert (counted["paragraphs"], counted["greeting"], counted["sign_off"]) == (3, 1, 1) and counted["semicolons"] > 0
    assert all(isinstance(value, float) for value in counted.values())
    assert all(taste.called(f"named {kind}") for kind in claims.KINDS) and all(map(taste.called, voice.HABITS))


@pytest.mark.parametrize("letter", ["", "   \n", "?", "\U0001f600" * 50, "word " * 3000])
def test_any_text_can_be_counted(letter):
    assert taste.numbers(letter, rendered.read([{"role": "user", "content": "Write to me."}]))["words"] == len(letter.split())


@pytest.mark.parametrize("wrong", [{"judged_letters": 1}, {"judged_letters": 0, "judged_prompts": 80}, {"method": "sft"}])
def test_a_recipe_that_could_not_judge_is_refused(tmp_path, wrong):
    values = yaml.safe_load((config.CONFIGS / "train" / "dpo_bundled.yaml").read_text())
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(values | wrong | {"name": "mine"}))
    with pytest.raises(UserError, match="judged_letters"):
        config.read_recipe(tmp_path / "mine.yaml")
