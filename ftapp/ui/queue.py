"""What is labelled: sets for the queue, how many people judge a pair, and what the labelers are told. Part of the Label tab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from markdown_it import MarkdownIt

from ftapp import sets
from ftapp.errors import UserError
from ftapp.prompts import KIND_NAMES
from ftapp.ui import paper
from ftapp.ui.asking import QUIET, calm, forget
from ftapp.ui.owner import Door

KINDS = [(name[0].upper() + name[1:], kind) for kind, name in KIND_NAMES.items() if kind != "answer"]
# No HTML passes, and nothing is fetched from elsewhere: an image would tell another site who reads this.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).disable(["image", "html_block", "html_inline"])


def guidelines_html(text: str) -> str:
    """The guidelines as markup; whatever HTML stands in them is shown as text."""
    return f'<div class="guidelines">{_MARKDOWN.render(text)}</div>'


class QueuePanel:
    """Components and handlers. `changed` are the events after which the desk may have pairs."""

    def __init__(self, studio: Any, door: Door):
        self.studio, self.door = studio, door
        with gr.Accordion("Guidelines", open=False, elem_id="label-guidelines"):
            self.shown = gr.HTML(elem_id="guidelines")
            self.text = gr.Textbox(label="Change them (Markdown)", lines=6, max_lines=20, elem_id="guidelines-text")
            with gr.Row(elem_classes="chips"):
                self.keep = gr.Button("Save", size="sm", elem_id="guidelines-save", min_width=96)
        with gr.Accordion("Queue: what is labelled", open=False, elem_id="label-queue"):
            with gr.Row(elem_classes="chips fields"):
                self.kind = gr.Dropdown(KINDS, value="cover_letter", label="Kind of text", elem_id="queue-kind", min_width=188)
                self.fictional = gr.Button("Add the fictional set of 40", size="sm", elem_id="queue-fictional")
                self.pasted = gr.Button("Add what I pasted before", size="sm", elem_id="queue-pasted")
            name = "Résumé for the files below (empty: your newest one)"
            self.resume = gr.Textbox(label=name, lines=2, max_lines=8, elem_id="queue-resume")
            with gr.Row(elem_classes="chips fields"):
                self.files = gr.UploadButton("Add files or a JSONL of postings", file_count="multiple", size="sm", elem_id="queue-files")
                self.folder = gr.UploadButton("Add a folder of postings", file_count="directory", size="sm", elem_id="queue-folder")
                self.clear = gr.Button("Forget what is not written yet", size="sm", elem_id="queue-clear")
            with gr.Row(elem_classes="chips fields"):
                self.needed = gr.Number(1, label="People who judge each pair", precision=0, minimum=1, maximum=9, elem_id="queue-needed",
                                        min_width=200)  # fmt: skip
                self.need = gr.Button("Save", elem_id="queue-need", min_width=96)
            self.said = gr.HTML(elem_id="queue-said")
        self._wire()

    # ---- handlers: a labeler may read the guidelines; the rest is the owner's --------------------------------------

    def _own(self, request: gr.Request) -> str:
        owner, labeler = self.door.labeler(request, self.studio.labelling.still)
        return self.door.manager(request) if labeler != owner else owner

    def look(self, request: gr.Request) -> tuple[Any, ...]:
        owner, _ = self.door.labeler(request, self.studio.labelling.still)
        rules = self.studio.labelling.rules(owner)
        return guidelines_html(rules["guidelines"]), rules["guidelines"], rules["labels_needed"]

    def save_guidelines(self, text: str, request: gr.Request) -> str:
        return guidelines_html(self.studio.labelling.set_rules(self._own(request), guidelines=text)["guidelines"])

    def save_needed(self, number: float, request: gr.Request) -> str:
        rules = self.studio.labelling.set_rules(self._own(request), labels_needed=int(number or 0))
        return paper.note(f"Each pair is asked of {paper.count(rules['labels_needed'], 'person', 'people')}.")

    def add_fictional(self, kind: str, request: gr.Request) -> str:
        return self._told(self.studio.labelling.fill_fictional(self._own(request), kind))

    def add_pasted(self, kind: str, request: gr.Request) -> str:
        return self._told(self.studio.labelling.fill_pasted(self._own(request), kind))

    def add_files(self, uploads: list[str] | None, resume: str, kind: str, request: gr.Request) -> str:
        uploads = uploads or []
        try:
            owner = self._own(request)
            found, refused = sets.from_files(Path(path) for path in uploads)
            if not found:
                raise UserError("No posting was found in these files. The queue stays as it is. Give text files, PDFs or JSONL.")
            added = self.studio.labelling.fill(owner, found, resume, kind)
        finally:
            for path in uploads:
                forget(path)
        return self._told({**added, "refused": [*refused, *added["refused"]]})

    def forget_waiting(self, request: gr.Request) -> str:
        return paper.note(f"{paper.count(self.studio.labelling.clear(self._own(request)), 'pair')} will not be written.")

    @staticmethod
    def _told(added: dict[str, Any]) -> str:
        text = paper.note(f"{paper.count(added['added'], 'pair')} added. They are written one after the other; the first ones come soon."
                          if added["added"] else "Nothing new: all of these are in the queue already.")  # fmt: skip
        if added["refused"]:
            text += paper.note(f"{paper.count(len(added['refused']), 'posting')} not taken:", "warning")
            text += paper.bullets(added["refused"][:20])
        return text

    def _wire(self) -> None:
        self.looking = {"fn": calm(self.look), "inputs": None, "outputs": [self.shown, self.text, self.needed], **QUIET}
        self.keep.click(calm(self.save_guidelines), self.text, self.shown, **QUIET)
        self.need.click(calm(self.save_needed), self.needed, self.said, **QUIET)
        given = [self.resume, self.kind]
        self.changed = [
            self.fictional.click(calm(self.add_fictional), self.kind, self.said, **QUIET),
            self.pasted.click(calm(self.add_pasted), self.kind, self.said, **QUIET),
            self.files.upload(calm(self.add_files), [self.files, *given], self.said, **QUIET),
            self.folder.upload(calm(self.add_files), [self.folder, *given], self.said, **QUIET),
            self.clear.click(calm(self.forget_waiting), None, self.said, **QUIET),
        ]
