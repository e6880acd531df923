"""Is the new adapter better than the one that writes? A sequential test that may be looked at after every vote. Pure: knows no rows.

Wald's sequential probability ratio test (A. Wald, "Sequential Tests of Statistical Hypotheses", Annals of Mathematical Statistics 16,
1945). Let p be the chance that the new letter is chosen in a comparison that is decided. The test weighs p = BETTER against p = 1/2:

    L = wins * ln(BETTER / 0.5) + losses * ln((1 - BETTER) / 0.5)

and ends at the first vote with L >= UPPER = ln((1 - MISSED) / MISTAKEN) (confirmed) or L <= LOWER = ln(MISSED / (1 - MISTAKEN)) (rolled
back). exp(L) is a martingale for p = 1/2 and falls on average for p < 1/2, so stopping early, late or when it looks best cannot raise the
chance of a mistaken "confirmed" above that of a test followed to its end. Its exact chances are computed by `followed`, vote by vote
over all counts that the test can reach: 4.6 % confirmed at p = 1/2 (less below), 83 % at p = 0.65.

Ties (and "neither") are votes, but weigh nothing. With t the chance of a tie the two hypotheses give a tie the same likelihood t, a win
(1 - t) p and a loss (1 - t)(1 - p): the factors with t cancel in the ratio, whatever t is. Half a win for each side would not
be right: it pulls L towards where wins and losses balance. A trial of MOST_VOTES votes without a decision is rolled back: nobody sees a
difference worth the change.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

MISTAKEN = 0.05  # at most so often is an adapter confirmed that is no better
MISSED = 0.20  # at most so often is one rolled back that is BETTER
BETTER = 0.65
WIN, LOSS = math.log(BETTER / 0.5), math.log((1 - BETTER) / 0.5)
UPPER, LOWER = math.log((1 - MISSED) / MISTAKEN), math.log(MISSED / (1 - MISTAKEN))
MOST_VOTES = 200  # ties included
WON, LOST, TIED = "win", "loss", "tie"
GOING, CONFIRMED, ROLLED_BACK = "continue", "confirmed", "rolled back"


@dataclass(frozen=True)
class Standing:
    """Where a trial is. `state` is GOING, CONFIRMED or ROLLED_BACK; `more` is about how many votes are still needed (0 once decided);
    `done` goes from 0 (rolled back) over the start at about a third to 1 (confirmed)."""

    state: str
    votes: int
    wins: int
    losses: int
    ties: int
    more: int
    done: float
    sentence: str


def weight(wins: int, losses: int) -> float:
    """L above, in nats."""
    return wins * WIN + losses * LOSS


def decided(wins: int, losses: int, ties: int = 0) -> str:
    """What these counts alone say, at this vote."""
    if weight(wins, losses) >= UPPER:
        return CONFIRMED
    return ROLLED_BACK if weight(wins, losses) <= LOWER or wins + losses + ties >= MOST_VOTES else GOING


def follow(votes: Sequence[str]) -> Standing:
    """The trial after these votes, each WON, LOST or TIED as the new adapter fared, oldest first. The first decision stands: votes
    after it are not counted. Raises ValueError for anything else."""
    count = {WON: 0, LOST: 0, TIED: 0}
    for vote in votes:
        if vote not in count:
            raise ValueError(f"{vote!r} is no vote")
        count[vote] += 1
        if decided(count[WON], count[LOST], count[TIED]) != GOING:
            break
    return stood(count[WON], count[LOST], count[TIED])


@functools.lru_cache(maxsize=64)
def stood(wins: int, losses: int, ties: int) -> Standing:
    """The trial at these counts, whatever the way there was."""
    state = decided(wins, losses, ties)
    more = 0 if state != GOING else to_go(wins, losses, ties)
    done = min(1.0, max(0.0, (weight(wins, losses) - LOWER) / (UPPER - LOWER)))
    found = Standing(state, wins + losses + ties, wins, losses, ties, more, done, "")
    return replace(found, sentence=_sentence(found))


def to_go(wins: int, losses: int, ties: int) -> int:
    """About how many votes, ties included, are still needed: the expected number at the chances seen so far, which one
    win and one loss more than were given keep from running away at the start."""
    chance = (wins + 1) / (wins + losses + 2)
    tied = ties / (wins + losses + ties + 1)
    needed = followed(chance, wins, losses)[2] / (1 - tied)
    return max(1, min(round(needed), MOST_VOTES - wins - losses - ties))


def followed(chance: float, wins: int = 0, losses: int = 0) -> tuple[float, float, float]:
    """(chance to be confirmed, chance to be rolled back, expected number of decided votes to come) of a trial followed to its end from
    these counts, when the new letter wins a decided comparison with `chance`. Exact but for rounding."""
    here = {(wins, losses): 1.0}
    up = down = steps = 0.0
    while here and wins + losses < MOST_VOTES:
        steps += sum(here.values())
        there: dict[tuple[int, int], float] = {}
        for (won, lost), share in here.items():
            for counts, part in (((won + 1, lost), share * chance), ((won, lost + 1), share * (1 - chance))):
                state = decided(*counts)
                if state == CONFIRMED:
                    up += part
                elif state == ROLLED_BACK:
                    down += part
                else:
                    there[counts] = there.get(counts, 0.0) + part
        here = there
        if sum(here.values()) < 1e-9:
            break
    return up, down + sum(here.values()), steps


def counted(found: Standing) -> str:
    """The votes in words: "12 votes, 8 for the new one, 1 tied"."""
    tied = f", {found.ties} tied" if found.ties else ""
    return f"{found.votes} vote{'s' * (found.votes != 1)}, {found.wins} for the new one{tied}"


def why_not(found: Standing) -> str:
    """Why a trial is rolled back."""
    return "no difference was seen" if weight(found.wins, found.losses) > LOWER else "the new one is not clearly better"


def _sentence(found: Standing) -> str:
    if not found.votes:
        return f"No votes yet; about {found.more} to be sure."
    if found.state == CONFIRMED:
        return f"{counted(found)}: it is better. One that is no better would get this far in at most {MISTAKEN:.0%} of trials."
    if found.state == ROLLED_BACK:
        return f"{counted(found)}: {why_not(found)}."
    return f"{counted(found)}; about {found.more} more to be sure."
