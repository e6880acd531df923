"""A pair that is being written: whether its sides can be proved, whose it is, how it is stopped, what an early vote does to it, and
what it became. Knows no database."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import Any

from ftapp import config
from ftapp.backends.local import AdapterRef
from ftapp.backends.pair import Control, Progress, Row, Sampling
from ftapp.errors import UserError
from ftapp.letters import Written

log = logging.getLogger(__name__)


@dataclass
class Stream:
    """`stored` is set once the pair is a row, or will never be one."""

    owner: str
    control: Control = field(default_factory=Control)
    stored: threading.Event = field(default_factory=threading.Event)


def settle(stream: Stream, verdict: str, edited: bool) -> None:
    """An early vote: the loser ends at once, the winner is finished; without a winner both end. Returns once the pair is stored."""
    if verdict in ("left", "right") and not edited:
        stream.control.stop_row(1 if verdict == "left" else 0)
    else:
        stream.control.stop()
    if not stream.stored.wait(config.app_config().early_vote_wait_seconds):
        raise UserError("The chosen letter is not finished yet. Your choice is not stored. Choose again when the letters stand still.")


def proved(backend: Any, *writers: AdapterRef | None) -> bool:
    """Whether each side will be what it is said to be; with the base model alone there is nothing to prove."""
    asked = [adapter for adapter in writers if adapter] or [None] * any(backend.names)
    for proof in map(backend.prove, asked):
        if not proof.ok:
            log.warning("A pair is not offered for choosing: %s", proof.reason)
            return False
    return True


def written(backend: Any, rows: tuple[Row, ...], last: Progress, how: Sampling, seconds: float, proven: bool) -> Written:
    """What a generation gave, as `letters` stores it."""
    return Written(backend.id, backend.base_hash, rows, last.texts, last.finished, last.ids, how, seconds, proven)
