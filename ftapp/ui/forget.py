"""Delete on the Data tab: one résumé, person, letter, labeler or own letter with all made from it, or everything. Only the owner may."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ftapp import forgetting
from ftapp.ui import paper
from ftapp.ui.asking import QUIET, calm
from ftapp.ui.owner import LOCAL, Door

KINDS = [("a résumé", "resume"), ("a person, with all their résumés", "person"), ("a letter", "letter"), ("a labeler", "labeler"),
         ("one of your own letters", "example")]  # fmt: skip
POLICIES = [("off duty: they write no more", "off"), ("keep them", "keep"), ("delete them", "delete")]
EVERYTHING = (
    "Your texts, letters, choices, imported rows, trainings and adapters go for good. Backups made before still hold them until their "
    "time comes, or until you delete those too."
)
MOST_LISTED = 200  # newest first: a longer list nobody scrolls
EMPTY = {
    "resume": "No résumé is stored.", "person": "No résumé with a name is stored.", "letter": "No letter is stored.",
    "labeler": "Nobody but you has labelled here.", "example": "No letter of your own is stored.",
}  # fmt: skip


class ForgetPanel:
    """Components and handlers; `looking` fills the list, `gone` are events after which counts may differ."""

    def __init__(self, studio: Any, door: Door):
        self.studio, self.door, self.verbs = studio, door, forgetting.Forgetting(studio)
        gr.HTML('<h2 class="next">Delete</h2><p class="lead">One thing with everything made from it, or everything.</p>')
        with gr.Row(elem_classes="chips fields"):
            self.kind = gr.Dropdown(KINDS, value="resume", label="What", elem_id="forget-kind", min_width=340)
        with gr.Row(elem_classes="chips fields"):
            self.which = gr.Dropdown([], label="Which one", elem_id="forget-which", min_width=340)
        with gr.Row(elem_classes="chips fields"):
            self.policy = gr.Dropdown(POLICIES, value="off", label="Adapters that learned from it", elem_id="forget-policy", min_width=340)
        self.backups = gr.Checkbox(False, label="Delete older backups too, and make a fresh one", elem_id="forget-backups")
        with gr.Row(elem_classes="chips"):
            self.ask = gr.Button("What would go?", size="sm", elem_id="forget-ask", min_width=120)
            self.sure = gr.Button("Delete it for good", variant="stop", size="sm", visible=False, elem_id="forget-one", min_width=120)
            self.again = gr.Button("Teach again without it", size="sm", visible=False, elem_id="forget-teach", min_width=120)
        self.said = gr.HTML(elem_id="forget-told")
        with gr.Accordion("Delete everything", open=False, elem_id="forget"):
            gr.HTML(paper.note(EVERYTHING))
            with gr.Row(elem_classes="chips fields"):
                self.word = gr.Textbox(label="Type delete", max_lines=1, elem_id="forget-word", min_width=160)
                self.all = gr.Button("Delete it all", variant="stop", elem_id="forget-all", min_width=120)
            self.forgotten = gr.HTML(elem_id="forget-said")
        self._wire()

    def look(self, kind: str, request: gr.Request) -> tuple[Any, ...]:
        return "", *self._shown(self.door.owner(request), kind)

    def plan(self, kind: str, id: str | None, request: gr.Request) -> tuple[Any, ...]:
        owner = self.door.manager(request)
        if not id:
            return paper.note("Choose which one first.", "warning"), gr.update(visible=False), gr.update(visible=False)
        lines = forgetting.planned(self.verbs.plan(owner, kind, id))
        return paper.bullets(lines), gr.update(visible=True), gr.update(visible=False)

    def forget(self, kind: str, id: str | None, policy: str, purge: bool, request: gr.Request) -> tuple[Any, ...]:
        owner = self.door.manager(request)
        if not id:
            return paper.note("Choose which one first.", "warning"), *self._shown(owner, kind)
        done = self.verbs.forget(owner, kind, id, policy, bool(purge))
        which, sure, _ = self._shown(owner, kind)
        return paper.bullets(forgetting.done(done)), which, sure, gr.update(visible=bool(done["adapters"]))

    def delete(self, word: str, request: gr.Request) -> tuple[str, str]:
        """Everything of whoever asks: a visitor of a shared address may take away what is theirs, and nothing else."""
        owner = self.door.owner(request)
        if (word or "").strip().lower() != "delete":
            return paper.note("Type the word delete into the field first. Nothing was deleted.", "warning"), word
        number = self.verbs.everything(owner)
        due = self.verbs.noted("everything")
        said = f"Everything of yours is deleted: {paper.count(number, 'row')}{' and the folders of your trainings' * (owner == LOCAL)}."
        return paper.note(said + (f" Backups made before hold it until {due}." if due else "")), ""

    def _shown(self, owner: str, kind: str) -> tuple[Any, Any, Any]:
        """A visitor is shown no list: deleting belongs to the owner."""
        kind = kind if kind in EMPTY else "resume"
        rows = self.verbs.listing(owner, kind) if owner == LOCAL else []
        choices = [(f"{row['title']} · {row['at'][:19].replace('T', ' ')}", row["id"]) for row in rows[:MOST_LISTED]]
        info = None if rows else EMPTY[kind]
        if len(rows) > MOST_LISTED:
            info = f"{MOST_LISTED} newest of {len(rows):,}; the command line has all."
        which = gr.update(choices=choices, value=None, info=info)
        return which, gr.update(visible=False), gr.update(visible=False)

    def _wire(self) -> None:
        shown = [self.said, self.which, self.sure, self.again]
        slow = QUIET | {"show_progress": "minimal"}
        self.looking = {"fn": calm(self.look), "inputs": self.kind, "outputs": shown, **QUIET}
        self.kind.input(**self.looking)
        self.which.input(lambda: ("", gr.update(visible=False)), None, [self.said, self.sure], **QUIET)
        self.ask.click(calm(self.plan), [self.kind, self.which], [self.said, self.sure, self.again], **slow)
        what = [self.kind, self.which, self.policy, self.backups]
        self.gone = [self.sure.click(calm(self.forget), what, shown, **slow),
                     self.all.click(calm(self.delete), self.word, [self.forgotten, self.word], **slow)]  # fmt: skip
