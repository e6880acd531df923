"""How an adapter does once it writes: relevance, structure and choices week by week, whether they fall, when to teach again, and whether
the choices are enough to say so.

A fall is a slope over weeks whose 95 % interval lies below zero, not two weeks that differ. Knows rows; scores are `metrics`'.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from db.engine import session
from db.models import Document, Letter, Prompt
from ftapp import adapters, agreement, config, letters, metrics, preferences, verdicts
from ftapp.evaluation import wilson
from ftapp.profiles import JobPosting, ResumeProfile

WEEKS, A_WEEK = 8, 25  # at most so many weeks, and letters of one
LEAST_WEEKS, LEAST_LETTERS = 3, 12  # below them no trend is told
NAMES = {"relevance": "How far its letters answer the posting", "structure": "How far they have the parts of their kind",
         "choices": "How often its letter is chosen"}  # fmt: skip


class Trends:
    """`studio` has the database and says which base model writes; the owner always first."""

    def __init__(self, studio: Any) -> None:
        self._studio = studio

    def told(self, owner: str) -> dict[str, Any]:
        """{adapter, weeks, falling, new_choices, sentence, enough}: see `weekly`, `suggestion` and `enough`."""
        base = self._studio.spec.id
        with session(self._studio.engine) as opened:
            live = adapters.live_id(opened, owner, base)
            labels, written = _of(opened, owner, live, base), _letters(opened, owner, live, base)
            new = preferences.new_count(opened, owner, base)
        scored = [(at, *_scored(*rest)) for at, *rest in written]
        weeks, falling = weekly(scored, labels), fallen(scored, labels)
        wins = sum(won == 1.0 for _, won in labels)
        return {"adapter": live, "weeks": weeks, "falling": falling, "new_choices": new, "sentence": suggestion(falling, new),
                "enough": enough(wins, sum(won != 0.5 for _, won in labels))}  # fmt: skip


# ---- numbers ------------------------------------------------------------------------------------------------------------


def weekly(scored: Sequence[tuple[datetime, float | None, float | None]], labels: Sequence[tuple[datetime, float]]) -> list[dict[str, Any]]:
    """[{week, letters, relevance, structure, wins, losses, ties, share, low, high}], oldest first; means are None where nothing counts.

    `scored`: (when, relevance, structure) of a letter; `labels`: (when, 1 won, 0 lost, 0.5 neither). The interval is Wilson's.
    """
    held: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for at, relevance, structure in scored:
        week = held[_week(at)]
        week["letters"].append(1)
        week["relevance"] += [] if relevance is None else [relevance]
        week["structure"] += [] if structure is None else [structure]
    for at, won in labels:
        held[_week(at)]["won"].append(won)
    rows = []
    for week, found in sorted(held.items())[-WEEKS:]:
        wins, losses = found["won"].count(1.0), found["won"].count(0.0)
        rows.append({"week": week, "letters": len(found["letters"]), "relevance": _mean(found["relevance"]),
                     "structure": _mean(found["structure"]), "wins": wins, "losses": losses, "ties": len(found["won"]) - wins - losses,
                     **{name: agreement.share(wins, wins + losses)[name] for name in ("share", "low", "high")}})  # fmt: skip
    return rows


def fallen(scored: Sequence[tuple[datetime, float | None, float | None]], labels: Sequence[tuple[datetime, float]]) -> dict[str, Any]:
    """{name: {a_week, first, last}} of `NAMES` that fall: how much they lose a week, and their fitted values at both ends."""
    series = {"relevance": [(at, one) for at, one, _ in scored if one is not None],
              "structure": [(at, one) for at, _, one in scored if one is not None], "choices": list(labels)}  # fmt: skip
    return {name: found for name, points in series.items() if (found := _fall(points))}


def _fall(points: Sequence[tuple[datetime, float]]) -> dict[str, float] | None:
    """Least squares over weeks; the slope's interval from its standard error (normal, 95 %)."""
    if len(points) < LEAST_LETTERS or len({_week(at) for at, _ in points}) < LEAST_WEEKS:
        return None
    start = min(at for at, _ in points)
    x, y = [(at - start).total_seconds() / 604_800 for at, _ in points], [value for _, value in points]
    middle, mean = sum(x) / len(x), sum(y) / len(y)
    spread = sum((one - middle) ** 2 for one in x)
    slope = sum((one - middle) * (value - mean) for one, value in zip(x, y, strict=True)) / spread
    rest = sum((value - mean - slope * (one - middle)) ** 2 for one, value in zip(x, y, strict=True))
    if slope + 1.96 * math.sqrt(rest / (len(x) - 2) / spread) >= 0:
        return None
    return {"a_week": -slope, "first": mean - slope * middle, "last": mean + slope * (max(x) - middle)}


def suggestion(falling: Mapping[str, Mapping[str, float]], new_choices: int, least: int | None = None) -> str:
    """Whether to teach again, in words; empty when there is no reason to."""
    least = least or config.app_config().retrain_choices
    said = [f"{NAMES[name]} has been falling: from {100 * row['first']:.0f} to {100 * row['last']:.0f} %." for name, row in falling.items()]
    if new_choices >= least:
        said.append(f"{new_choices} new choices wait since the last training.")
    return " ".join([*said, "Teach again: what you chose since then is in it."]) if said else ""


def enough(wins: int, decided: int) -> dict[str, Any]:
    """{wins, decided, low, high, more, sentence}: what is known now, and how many more decided choices would halve the interval.

    The interval is Wilson's; `more` is found with the same formula at the same share.
    """
    if not decided:
        text = "No choice between what writes now and another version yet, so how good it is is not known. Choose between a few pairs."
        return {"wins": 0, "decided": 0, "low": None, "high": None, "more": None, "sentence": text}
    low, high = wilson(wins, decided)
    more = _until(wins / decided, decided, (high - low) / 2)
    text = (
        f"Its letter won {wins} of {decided} decided choices ({100 * wins / decided:.0f} %, likely between {100 * low:.0f} and "
        f"{100 * high:.0f} %). About {more} more choices would make that half as wide."
    )
    return {"wins": wins, "decided": decided, "low": low, "high": high, "more": more, "sentence": text}


def _until(share: float, decided: int, width: float) -> int:
    """The fewest more choices at this share whose interval is at most `width` wide."""
    least, most = 0, 16 * decided + 64
    while least < most:
        middle = (least + most) // 2
        low, high = wilson(share * (decided + middle), decided + middle)
        least, most = (least, middle) if high - low <= width else (middle + 1, most)
    return least


def _week(at: datetime) -> str:
    return f"{at:%G}, week {at:%V}"


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


# ---- rows ---------------------------------------------------------------------------------------------------------------


def _of(opened: Session, owner: str, live: str, base: str) -> list[tuple[datetime, float]]:
    """(when, 1 won, 0 lost, 0.5 tie or neither) of first answers on pairs in which this adapter wrote one letter."""
    found, writer = [], letters.writer(None if live == adapters.NONE_ID else live, base)
    for label in agreement.first(verdicts.labels(opened, owner, base)):
        mine = [side for side in ("left", "right") if getattr(label, f"{side}_model") == writer]
        if len(mine) == 1:
            found.append((label.at, 0.5 if label.verdict not in ("left", "right") else float(label.verdict == mine[0])))
    return found


def _letters(opened: Session, owner: str, live: str, base: str) -> list[tuple[Any, ...]]:
    """(when, text, kind, words, posting's fields, résumé's fields) of its letters, at most `A_WEEK` a week of the last `WEEKS`."""
    query = (
        select(Letter.created_at, Letter.text, Prompt.kind, Prompt.words, Prompt.job_document_id, Prompt.resume_document_id)
        .join(Prompt, col(Letter.prompt_id) == Prompt.id)
        .where(Letter.owner_id == owner, Letter.base_id == base, col(Letter.finished))
        .where(col(Letter.adapter_id).is_(None) if live == adapters.NONE_ID else Letter.adapter_id == live)
        .order_by(col(Letter.created_at).desc())
    )
    weeks: dict[str, int] = defaultdict(int)
    kept = []
    for at, *more in opened.exec(query.execution_options(yield_per=200)):
        weeks[_week(at)] += 1
        if len(weeks) > WEEKS:
            break
        if weeks[_week(at)] <= A_WEEK:
            kept.append((at, *more))
    ids = {id for row in kept for id in row[-2:] if id}
    fields = {id: told for id, told in opened.exec(select(Document.id, Document.fields).where(col(Document.id).in_(ids)))}
    return [(at, text, kind, words, JobPosting.model_validate(fields.get(job) or {}), ResumeProfile.model_validate(fields.get(me) or {}))
            for at, text, kind, words, job, me in kept]  # fmt: skip


def _scored(text: str, kind: str, words: int, job: JobPosting, me: ResumeProfile) -> tuple[float | None, float | None]:
    """(relevance, structure), each 0 to 1."""
    by = {score.name: score.value for score in metrics.scores(text, kind, words, me, job)}
    return by["Response Relevance"], by["Email Structure Quality"]
