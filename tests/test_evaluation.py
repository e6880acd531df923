"""Numbers with their meaning: intervals, held-out accuracy, the sentence that reads a curve."""

import pytest

from ftapp import evaluation


def curve(chosen, rejected, held_out=None, steps=8):
    """Rewards that go in a straight line to their last value."""
    rows = []
    for i in range(1, steps + 1):
        c, r = chosen * i / steps, rejected * i / steps
        rows.append({"step": i, "rewards/chosen": c, "rewards/rejected": r, "rewards/margins": c - r})
    if held_out is not None:
        rows.append({"step": steps, "eval_rewards/margins": held_out})
    return rows


def test_wilson_gives_the_published_intervals():
    assert evaluation.wilson(41, 60) == pytest.approx((0.5578, 0.7870), abs=5e-4)
    assert evaluation.wilson(0, 10)[0] == 0 and evaluation.wilson(0, 10)[1] == pytest.approx(0.2775, abs=5e-4)
    assert evaluation.wilson(10, 10)[1] == pytest.approx(1.0)
    for wrong in ((1, 0), (-1, 5), (6, 5)):
        with pytest.raises(ValueError):
            evaluation.wilson(*wrong)


def test_no_accuracy_below_five_postings_and_it_says_why():
    few = evaluation.held_out_accuracy([1.0] * 12, ["a", "b", "c", "d"] * 3)
    assert few["accuracy"] is None and few["low"] is None and few["groups"] == 4
    assert "only 4 held-out postings" in few["sentence"] and "%" not in few["sentence"]
    none = evaluation.held_out_accuracy([], [])
    assert none["accuracy"] is None and "only 0 held-out postings" in none["sentence"]


def test_every_posting_counts_once_however_many_pairs_it_has():
    margins = [1.0] * 20 + [-1.0, 1.0, -1.0, 1.0]
    groups = ["many"] * 20 + ["b", "c", "d", "e"]
    result = evaluation.held_out_accuracy(margins, groups)
    assert result["accuracy"] == pytest.approx(3 / 5) and (result["pairs"], result["groups"]) == (24, 5)
    assert (result["low"], result["high"]) == evaluation.wilson(3, 5)
    assert "3 of 5 held-out postings (60%, likely between 23% and 88%)" in result["sentence"]
    assert evaluation.held_out_accuracy([0.0] * 5, list("abcde"))["accuracy"] == 0  # undecided is not right


def test_the_mean_margin_has_an_interval_over_postings():
    import scipy.stats

    values = [-0.9, -0.2, -0.6, 0.1, -0.4, -0.3]
    result = evaluation.held_out_accuracy([*values[:-1], -0.5, -0.1], [*"abcde", "f", "f"])  # the last posting's two pairs count once
    low, high = scipy.stats.t.interval(0.95, 5, loc=sum(values) / 6, scale=scipy.stats.sem(values))
    assert result["margin"] == pytest.approx(sum(values) / 6)
    assert (result["margin_low"], result["margin_high"]) == pytest.approx((low, high)) and high < 0
    assert result["high"] > 0.5, "the share alone cannot tell it yet"


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "Too early"),
        (curve(1, -1, steps=2), "Too early"),
        (curve(0.9, -0.9), "because chosen letters became more likely and rejected ones less."),
        (curve(-0.5, -2.0), "because both fell, rejected letters faster"),
        (curve(2.0, 0.5), "because both rose, chosen letters faster."),
        (curve(0.0, -1.0), "because rejected letters became less likely while chosen ones stayed."),
        (curve(-1.0, 1.0), "wrong way"),
        (curve(0.01, 0.0), "Little has been learned"),
        (curve(float("nan"), 0.0), "not finite"),
        (curve(0.9, -0.9, held_out=1.5), "and held-out postings show it too."),
        (curve(0.9, -0.9, held_out=0.01), "learned by heart."),
    ],
)
def test_a_curve_is_read_in_one_sentence(rows, says):
    sentence = evaluation.read_curve(rows)
    assert says in sentence and sentence.endswith(".") and sentence.count(". ") == 0


def test_a_curve_of_choices_is_read_by_its_rewards_whatever_else_trl_counts():
    rows = [{"loss": 0.6, "mean_token_accuracy": 0.5, "rewards/margins": 0.4, "rewards/chosen": 0.3, "rewards/rejected": -0.1}] * 8
    assert evaluation.read_curve(rows).startswith("The gap grew to 0.40")


def test_the_first_letters_are_of_different_postings():
    rows = [{"split_key": key, "id": i} for i, key in enumerate("aabacbd")]
    assert [row["id"] for row in evaluation.first_prompts(rows, 3)] == [0, 2, 4]
