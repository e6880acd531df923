"""How long what goes on will take, as a person says it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

Say = Callable[[str], None]


def duration(seconds: float | None) -> str:
    """Seconds as a person says them."""
    if seconds is None:
        return "an unknown time"
    seconds = max(0, round(seconds))
    if seconds < 90:
        return f"{max(1, seconds)} second{'s' * (seconds > 1)}"
    if seconds < 5400:
        return f"{round(seconds / 60)} minutes"
    return f"{seconds / 3600:.1f} hours"


def of_letters(say: Say, most: float = math.inf) -> Callable[[int, int], None]:
    """What to call with (how many letters are there, of how many): says so, from the second call on with the time that the others take.

    By the pace since the first call, as what comes before it (a model that loads) does not come again. `most`: seconds after which it
    ends, however many are there.
    """
    began, had = 0.0, 0

    def told(done: int, of: int) -> None:
        nonlocal began, had
        more = ""
        if not had:
            began, had = time.monotonic(), done
        elif had < done < of:
            gone = time.monotonic() - began
            more = f", about {duration(min(gone / (done - had) * (of - done), most - gone))} more"
        say(f"{done} of {of} letters are there{more}.")

    return told
