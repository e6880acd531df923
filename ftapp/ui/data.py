"""The Data tab: what is stored, where, and what happens to it. Counts only; no text of a person is shown here."""

from __future__ import annotations

import os
from typing import Any

import gradio as gr

from ftapp.ui import paper
from ftapp.ui.asking import QUIET, calm
from ftapp.ui.backups import BackupPanel
from ftapp.ui.forget import ForgetPanel
from ftapp.ui.owner import LOCAL, Door
from ftapp.ui.portfolio import PortfolioPanel
from ftapp.ui.transfer import TransferPanel

NAMES = {
    "comparisons": "Pairs of letters written", "choices": "Choices", "edits": "of them with your own version", "ties": "of them ties",
    "neither": "of them neither", "pairs": "Comparisons to learn from", "runs": "Trainings",
}  # fmt: skip
EMPTY = "Nothing is stored yet. Write two letters and choose one; the counts stand here then."


def where_text(studio: Any, owner: str) -> str:
    """The honest sentences about places."""
    if os.environ.get("SPACE_ID"):
        return paper.note(
            "This app runs on a hosted Space. Everything lies on its disk, which is wiped at every restart: do not rely on it.",
            "warning",
        )
    leaving = paper.note(studio.servers.leaving(), "warning")
    if owner == LOCAL:
        if leaving:
            return paper.note(f"What is stored is kept on this machine, in {studio.settings.home}.") + leaving
        return paper.note(f"Everything stays on this machine, in {studio.settings.home}. Nothing is sent anywhere.")
    return paper.note("What you paste is kept by whoever runs this page. Only your browser's cookie opens it again.") + leaving


class DataTab:
    """Components and the one handler of the tab."""

    def __init__(self, studio: Any, door: Door):
        self.studio, self.door = studio, door
        gr.HTML('<h2>Your data</h2><p class="lead">What ftapp has stored for you.</p>')
        self.counts = gr.HTML(elem_id="counts")
        with gr.Row(elem_classes="chips"):
            self.first = gr.Button("Write two letters", visible=False, elem_id="data-first")
        self.where = gr.HTML(elem_id="where")
        self.transfer = TransferPanel(studio, door)
        self.portfolio = PortfolioPanel(studio, door)
        self.backups = BackupPanel(studio, door)
        self.forget = ForgetPanel(studio, door)
        self.looking = {"fn": calm(self.look), "inputs": None, "outputs": [self.counts, self.first, self.where], **QUIET}

        for event in self.forget.gone:
            event.then(**self.looking).then(**self.portfolio.looking).then(**self.transfer.looking).then(**self.backups.looking)
        self.backups.restored.then(**self.looking).then(**self.portfolio.looking).then(**self.transfer.looking)

    def look(self, request: gr.Request) -> tuple[str, Any, str]:
        owner = self.door.owner(request)
        found = self.studio.counts(owner)
        shown = {title: found[name] for name, title in NAMES.items() if name in found}
        anything = any(shown.values())
        counts = paper.facts(shown) if anything else paper.note(EMPTY)
        return counts, gr.update(visible=not anything), where_text(self.studio, owner)
