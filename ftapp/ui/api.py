"""The named endpoints for programs (`gradio_client`): the same verbs as the screen, the same owner, the same refusals.

Knows nothing of components. Texts come back as they are; an error is one sentence.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from ftapp.errors import UserError
from ftapp.ui.asking import plain
from ftapp.ui.owner import Door

MOST_TEXT = 50_000_000  # bytes of an export that is sent as one text


def build(studio: Any, door: Door) -> None:
    """Register the endpoints on the open Blocks."""

    def write_pair(
        job: str, resume: str, kind: str = "cover_letter", tone: str = "plain", words: int | None = None, hook: str = "",
        seed: int | None = None, request: gr.Request = None,
    ) -> Iterator[dict]:  # fmt: skip
        """Stream two letters for a posting and a résumé; the last dictionary has comparison_id, left, right, prompt_tokens, seconds."""
        yield from studio.write_pair(door.owner(request), job, resume, kind, tone, words, hook, seed, False, "live")

    def prefer(
        comparison_id: str, verdict: str, edited: str | None = None, edited_from: str | None = None, request: gr.Request = None
    ) -> dict:
        """Store a choice: left, right, tie or both_bad; with `edited`, the corrected letter is chosen over both."""
        return studio.prefer(door.owner(request), comparison_id, verdict, edited=edited, edited_from=edited_from)

    def undo(receipt: str | None = None, request: gr.Request = None) -> dict:
        """Take a choice back; without a receipt the last one."""
        return studio.undo(door.owner(request), receipt)

    def start_training(recipe: str | None = None, request: gr.Request = None) -> dict:
        """Teach a new adapter from all choices."""
        return studio.start_training(door.manager(request), recipe)

    def training_status(run_id: str | None = None, request: gr.Request = None) -> dict:
        """How far a training is; without an id the newest."""
        return studio.training_status(door.owner(request), run_id)

    def stop_training(run_id: str, request: gr.Request = None) -> dict:
        """Stop a training; it can be resumed."""
        return studio.stop_training(door.manager(request), run_id)

    def adapters(request: gr.Request = None) -> list:
        """All adapters and their states."""
        return studio.adapters(door.owner(request))

    def promote(adapter_id: str, reason: str = "", request: gr.Request = None) -> dict:
        """Let an adapter write; one that the gate refused only with a reason."""
        return studio.trial.promote(door.manager(request), adapter_id, reason)

    def trial(request: gr.Request = None) -> dict:
        """The trial that goes on, or the last one; empty when there was none."""
        return studio.trial.trial(door.owner(request)) or {}

    def rollback(request: gr.Request = None) -> dict:
        """Go back to the adapter that wrote before."""
        return studio.trial.rollback(door.manager(request))

    def import_preferences(text: str, use: bool = False, request: gr.Request = None) -> dict:
        """Store the rows of a file's text, in any format that the command line takes: {added, duplicates, rejected: [{line, reason}]}."""
        owner = door.manager(request)
        done = studio.transfer.bring(owner, io.BytesIO(text.encode(errors="surrogatepass")), use)
        return {"added": done.added, "duplicates": done.duplicates, "rejected": done.rejected}

    def export_preferences(format: str = "trl", masked: bool = True, request: gr.Request = None) -> str:
        """Everything chosen or imported, as the text of a file in that format."""
        owner = door.manager(request)
        with tempfile.TemporaryDirectory(dir=studio.settings.folder("uploads")) as folder:
            path = Path(folder) / "export"
            studio.transfer.take(owner, format, path, masked)
            if path.stat().st_size > MOST_TEXT:
                raise UserError("The export is too large to travel as one text. Nothing was sent. Use python -m ftapp export.")
            return path.read_text(encoding="utf-8")

    gr.api(plain(write_pair), api_name="write_pair", concurrency_id="model", concurrency_limit=1)
    quick: list[Callable[..., Any]] = [prefer, undo, start_training, training_status, stop_training, adapters, promote, trial, rollback,
                                        import_preferences, export_preferences]  # fmt: skip
    for verb in quick:
        gr.api(plain(verb), api_name=verb.__name__, concurrency_limit=None)
