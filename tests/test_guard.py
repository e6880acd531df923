"""The collapse guard: what it sees in numbers and in letters, and that it leaves a good training alone."""

import json
import random

import pytest

from ftapp.errors import TrainingError
from ftapp.training import guard

WORDS = "I bake bread rolls every day and would like to bring my steady hands into your kitchen as soon as this spring allows it".split()


def _letter(seed, length=20):
    return " ".join(random.Random(seed).sample(WORDS, length))


def _rows(chosen, rejected, count=12, tokens=100, beta=0.1):
    """Rewards as TRL logs them, of log-ratios that move evenly to (chosen, rejected) nats a token."""
    scale = tokens * beta
    return [{"rewards/chosen": chosen * scale * i / count, "rewards/rejected": rejected * scale * i / count} for i in range(1, count + 1)]


def _said(rows):
    seen = guard.Guard(0.1, 100, [_letter(0)])
    return next(filter(None, (seen.metrics(row) for row in rows)), "")


def test_a_good_training_is_left_alone():
    assert _said(_rows(0.05, -0.3)) == ""
    assert _said(_rows(-0.05, -0.4)) == "", "rejected letters may fall"
    assert _said([{"loss": 1.0, "mean_token_accuracy": 0.7}] * 20) == "", "a training of letters has no rewards"
    assert _said([{"rewards/chosen": -30.0, "rewards/rejected": 0.0}] * (guard.WINDOW - 1)) == "", "a batch or two say little"


def test_chosen_letters_that_are_unlearned():
    assert _said(_rows(-1.0, -1.2)).startswith("The letters that you chose became unlikely (0.5")


def test_a_model_that_moves_too_far():
    assert _said(_rows(0.0, -2.5)).startswith("The model moved too far from where it began")


def test_letters_that_repeat_themselves_or_lose_their_length():
    seen = guard.Guard(0.1, 100, [_letter(0)])
    assert seen.letters([_letter(1), _letter(2)]) == ""
    assert seen.letters([_letter(3), _letter(4, 16)]) == ""
    assert seen.letters([" ".join(["bread"] * 20), " ".join(["rolls"] * 20)]).startswith("Its letters repeat themselves (95%")
    assert seen.letters(["I bake", "I do"]).startswith("Its letters lose their length (2 words, 20 at the start)")
    assert seen.letters(["", ""]).startswith("Its letters lose their length")


def test_scripts_without_spaces_have_a_length_too():
    one = "敬启者：我每天清晨烤面包。\n\n我愿意加入你们的厨房。\n\n此致敬礼"
    seen = guard.Guard(0.1, 100, [one])
    assert seen.letters([one]) == seen.letters([one.replace("\n", "")]) == "", "a paragraph is no word"
    assert seen.letters(["敬启者"]) == "Its letters lose their length (3 words, 25 at the start)"


def test_to_become_as_short_as_what_is_taught_is_no_collapse():
    short = guard.Guard(0.1, 100, [_letter(0, 6)])
    assert short.letters([_letter(1)]) == "" and short.letters([_letter(2, 5)]) == ""
    assert short.letters([_letter(2, 2)]).startswith("Its letters lose their length")


def test_to_repeat_words_as_what_is_taught_does_is_no_collapse():
    list_like = " ".join(word for word in WORDS[:10] for _ in range(2))
    taught = guard.Guard(0.1, 100, [list_like])
    assert taught.letters([_letter(1)]) == "" and taught.letters([list_like]) == ""
    assert taught.letters([" ".join(["bread"] * 20)]).startswith("Its letters repeat themselves")


def test_the_training_ends_with_a_sentence_before_the_next_checkpoint():
    from types import SimpleNamespace

    letters = iter([[_letter(1)], ["bread bread bread bread bread bread bread bread bread bread bread bread"]])
    watching = guard.callback(guard.Guard(0.1, 100, [_letter(0)]), lambda: next(letters))
    state = SimpleNamespace(global_step=0, max_steps=40, stateful_callbacks={})
    watching.on_train_begin(None, state, None)
    watching.on_step_end(None, state, SimpleNamespace(should_save=False))  # no checkpoint is due: nothing is written
    state.global_step = 8
    with pytest.raises(TrainingError, match="repeat themselves .* at step 8 - the training was stopped and what was saved before is kept"):
        watching.on_step_end(None, state, SimpleNamespace(should_save=True))


def test_a_run_that_goes_on_is_held_to_the_letters_of_its_start():
    from types import SimpleNamespace

    def run(checkpoint, *letters):
        """A training's look at its start, and one before a checkpoint; returns what the checkpoint holds."""
        written = iter(letters)
        watching = guard.callback(guard.Guard(0.1, 100, [_letter(0, 6)]), lambda: [next(written)])
        state = SimpleNamespace(global_step=len(checkpoint), max_steps=40, stateful_callbacks=dict(checkpoint))
        watching.on_train_begin(None, state, None)
        watching.on_step_end(None, state, SimpleNamespace(should_save=True))
        return {"Watching": json.loads(json.dumps(watching.state()))}

    first = run({}, _letter(1, 24), _letter(2, 10))
    assert run(first, _letter(2, 10), _letter(3, 24)) == first, "as long as at the start: no collapse"
    with pytest.raises(TrainingError, match=r"lose their length \(60 words, 24 at the start\)"):
        run(first, _letter(2, 10), " ".join(f"word{number}" for number in range(60)))
