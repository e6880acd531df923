"""How strong each model is, from all choices between any two: Bradley and Terry's model with ties, after Davidson.

P(i wins) = a / (a + b + v sqrt(ab)), P(tie) = v sqrt(ab) / (the same), with strengths a = exp(s_i), b = exp(s_j) and v >= 0
(R. R. Davidson, "On extending the Bradley-Terry model to accommodate ties in paired comparison experiments", JASA 65, 1970).
Fitted by maximum likelihood with a weak normal prior on each s (standard deviation 3), so that a model that won every
comparison still has a finite strength; intervals are from the curvature at the maximum. Pure; knows no rows.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

BASE = "base"
PRIOR = 3.0
Z = 1.96
Game = tuple[str, str, str]  # two models, and "one", "other" or "tie"


def fit(games: Sequence[Game]) -> dict[str, Any]:
    """{models: [{model, games, chance, low, high}], pairs: [{one, other, wins, losses, ties, chance, low, high}], ties}.

    `chance` is that of winning a comparison that is not a tie, against the base in `models` and against `other` in `pairs`; `ties` is
    the share of ties between equals. Without the base among the models, the first by name takes its place. Empty without games.
    """
    games = [game for game in games if game[0] != game[1]]
    names = sorted({name for one, other, _ in games for name in (one, other)}, key=lambda name: (name != BASE, name))
    if len(names) < 2:
        return {"models": [], "pairs": [], "ties": None}
    counted = Counter(games)
    strengths, covariance, nu = _fitted(counted, names)

    def chance(i: int, j: int) -> dict[str, float]:
        gap = strengths[i] - strengths[j]
        spread = Z * math.sqrt(max(0.0, covariance[i][i] + covariance[j][j] - 2 * covariance[i][j]))
        return {name: 1 / (1 + math.exp(-value)) for name, value in (("chance", gap), ("low", gap - spread), ("high", gap + spread))}

    models = [{"model": name, "games": sum(count for game, count in counted.items() if name in game[:2]), **chance(i, 0)}
              for i, name in enumerate(names)]  # fmt: skip
    pairs = [{"one": names[i], "other": names[j], **_met(counted, names[i], names[j]), **chance(i, j)}
             for j in range(len(names)) for i in range(j + 1, len(names))]  # fmt: skip
    return {"models": models, "pairs": pairs, "ties": nu / (2 + nu)}


def _met(games: Counter[Game], one: str, other: str) -> dict[str, int]:
    """Direct comparisons of two models, seen from `one`."""
    wins, losses = (games[one, other, "one"] + games[other, one, "other"], games[one, other, "other"] + games[other, one, "one"])
    return {"wins": wins, "losses": losses, "ties": games[one, other, "tie"] + games[other, one, "tie"]}


def _fitted(games: Counter[Game], names: Sequence[str]) -> tuple[list[float], list[list[float]], float]:
    """Strengths relative to the first name's 0, their covariance, and Davidson's v."""
    import numpy as np
    from scipy.optimize import minimize

    at = {name: n for n, name in enumerate(names)}
    left, right = (np.array([at[game[side]] for game in games]) for side in (0, 1))
    counts = np.array(list(games.values()), float)
    won, lost, tied = (counts * np.array([game[2] == result for game in games]) for result in ("one", "other", "tie"))

    def loss(values: Any) -> float:
        s = np.concatenate([[0.0], values[:-1]])
        a, b = s[left], s[right]
        tie = values[-1] + (a + b) / 2
        total = np.logaddexp(np.logaddexp(a, b), tie)
        return float(-(won * a + lost * b + tied * tie - counts * total).sum() + (values**2).sum() / (2 * PRIOR**2))

    found = minimize(loss, np.zeros(len(names)), method="BFGS").x
    inverse = np.linalg.inv(_curvature(loss, found))
    covariance = np.zeros((len(names), len(names)))
    covariance[1:, 1:] = inverse[:-1, :-1]
    return [0.0, *found[:-1].tolist()], covariance.tolist(), float(math.exp(found[-1]))


def _curvature(loss: Any, at: Any, step: float = 1e-3) -> Any:
    """The matrix of second derivatives by central differences."""
    import numpy as np

    size = len(at)
    moves = np.eye(size) * step
    found = np.zeros((size, size))
    for i in range(size):
        for j in range(i, size):
            four = (loss(at + a * moves[i] + b * moves[j]) * a * b for a in (1, -1) for b in (1, -1))
            found[i, j] = found[j, i] = sum(four) / (4 * step * step)
    return found
