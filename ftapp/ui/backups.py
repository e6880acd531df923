"""Backups on the Data tab: make one, put one back. Only the owner of this machine may: a backup holds everybody's texts."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import gradio as gr

from ftapp.backups import HOLDS
from ftapp.ui import paper
from ftapp.ui.asking import QUIET, calm
from ftapp.ui.owner import LOCAL, Door

WHY = {"by-hand": "made by you", "before-restore": "before a restore"}


class BackupPanel:
    """Components and handlers; `looking` fills the list."""

    def __init__(self, studio: Any, door: Door):
        self.studio, self.door = studio, door
        gr.HTML('<h2 class="next">Backups</h2><p class="lead">A copy of everything stored, and the way back to it.</p>')
        self.state = gr.HTML(elem_id="backup-state")
        with gr.Row(elem_classes="chips fields"):
            self.make = gr.Button("Back up now", size="sm", elem_id="backup-make", min_width=96)
            self.which = gr.Dropdown([], label="Put back", visible=False, elem_id="backup-which", min_width=340)
            self.ask = gr.Button("Put it back", size="sm", visible=False, elem_id="backup-restore", min_width=96)
            self.sure = gr.Button("Really put it back", variant="stop", size="sm", visible=False, elem_id="backup-sure", min_width=96)
        self.said = gr.HTML(elem_id="backup-said")
        self._wire()

    def look(self, request: gr.Request) -> tuple[Any, ...]:
        return self._shown(self.door.owner(request))

    def back_up(self, request: gr.Request) -> tuple[Any, ...]:
        owner = self.door.manager(request)
        made = self.studio.backups.make()
        return paper.note(f"Backed up and checked: {made['file']}"), *self._shown(owner)

    def warn(self, name: str, request: gr.Request) -> tuple[str, Any, Any]:
        self.door.manager(request)
        told = "Everything stored since then will be gone from here. What is there now is backed up first."
        return paper.note(told, "warning"), gr.update(visible=False), gr.update(visible=True)

    def restore(self, name: str, request: gr.Request) -> tuple[Any, ...]:
        owner = self.door.manager(request)
        done = self.studio.backups.restore(self.studio.backups.named(name or ""))
        told = f"Put back. What was there before is kept in {Path(done['saved']).name}. Load this page again in every open tab."
        return paper.note(told), *self._shown(owner)

    def _shown(self, owner: str) -> tuple[Any, ...]:
        """A visitor is shown no list: it tells when others were here."""
        rows = self.studio.backups.listing() if owner == LOCAL else []
        choices = [(_title(row), Path(row["file"]).name) for row in rows]
        state = paper.note(f"{paper.count(len(rows), 'backup') if rows else 'No backup yet'}; the newest ten are kept. {HOLDS}")
        which = gr.update(choices=choices, value=choices[0][1] if choices else None, visible=bool(rows))
        return state, which, gr.update(visible=bool(rows)), gr.update(visible=False)

    def _wire(self) -> None:
        shown = [self.state, self.which, self.ask, self.sure]
        slow = QUIET | {"show_progress": "minimal"}
        self.looking = {"fn": calm(self.look), "inputs": None, "outputs": shown, **QUIET}
        self.make.click(calm(self.back_up), None, [self.said, *shown], **slow)
        self.ask.click(calm(self.warn), self.which, [self.said, self.ask, self.sure], **QUIET)
        self.which.input(lambda: ("", gr.update(visible=True), gr.update(visible=False)), None, [self.said, self.ask, self.sure], **QUIET)
        self.restored = self.sure.click(calm(self.restore), self.which, [self.said, *shown], **slow)


def _title(row: dict[str, Any]) -> str:
    """`21 Nov 2026, 13:04:05 · made by you`, in this machine's time."""
    name = Path(row["file"]).name.rpartition("-")[0]
    at = datetime.fromisoformat(row["at"]).astimezone()
    return f"{at.day} {at:%b %Y, %H:%M:%S} · {WHY.get(name, 'before an update')}"
