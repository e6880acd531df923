"""The sequential test: what it promises at every moment, how ties count, and what a person reads. And the same of simulated people."""

import math

import pytest

from benchmarks import trial as simulated
from ftapp import trial
from ftapp.trial import CONFIRMED, GOING, LOST, ROLLED_BACK, TIED, WON


def test_its_chances_are_those_that_it_promises():
    assert trial.followed(0.5)[0] <= trial.MISTAKEN
    assert trial.followed(0.4)[0] < trial.followed(0.5)[0], "a worse adapter is confirmed less often still"
    confirmed, rolled_back, votes = trial.followed(trial.BETTER)
    assert confirmed >= 1 - trial.MISSED and confirmed + rolled_back == pytest.approx(1, abs=1e-6)
    assert votes <= 0.7 * simulated.fixed_size()[0]


def test_wins_confirm_losses_roll_back_and_the_first_decision_stands():
    assert [trial.follow([WON] * n).state for n in (10, 11)] == [GOING, CONFIRMED]
    assert [trial.follow([LOST] * n).state for n in (4, 5)] == [GOING, ROLLED_BACK]
    late = trial.follow([LOST] * 5 + [WON] * 40)
    assert (late.state, late.votes, late.wins) == (ROLLED_BACK, 5, 0)
    with pytest.raises(ValueError):
        trial.follow(["left"])


def test_a_tie_is_a_vote_and_weighs_nothing():
    mixed = trial.follow([TIED, WON, TIED, WON, LOST, TIED])
    assert (mixed.votes, mixed.wins, mixed.losses, mixed.ties) == (6, 2, 1, 3)
    assert mixed.done == trial.follow([WON, WON, LOST]).done
    assert mixed.more > trial.follow([WON, WON, LOST]).more, "with ties more votes are needed for the same decision"


def test_a_trial_ends_where_nobody_sees_a_difference():
    same = trial.follow([TIED] * trial.MOST_VOTES)
    assert same.state == ROLLED_BACK and "no difference" in same.sentence
    assert trial.follow([TIED] * (trial.MOST_VOTES - 1)).more == 1


def test_what_a_person_reads():
    standing = trial.follow([WON] * 8 + [LOST] * 4)
    assert standing.sentence == f"12 votes, 8 for the new one; about {standing.more} more to be sure."
    assert trial.follow([WON]).sentence.startswith("1 vote, 1 for the new one;")
    assert trial.follow([]).sentence.startswith("No votes yet; about 3")
    assert 0 < trial.follow([]).done < 1 and trial.follow([WON] * 11).done == 1 and trial.follow([LOST] * 5).done == 0


def test_to_go_is_what_is_still_expected():
    assert trial.followed(0.5)[2] == pytest.approx(32, abs=1)
    assert trial.to_go(20, 10, 0) < trial.to_go(2, 1, 0), "the nearer to a decision, the fewer"


@pytest.mark.parametrize("tied", [0.0, 0.4])
def test_people_who_stop_when_they_like_promote_nothing_by_mistake(tied):
    found = simulated.figures(10_000, 0.5, tied, seed=3)
    for how in ("to the end", "random stop", "stop when it looks best"):
        assert found[how] <= trial.MISTAKEN, how
    assert found["plain test at every vote"] > 4 * trial.MISTAKEN, "the simulation sees what it is there to see"
    better = simulated.figures(10_000, trial.BETTER, tied, seed=4)
    assert better["to the end"] >= 1 - trial.MISSED
    assert better["of fixed"] <= 0.7 and found["of fixed"] <= 0.7


def test_the_simulation_decides_as_the_app_does():
    votes = simulated.votes_of(40, 0.6, 0.2, seed=5)
    at, confirmed = simulated.ends(votes)
    words = {1: WON, -1: LOST, 0: TIED}
    for row, end, yes in zip(votes, at, confirmed, strict=True):
        followed = trial.follow([words[int(vote)] for vote in row])
        assert (followed.votes, followed.state == CONFIRMED) == (end, yes)


def test_the_bounds_are_walds():
    assert math.exp(trial.UPPER) == pytest.approx(0.8 / 0.05) and math.exp(trial.LOWER) == pytest.approx(0.2 / 0.95)
