"""How far labels can be trusted: between labelers, between a labeler's first and second answer, and against side and length.

Pure functions over `Label`s; every share comes with Wilson's 95 % interval. Knows no rows and no letters.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ftapp.evaluation import wilson

OTHER = {"left": "right", "right": "left"}
VALUES = ("left", "right", "tie", "both_bad")
LEAST_REPEATS = 10  # below it no flip rate is offered: one answer would move it by a tenth


@dataclass(frozen=True)
class Label:
    """One verdict with what it was about. `repeat_of` is the comparison that this one asks again with its sides swapped."""

    receipt: str
    comparison_id: str
    repeat_of: str | None
    labeler: str
    verdict: str
    left_model: str
    right_model: str
    left_length: int
    right_length: int
    kind: str
    at: datetime
    seconds: float | None = None


def share(successes: float, total: int) -> dict[str, Any]:
    """{successes, total, share, low, high}; the last three are None for nothing at all."""
    low, high = wilson(successes, total) if total else (None, None)
    return {"successes": successes, "total": total, "share": successes / total if total else None, "low": low, "high": high}


def first(labels: Iterable[Label]) -> list[Label]:
    """Without the repeats."""
    return [label for label in labels if label.repeat_of is None]


def between(labels: Sequence[Label]) -> dict[str, Any]:
    """How far labelers agree on the pairs that two or more judged: {comparisons, alpha, ...} and the plain share of agreeing pairs
    of labels. Alpha is Krippendorff's for nominal values (K. Krippendorff, Content Analysis, 2004): 1 is perfect, 0 is chance;
    None while fewer than two values were used."""
    by_pair = _by_comparison(first(labels))
    shared = [verdicts for verdicts in by_pair.values() if len(verdicts) > 1]
    couples = [one == other for verdicts in shared for one, other in itertools.combinations(verdicts.values(), 2)]
    return {"comparisons": len(shared), "alpha": _alpha(shared)} | share(sum(couples), len(couples))


def _by_comparison(labels: Iterable[Label]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for label in labels:
        found[label.comparison_id][label.labeler] = label.verdict
    return found


def _alpha(shared: Sequence[dict[str, str]]) -> float | None:
    used = {verdict for verdicts in shared for verdict in verdicts.values()}
    if len(used) < 2:
        return None
    import krippendorff

    people = sorted({labeler for verdicts in shared for labeler in verdicts})
    table = [[VALUES.index(verdicts[who]) if who in verdicts else math.nan for verdicts in shared] for who in people]
    return float(krippendorff.alpha(reliability_data=table, level_of_measurement="nominal", value_domain=list(range(len(VALUES)))))


def disagreements(labels: Sequence[Label]) -> dict[str, dict[str, str]]:
    """comparison -> {labeler: verdict}, of those on which labelers differ."""
    return {pair: verdicts for pair, verdicts in _by_comparison(first(labels)).items() if len(set(verdicts.values())) > 1}


def twice(labels: Sequence[Label]) -> list[tuple[Label, Label]]:
    """(first answer, second answer) of each pair that a labeler was asked again; the second one as if its sides were the first's."""
    known = {(label.comparison_id, label.labeler): label for label in first(labels)}
    again = [label for label in labels if label.repeat_of is not None and (label.repeat_of, label.labeler) in known]
    return [(known[(label.repeat_of, label.labeler)], label) for label in again]


def same(one: Label, again: Label) -> bool:
    return OTHER.get(again.verdict, again.verdict) == one.verdict


def steadiness(labels: Sequence[Label]) -> dict[str, Any]:
    """How often the second answer is the first one, and `flip_rate`, the share of wrong choices that this speaks for.

    If each answer between left and right is wrong with the chance e, independently, two differ with d = 2e(1 - e), so
    e = (1 - sqrt(1 - 2d)) / 2. None below LEAST_REPEATS such pairs; at most 0.45, since at 0.5 choices say nothing.
    """
    pairs = twice(labels)
    found = share(sum(same(*pair) for pair in pairs), len(pairs))
    sided = [(one, again) for one, again in pairs if one.verdict in OTHER and again.verdict in OTHER]
    differ = share(sum(not same(*pair) for pair in sided), len(sided))
    enough = len(sided) >= LEAST_REPEATS
    rates = {name: _flips(differ[key]) if enough else None for name, key in
             (("flip_rate", "share"), ("flip_low", "low"), ("flip_high", "high"))}  # fmt: skip
    return found | {"between_sides": len(sided), "needed": LEAST_REPEATS} | rates


def _flips(differ: float) -> float:
    return min(0.45, (1 - math.sqrt(max(0.0, 1 - 2 * differ))) / 2)


def sides(labels: Iterable[Label]) -> dict[str, Any]:
    """How often the left letter was chosen, of all choices of one letter: about half when sides do not matter."""
    chosen = [label.verdict for label in labels if label.verdict in OTHER]
    return share(chosen.count("left"), len(chosen))


def lengths(labels: Iterable[Label]) -> dict[str, Any]:
    """How often the longer letter was chosen, of all choices between letters of different length."""
    longer = [(label.left_length > label.right_length) == (label.verdict == "left")
              for label in first(labels) if label.verdict in OTHER and label.left_length != label.right_length]  # fmt: skip
    return share(sum(longer), len(longer))


def people(labels: Sequence[Label]) -> list[dict[str, Any]]:
    """For each labeler {labeler, labels, seconds, steadiness}: `seconds` is the median a pair. Most labels first."""
    by_person: dict[str, list[Label]] = defaultdict(list)
    for label in labels:
        by_person[label.labeler].append(label)
    rows = []
    for who, theirs in by_person.items():
        timed = [label.seconds for label in theirs if label.seconds]
        again = twice(theirs)
        rows.append({"labeler": who, "labels": len(theirs), "seconds": statistics.median(timed) if timed else None,
                     "steadiness": share(sum(same(*pair) for pair in again), len(again))})  # fmt: skip
    return sorted(rows, key=lambda row: -row["labels"])
