"""What the model is told first, in the owner's own words: one kind at a time, with the way back. Part of the Models tab."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ftapp import templates
from ftapp.config import BUNDLED
from ftapp.prompts import KIND_NAMES
from ftapp.ui import paper
from ftapp.ui.asking import QUIET, calm
from ftapp.ui.owner import Door

KINDS = [(name[0].upper() + name[1:], kind) for kind, name in KIND_NAMES.items()]
ABOUT = (
    "These sentences stand before every posting and résumé. In your own, "
    f"{', '.join('{' + name + '}' for name in templates.FIELDS)} are replaced by what the letter is about."
)


def state_text(row: dict[str, Any], bundled: bool) -> str:
    """Whether this is the original, and what that means for the model that is loaded."""
    if not row["edited"]:
        return paper.note("This is the original." + (" The model that ships with ftapp was trained on it." if bundled else ""))
    said = paper.note(f"This is your own, saved {row['updated_at'][:16].replace('T', ' ')} (UTC).")
    return said + (paper.note(templates.NOT_THE_ORIGINAL, "warning") if bundled else "")


class TemplatesPanel:
    """Components and handlers; `looking` shows the chosen kind's text, `minding` only what it means: a text may be half written."""

    def __init__(self, studio: Any, door: Door):
        self.studio, self.door = studio, door
        with gr.Accordion("What the model is told first", open=False, elem_id="templates"):
            gr.HTML(f'<p class="lead">{paper.safe(ABOUT)}</p>')
            self.kind = gr.Dropdown(KINDS, value=KINDS[0][1], label="Kind of text", elem_id="template-kind", min_width=200)
            self.text = gr.Textbox(label="Template", lines=3, max_lines=10, max_length=templates.MOST_CHARACTERS, elem_id="template-text")
            with gr.Row(elem_classes="chips"):
                self.save = gr.Button("Save", variant="primary", size="sm", elem_id="template-save", min_width=96)
                self.reset = gr.Button("Back to the original", size="sm", elem_id="template-reset", min_width=96)
            self.state = gr.HTML(elem_id="template-state")
        shown = [self.text, self.reset, self.state]
        self.looking = {"fn": calm(self.look), "inputs": self.kind, "outputs": shown, **QUIET}
        self.minding = self.looking | {"fn": calm(self.mind), "outputs": shown[1:]}
        self.kind.input(**self.looking)
        self.save.click(calm(self.keep), [self.kind, self.text], shown, **QUIET)
        self.reset.click(calm(self.back), self.kind, shown, **QUIET)

    def look(self, kind: str, request: gr.Request) -> tuple[Any, ...]:
        return self._shown(self.studio.templates.show(self.door.owner(request), kind))

    def mind(self, kind: str, request: gr.Request) -> tuple[Any, ...]:
        return self.look(kind, request)[1:]

    def keep(self, kind: str, text: str, request: gr.Request) -> tuple[Any, ...]:
        row = self.studio.templates.save(self.door.owner(request), kind, text or "")
        return self._shown(row, "Saved. It is used from the next letter on.")

    def back(self, kind: str, request: gr.Request) -> tuple[Any, ...]:
        return self._shown(self.studio.templates.reset(self.door.owner(request), kind))

    def _shown(self, row: dict[str, Any], said: str = "") -> tuple[Any, ...]:
        state = state_text(row, self.studio.spec.id == BUNDLED)
        return row["text"], gr.update(interactive=row["edited"]), paper.note(said) + state
