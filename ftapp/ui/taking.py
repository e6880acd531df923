"""The chosen letter to take away: copied, or as a Word, PDF or text file. Knows components; files are made by `takeaway`.

The file travels to the browser as text and is saved there: nothing of the letter is left on this machine's disk.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import gradio as gr

from ftapp import takeaway
from ftapp.review import review
from ftapp.ui import paper
from ftapp.ui.asking import QUIET, calm
from ftapp.ui.owner import Door

FILES = {"docx": "Word", "pdf": "PDF", "txt": "Text"}
COPY = "(text) => ftappCopy(text)"
SAVE = "(file) => ftappSave(file)"


class TakeAway:
    """One row of buttons. `receipt` is the component that holds the choice's id."""

    def __init__(self, studio: Any, door: Door, receipt: gr.State):
        self.studio, self.door = studio, door
        with gr.Row(elem_classes="chips", elem_id="take"):
            self.copy = gr.Button("Copy", size="sm", elem_id="take-copy", min_width=64)
            self.buttons = {ending: gr.Button(name, size="sm", elem_id=f"take-{ending}", min_width=64) for ending, name in FILES.items()}
        self.warning = gr.HTML(elem_id="take-warning")
        self.text = gr.Textbox(visible="hidden", container=False, elem_id="take-text")
        self.copy.click(calm(self.letter), receipt, [self.text, self.warning], **QUIET).then(None, self.text, None, js=COPY, **QUIET)
        for ending, button in self.buttons.items():
            button.click(calm(self.file(ending)), receipt, [self.text, self.warning], **QUIET).then(None, self.text, None, js=SAVE, **QUIET)

    def letter(self, receipt: str, request: gr.Request) -> tuple[str, str]:
        text, sources = self.studio.chosen(self.door.owner(request), receipt)
        return text, warning(text, sources)

    def file(self, ending: str) -> Callable[..., tuple[str, str]]:
        def made(receipt: str, request: gr.Request) -> tuple[str, str]:
            """`name|content in base64`."""
            text, sources = self.studio.chosen(self.door.owner(request), receipt)
            name, company = sources.profile.name, sources.job.company
            content = takeaway.to_bytes(text, ending, name=name, title=takeaway.KIND_NAMES[sources.kind])
            return f"{takeaway.file_name(name, company, sources.kind, ending)}|{base64.b64encode(content).decode()}", warning(text, sources)

        return made


def warning(text: str, sources: Any) -> str:
    """A note when something in the letter is not supported or must not be sent; nothing otherwise."""
    found = review(text, sources)
    number = len(found.open) + len(found.flags)
    if not number:
        return ""
    what = "is 1 claim or placeholder" if number == 1 else f"are {number} claims or placeholders"
    return paper.note(f"Before you send it: there {what} in this letter that your texts do not support. Undo, and correct it.", "warning")
