"""A number that is asked for every two seconds and changes with a choice: counted anew only when something was stored. Knows rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from db.models import Preference, TrainingRun

MOST_KEPT = 256  # owners and base models; a page with more visitors counts again
_kept: dict[tuple[Any, ...], tuple[Any, int]] = {}


def remembered(session: Session, owner: str, base_id: str | None, count: Callable[[], int]) -> int:
    """What `count` gives for the owner's choices as they stand; the same choices and trainings are counted once."""
    where, now = (str(session.get_bind().url), owner, base_id), state(session, owner)
    held = _kept.get(where)
    if held is None or held[0] != now:
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        held = _kept[where] = (now, count())
    return held[1]


def state(session: Session, owner: str) -> tuple[Any, ...]:
    """What differs after a choice was stored or taken back, or a training ended. Reads no text."""
    choices = select(func.count(), func.count(col(Preference.undone_at)), func.max(Preference.created_at), func.max(Preference.undone_at))
    runs = select(func.count(), func.max(TrainingRun.created_at)).where(TrainingRun.owner_id == owner, TrainingRun.state == "succeeded")
    return (*session.exec(choices.where(Preference.owner_id == owner)).one(), *session.exec(runs).one())
