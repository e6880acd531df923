"""Preferences in and out on the Data tab: bring a file, let its pairs train or not, take everything away. Knows components and owners.

Only the owner of this machine may: a file of a stranger would fill its disk, and an export is made to leave it.
"""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import gradio as gr

from ftapp import formats, hosted
from ftapp.config import app_config
from ftapp.ui import paper
from ftapp.ui.asking import QUIET, calm, forget
from ftapp.ui.owner import Door

MOST_SHOWN = 50  # bad rows on the screen
KEPT_SECONDS = 600  # an export waits so long for its download
HINT = "TRL, OpenAI, UltraFeedback, LLaMA-Factory, Anthropic HH or CSV; what it is is seen by what stands in it."


class TransferPanel:
    """Components and handlers; `looking` fills the counts."""

    def __init__(self, studio: Any, door: Door):
        self.studio, self.door = studio, door
        gr.HTML('<h2 class="next">Bring and take choices</h2><p class="lead">Choices from elsewhere in, all of yours out.</p>')
        self.state = gr.HTML(elem_id="imported-state")
        with gr.Row(elem_classes="chips"):
            endings = [".jsonl", ".json", ".csv", ".gz"]
            self.file = gr.UploadButton("Bring a file", file_types=endings, size="sm", elem_id="import-file", min_width=96)
            self.use = gr.Checkbox(label="Train on imported pairs too", visible=False, elem_id="imported-use", min_width=220)
            self.gone = gr.Button("Delete what was imported", size="sm", visible=False, elem_id="imported-remove", min_width=96)
            self.sure = gr.Button("Really delete it", variant="stop", size="sm", visible=False, elem_id="imported-sure", min_width=96)
        self.said = gr.HTML(elem_id="import-said")
        with gr.Row(elem_classes="chips fields"):
            choices = [(title, name) for name, (title, *_) in formats.WRITERS.items()]
            self.format = gr.Dropdown(choices, value="trl", label="Take everything away as", elem_id="export-format", min_width=290)
            self.make = gr.Button("Make the file", size="sm", elem_id="export-make", min_width=96)
            self.ready = gr.DownloadButton("Save it", variant="primary", size="sm", visible=False, elem_id="export-save", min_width=96)
        with gr.Row(elem_classes="chips fields", visible=False, elem_id="hosted") as self.hosted:
            self.price = gr.Number(
                self.studio.transfer.price(), label="Price of a million training tokens", minimum=0, elem_id="hosted-price", min_width=240
            )
            self.check = gr.Button("Check it for hosted fine-tuning", size="sm", elem_id="hosted-check", min_width=96)
        self.masked = gr.Checkbox(True, label="Mask names, addresses, phone numbers and links in it", elem_id="export-masked")
        self.taken = gr.HTML(elem_id="export-said")
        self._wire()

    def look(self, request: gr.Request) -> tuple[Any, ...]:
        return self._shown(self.door.owner(request))

    def bring(self, path: str, request: gr.Request) -> tuple[Any, ...]:
        try:
            owner = self.door.manager(request)
            with open(path, "rb") as source:
                done = self.studio.transfer.bring(owner, source)
        finally:
            if path:
                forget(path)
        said = paper.note(f"{paper.count(done.added, 'row')} added, {done.duplicates} there already.")
        if done.rejected:
            said += paper.note(f"{paper.count(len(done.rejected) + done.unlisted, 'row')} not taken:", "warning")
            said += paper.bullets(f"line {row['line']}: {row['reason']}" for row in done.rejected[:MOST_SHOWN])
        if (more := len(done.rejected) - MOST_SHOWN) > 0:
            said += paper.note(f"And {more} more: python -m ftapp import FILE --json lists them all.")
        return said, *self._shown(owner)

    def let_train(self, use: bool, request: gr.Request) -> tuple[Any, ...]:
        owner = self.door.manager(request)
        self.studio.transfer.choose(owner, bool(use))
        return "", *self._shown(owner)

    def ask(self, request: gr.Request) -> tuple[str, Any, Any]:
        self.door.manager(request)
        told = paper.note("All imported rows will be gone; choices made here stay. Backups made before keep them.", "warning")
        return told, gr.update(visible=False), gr.update(visible=True)

    def remove(self, request: gr.Request) -> tuple[Any, ...]:
        owner = self.door.manager(request)
        number = self.studio.transfer.remove(owner)
        return paper.note(f"{paper.count(number, 'imported row')} deleted."), *self._shown(owner)

    def take(self, name: str, masked: bool, request: gr.Request) -> tuple[str, Any]:
        """The file waits under a name that cannot be guessed: whoever knows the path of a download may fetch it."""
        owner = self.door.manager(request)
        folder = self.studio.settings.folder("uploads") / f"export_{secrets.token_urlsafe(24)}"
        _tidy(folder.parent)
        folder.mkdir(mode=0o700)
        ending = formats.WRITERS[name][2] if name in formats.WRITERS else "jsonl"
        path = folder / f"ftapp-{name if name in formats.WRITERS else 'export'}.{ending}"
        done = self.studio.transfer.take(owner, name, path, masked=bool(masked))
        later = threading.Timer(KEPT_SECONDS, shutil.rmtree, (folder, True))
        later.daemon = True
        later.start()
        said = paper.note(f"The file has {paper.count(done.rows, 'row')}. Save it now: it is deleted in {KEPT_SECONDS // 60} minutes.")
        if masked:
            said += paper.note("Masks stand for what is known and for what looks like contact data. Read the file before you publish it.")
        left = [f"{number} left out: {why}" for why, number in done.left_out.most_common()]
        return said + (paper.bullets(left) if left else ""), gr.update(value=str(path), visible=True)

    def check_it(self, name: str, masked: bool, price: float | None, request: gr.Request) -> str:
        """What a hosted service would say of the file, without making it."""
        report = self.studio.transfer.check(self.door.manager(request), name, bool(masked), price)
        first, *rest = hosted.told(report)
        return paper.note(first, "calm" if report["ok"] else "warning") + paper.bullets(rest)

    def _shown(self, owner: str) -> tuple[Any, ...]:
        found = self.studio.transfer.counts(owner)
        if not any(found.values()):
            most = app_config().max_upload_mb
            state = paper.note(f"Nothing imported yet. {HINT} Up to {most} MB here; python -m ftapp import FILE takes any size.")
        else:
            told = [f"{paper.count(found['pair'], 'pair')}, {found['used']} of them used for training"]
            told += [paper.count(found[kind], name) for kind, name in (("label", "rated answer"), ("example", "example")) if found[kind]]
            taught = " Examples are offered under Teach, Your letters." if found["example"] else ""
            state = paper.note(f"Imported: {'; '.join(told)}.{taught}")
        use = gr.update(value=found["pair"] > 0 and found["used"] == found["pair"], visible=found["pair"] > 0)
        return state, use, gr.update(visible=any(found.values())), gr.update(visible=False)

    def _wire(self) -> None:
        shown = [self.state, self.use, self.gone, self.sure]
        slow = QUIET | {"show_progress": "minimal"}
        self.looking = {"fn": calm(self.look), "inputs": None, "outputs": shown, **QUIET}
        self.file.upload(calm(self.bring), self.file, [self.said, *shown], **slow)
        self.use.input(calm(self.let_train), self.use, [self.said, *shown], **QUIET)
        self.gone.click(calm(self.ask), None, [self.said, self.gone, self.sure], **QUIET)
        self.sure.click(calm(self.remove), None, [self.said, *shown], **QUIET)
        self.make.click(calm(self.take), [self.format, self.masked], [self.taken, self.ready], **slow)
        self.check.click(calm(self.check_it), [self.format, self.masked, self.price], self.taken, **slow)
        self.format.change(lambda name: gr.update(visible=name in hosted.FORMATS), self.format, self.hosted, **QUIET)
        for changed in (self.format.change, self.masked.change):
            changed(lambda: ("", gr.update(visible=False)), None, [self.taken, self.ready], **QUIET)


def _tidy(uploads: Path) -> None:
    """Delete exports that a killed app left behind."""
    for old in uploads.glob("export_*"):
        if time.time() - old.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
