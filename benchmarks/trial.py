"""Does the trial decide rightly? `python -m benchmarks.trial [--people 10000] [--seed 1]`

Simulated people vote on an adapter that is no better (1/2 of decided votes), a little better, and as good as the test looks for
(0.65), with and without ties. Some follow the trial to its end, some stop after a random number of votes, some look for the moment at
which the share of wins looks best. Peers on the same votes: the fixed-size test of the same error rates (exact binomial, one
side), and a plain test looked at after every vote, which is what a running win rate with an interval invites to.
"""

from __future__ import annotations

import argparse
from math import comb
from typing import Any

import numpy as np

from ftapp import trial

LEAST = 5  # nobody believes a plain test on fewer votes
PLAIN = 1.645  # one side, 5 %


def fixed_size() -> tuple[int, int]:
    """(votes, wins from which it is confirmed) of the smallest exact binomial test with the trial's own error rates."""
    for votes in range(10, 400):
        enough = next(k for k in range(votes + 2) if _tail(votes, k, 0.5) <= trial.MISTAKEN)
        if _tail(votes, enough, trial.BETTER) >= 1 - trial.MISSED:
            return votes, enough
    raise AssertionError("no size is large enough")


def _tail(votes: int, least: int, chance: float) -> float:
    return sum(comb(votes, k) * chance**k * (1 - chance) ** (votes - k) for k in range(least, votes + 1))


def votes_of(people: int, chance: float, tied: float, seed: int) -> Any:
    """(people, MOST_VOTES) of 1 (the new one won), -1 (it lost), 0 (a tie)."""
    rng = np.random.default_rng(seed)
    shape = people, trial.MOST_VOTES
    return np.where(rng.random(shape) < tied, 0, np.where(rng.random(shape) < chance, 1, -1))


def ends(votes: Any) -> tuple[Any, Any]:
    """(the vote at which each trial ends, counted from 1; whether it is confirmed there)."""
    wins, losses = np.cumsum(votes == 1, 1), np.cumsum(votes == -1, 1)
    weight = wins * trial.WIN + losses * trial.LOSS
    over = (weight >= trial.UPPER) | (weight <= trial.LOWER)
    over[:, -1] = True
    at = over.argmax(1)
    return at + 1, weight[np.arange(len(votes)), at] >= trial.UPPER


def looked_best(votes: Any) -> Any:
    """The vote at which each person's share of wins looked most convincing, up to the trial's end: where they would stop."""
    wins, count = np.cumsum(votes == 1, 1), np.cumsum(votes != 0, 1)
    score = np.where(count >= LEAST, (wins - count / 2) / np.sqrt(np.maximum(count, 1) / 4), -np.inf)
    beyond = np.arange(votes.shape[1])[None] >= ends(votes)[0][:, None]
    return np.where(beyond, -np.inf, score).argmax(1) + 1


def plain(votes: Any) -> Any:
    """Whether a plain one-sided test, looked at after every vote, ever said yes."""
    wins, count = np.cumsum(votes == 1, 1), np.cumsum(votes != 0, 1)
    score = (wins - count / 2) / np.sqrt(np.maximum(count, 1) / 4)
    return ((score > PLAIN) & (count >= LEAST)).any(1)


def figures(people: int, chance: float, tied: float, seed: int) -> dict[str, float]:
    """Shares of trials confirmed by each way to stop, the mean votes of those followed to the end, and both peers."""
    votes = votes_of(people, chance, tied, seed)
    at, confirmed = ends(votes)
    random_stop = np.random.default_rng(seed + 1).geometric(1 / 40, people)
    size, enough = fixed_size()
    first = np.cumsum(votes != 0, 1) <= size
    fixed = (((votes == 1) & first).sum(1) >= enough).mean()
    return {
        "to the end": confirmed.mean(), "random stop": (confirmed & (at <= random_stop)).mean(),
        "stop when it looks best": (confirmed & (at <= looked_best(votes))).mean(),
        "votes": at.mean(), "of fixed": at.mean() / (size / (1 - tied)),
        "fixed test": fixed, "plain test at every vote": plain(votes).mean(),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    size, enough = fixed_size()
    print(f"{given.people} people a row. Fixed-size test with the same error rates: {size} decided votes, confirmed from {enough} wins.")
    for chance in (0.45, 0.5, 0.55, 0.6, 0.65, 0.75):
        for tied in (0.0, 0.3):
            found = figures(given.people, chance, tied, given.seed)
            shares = ", ".join(f"{name} {found[name]:.1%}" for name in ("to the end", "random stop", "stop when it looks best"))
            print(f"true share {chance:.2f}, {tied:.0%} ties: confirmed {shares}; {found['votes']:.1f} votes "
                  f"({found['of fixed']:.2f} of fixed); peers: fixed {found['fixed test']:.1%}, "
                  f"plain test at every vote {found['plain test at every vote']:.1%}")  # fmt: skip


if __name__ == "__main__":
    main()
