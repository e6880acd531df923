"""The owner's voice for the page and the command line: the card of their letters, and what their last training of letters achieved.

Between the stored letters and `voice`: knows where things are kept, not how they are drawn.
"""

from __future__ import annotations

import functools
from typing import Any

from db.engine import session
from ftapp import examples, voice
from ftapp.errors import UserError


def card(studio: Any, owner: str) -> voice.VoiceCard | None:
    """The card of all letters that the owner keeps for teaching; None when there are none."""
    with session(studio.engine) as opened:
        letters = tuple(examples.letters(opened, owner))
    return _card(letters)


@functools.lru_cache(maxsize=8)  # a page asks after every click, and a hundred letters take a second
def _card(letters: tuple[str, ...]) -> voice.VoiceCard | None:
    try:
        return voice.card(letters)
    except ValueError:  # none, or none with a word in it
        return None


def report(studio: Any, owner: str, run_id: str | None = None) -> dict[str, Any]:
    """{run, **the `voice` part of its report}: of the run, else of the owner's newest that has one; {} when none has.

    Raises UserError when the named run taught no letters, or has not got so far.
    """
    for candidate in [run_id] if run_id else [row["id"] for row in studio.runs(owner) if row["state"] == "succeeded"]:
        found = studio.report(owner, candidate).get("voice")
        if found:
            return {"run": candidate} | found
    if run_id:
        raise UserError(f"The training {run_id} has no report of a voice - it did not learn from letters, or has not finished - see: runs.")
    return {}
