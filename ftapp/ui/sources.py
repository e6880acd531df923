"""What a letter is written from: a posting and a résumé, pasted, as a file or as a link, and the form of what was understood.

Knows components and where texts come from; how they are read is the business of `files`, `pages` and the parsers. An
uploaded file is deleted as soon as it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ftapp import fetching, files, gaps, pages
from ftapp.letters import Fields
from ftapp.ui import paper
from ftapp.ui.asking import QUIET, calm, forget
from ftapp.ui.examples import EXAMPLES
from ftapp.ui.fields import OF_THE_JOB, FieldsForm, corrected, read_of, values
from ftapp.ui.owner import Door

FORMATS = [".pdf", ".docx", ".txt", ".md", ".html", ".htm", ".json"]  # what the file dialog offers; content decides

IN_A_ROW = ("skills", "certificates")  # short values
POSTING_HINT = "Paste the job posting or its link, or drop a file"


def understood_line(found: dict[str, Any]) -> str:
    """`Data Analyst at Fernhill Grocers · 3 requirements  |  Mara Lindqvist · 2 jobs · 5 skills`."""
    if found.get("question"):
        job = "a question"
    else:
        job = " at ".join(part for part in (found["title"], found["company"]) if part) or "a posting without title and company"
        job += f" · {paper.count(found['requirements'], 'requirement')}"
    me = found["name"] or "a résumé without a name"
    return f"Understood: {job}  |  {me} · {paper.count(found['jobs'], 'job')} · {paper.count(found['skills'], 'skill')}"


def understood_notes(found: dict[str, Any], job: str, resume: str) -> str:
    """What a person should see before writing, whether the form is folded or not."""
    parts = [paper.note(warning, "warning") for warning in found.get("warnings", ())]
    if forged := found.get("forged"):
        parts.append(paper.note(f"The text held {', '.join(forged)}, which a model reads as an order. It was made harmless.", "warning"))
    asked = (("job title", "title", job), ("company", "company", job), ("your name", "name", resume))
    missing = [name for name, key, text in asked if text.strip() and not found[key]]
    if missing and not found.get("question"):
        parts.append(paper.note(f"Not found: {', '.join(missing)}. Open “Understood” to fill it in: a letter says only what it is given."))
    return "".join(parts)


def understood_body(found: dict[str, Any]) -> str:
    """What the model will not be told."""
    left = found.get("left_out")
    if not left:
        return paper.note("Every line that was understood reaches the model. Correct below what was misunderstood.")
    of: dict[str, list[str]] = {}
    for line in left:
        field, _, text = line.partition(": ")
        of.setdefault(field, []).append(text)
    lines = [f"{field}: {', '.join(texts) if field in IN_A_ROW else ' · '.join(texts)}" for field, texts in of.items()]
    return paper.note("More than this model can read. These lines, the least relevant ones, are left out:") + paper.bullets(lines)


@dataclass
class Visit:
    """One opened page. Handlers note here what they did as they end, not with their answers: several go on at once, and what a page
    sends is older than what it is told meanwhile."""

    of: str = ""  # what its form was filled from last, as in `read_of`
    begun: int = 0  # readings
    ended: int = 0  # the number of the one that began last, of those that ended
    wrote: bool = False  # whether Write was pressed


class SourcesPanel:
    """Components and handlers. `texts` are the two boxes; `reading` is the event that fills the form from them."""

    def __init__(self, studio: Any, door: Door):
        self.studio, self.door = studio, door
        # Which texts the form was filled from, as a hash. Beside the form in the page: a gr.State changes on the server as soon as a
        # reading ends, and a second one, asked for by a page that did not show the first yet, took its empty form for corrections.
        self.read_of = gr.Textbox(visible="hidden", container=False, elem_id="read-of")
        self.visit = gr.State(Visit())
        with gr.Row(elem_classes="examples"):
            gr.HTML('<p class="lead">Paste a posting and your résumé. Two letters come; pick the one you would send.</p>')
            with gr.Row(elem_classes="chips"):
                self.examples = {name: gr.Button(f"Try: {name}", size="sm", min_width=96) for name in EXAMPLES}
        with gr.Row(elem_classes="inputs"):
            self.job, self.job_file = self._source("Posting", POSTING_HINT, "posting")
            self.resume, self.resume_file = self._source("Résumé", "Paste your résumé as text, or drop a file", "resume")
        self.which = gr.Radio([], label="This page holds several postings. Which one is yours?", visible=False, elem_id="which-posting")
        self.notes = gr.HTML(elem_id="understood-notes")
        with gr.Accordion("Understood", open=False, visible=False, elem_id="understood") as self.understood:
            self.more = gr.HTML()
            self.form = FieldsForm()
            with gr.Row(elem_classes="chips"):
                self.ask = gr.Button("Ask the model to fill the gaps", size="sm", elem_id="fill-gaps", min_width=96)
            self.asked = gr.HTML(elem_id="filled-gaps")
        self.texts = [self.job, self.resume]
        self.filled = [*self.texts, self.which, self.understood, self.notes, self.more, self.read_of, *self.form.boxes]

    @staticmethod
    def _source(label: str, hint: str, name: str) -> tuple[gr.Textbox, gr.UploadButton]:
        with gr.Column(min_width=280, elem_classes="source"):
            box = gr.Textbox(label=label, placeholder=hint, lines=7, max_lines=7, elem_id=name)
            button = gr.UploadButton("Choose a file", file_types=FORMATS, size="sm", elem_id=f"{name}-file", min_width=96)
        return box, button

    def wire(self, kind: gr.Dropdown) -> None:
        """Once the kind of text has its component: examples, files, links and leaving a box all fill the form."""
        given = [*self.texts, kind, self.read_of, self.visit, *self.form.boxes]
        self.reading = {"fn": calm(self.read), "inputs": given, "outputs": self.filled, **QUIET}
        for name, button in self.examples.items():
            button.click(lambda name=name: EXAMPLES[name], None, self.texts, **QUIET).then(**self.reading)
        # One reading at a time, of what stands there when it begins: a late one would write over what was corrected since.
        gr.on([box.blur for box in (*self.texts, *self.form.boxes)], **self.reading, trigger_mode="always_last")
        for what, button in (("job", self.job_file), ("resume", self.resume_file)):
            button.upload(calm(self.bring(what)), [button, *given], self.filled, **QUIET | {"show_progress": "minimal"})
        self.which.input(calm(self.choose), [self.which, *given], self.filled, **QUIET)
        # What began to read before the model had answered knows nothing of its answer: the form is read once more after it.
        self.ask.click(
            calm(self.fill_gaps), [*self.texts, kind, self.read_of, *self.form.boxes],
            [self.understood, self.notes, self.more, self.asked, *self.form.boxes],
            **QUIET | {"show_progress": "minimal", "show_progress_on": self.asked, "concurrency_id": "model", "concurrency_limit": 1},
        ).then(**self.reading)  # fmt: skip

    # --- handlers -------------------------------------------------------------------------------------------------------

    def read(self, job: str, resume: str, kind: str, read: str, visit: Visit, request: gr.Request, *boxes: Any) -> tuple[Any, ...]:
        """Fill the form from the boxes, or tell anew what it holds when it was corrected. A link is followed."""
        owner = self.door.owner(request)
        if kind == "answer" or not fetching.is_url(job):
            return self._fill(owner, job, resume, kind, read, visit, fields=_standing(job, resume, read, boxes))
        found = pages.read_url(job.strip(), self.studio.settings.offline)
        if len(found) == 1:
            mine = _standing(job, resume, read, boxes)[1]
            return self._fill(owner, _text(found[0]), resume, kind, read, visit, changed="job", fields=(found[0].fields, mine))
        choices = [(" at ".join(filter(None, (one.fields.title, one.fields.company))), i) for i, one in enumerate(found)]
        asking = gr.update(choices=choices, value=None, visible=True)
        return gr.skip(), gr.skip(), asking, *[gr.skip() for _ in self.filled[3:]]

    def choose(
        self, number: int, job: str, resume: str, kind: str, read: str, visit: Visit, request: gr.Request, *boxes: Any
    ) -> tuple[Any, ...]:
        """One of several postings of a page. The page is asked for again: nothing of it was kept."""
        owner = self.door.owner(request)
        found = pages.read_url(job.strip(), self.studio.settings.offline)
        one = found[min(int(number), len(found) - 1)]
        mine = _standing(job, resume, read, boxes)[1]
        return self._fill(owner, _text(one), resume, kind, read, visit, changed="job", fields=(one.fields, mine))

    def bring(self, what: str) -> Callable[..., tuple[Any, ...]]:
        def from_file(
            path: str, job: str, resume: str, kind: str, read: str, visit: Visit, request: gr.Request, *boxes: Any
        ) -> tuple[Any, ...]:
            try:
                owner = self.door.owner(request)
                found = files.read(path, "posting" if what == "job" else "résumé")
            finally:
                forget(path)
            posting, profile = _standing(job, resume, read, boxes)
            if what == "job":
                fields = None, profile
                return self._fill(owner, found.text, resume, kind, read, visit, changed=what, fields=fields, warnings=found.warnings)
            fields = posting, found.profile
            return self._fill(owner, job, found.text, kind, read, visit, changed=what, fields=fields, warnings=found.warnings)

        return from_file

    def offer(self) -> tuple[Any, str]:
        """The button that asks the model, and why it cannot be pressed."""
        reason = gaps.refusal(self.studio.spec)
        return gr.update(interactive=not reason), paper.note(reason)

    def fill_gaps(self, job: str, resume: str, kind: str, read: str, request: gr.Request, *boxes: Any) -> tuple[Any, ...]:
        """Ask the model for the fields that are still empty; what stands in a box is never written over."""
        owner, answers = self.door.owner(request), kind == "answer"
        fields = corrected(boxes) if read == read_of(job, resume) else (None, None)
        before = self.studio.understand(owner, job, resume, kind, fields)
        posting, person = gaps.fill_both(
            self.studio.backend(), "" if answers else job, resume, before["job_fields"], before["resume_fields"]
        )
        after = self.studio.understand(owner, job, resume, kind, (posting.fields, person.fields))
        said = paper.note(gaps.summary(posting, person)) + paper.bullets([*posting.notes, *person.notes])
        boxes = self.form.show(values(posting.fields, person.fields), (*posting.names, *person.names))
        return gr.update(label=understood_line(after)), understood_notes(after, job, resume), understood_body(after), said, *boxes

    def _fill(
        self, owner: str, job: str, resume: str, kind: str, read: str, visit: Visit, *, changed: str = "", fields: Fields = (None, None),
        warnings: tuple[str, ...] = (),
    ) -> tuple[Any, ...]:  # fmt: skip
        """Values for `filled`. Only the box named by `changed` is written to: the person may be typing in the others. The half of
        the form that was filled from the very text that stands there keeps its corrections: `read` says so, or `visit` where the page
        had not shown yet what it was told. What began before a reading that has ended fills nothing, unless it brings a text."""
        visit.begun += 1
        mine, skip = visit.begun, gr.skip()
        texts = [text if changed == name else skip for name, text in (("job", job), ("resume", resume))]
        gone = gr.update(visible=False)
        if not (job.strip() or resume.strip()):
            visit.of, visit.ended = "", mine
            return *texts, gone, gone, "", "", "", *[skip for _ in self.form.boxes]
        found = self.studio.understand(owner, job, resume, kind, fields)
        if mine < visit.ended and not changed:
            return tuple(skip for _ in self.filled)
        found["warnings"] = list(dict.fromkeys([*warnings, *found["warnings"]]))
        boxes = self.form.show(values(found["job_fields"], found["resume_fields"]))
        now, halves = read_of(job, resume), (slice(0, OF_THE_JOB), slice(OF_THE_JOB, len(boxes)))
        for half, after, *before in zip(halves, now.split(), *(known.split() or ["", ""] for known in (read, visit.of)), strict=True):
            if after in before:
                boxes[half] = [skip for _ in boxes[half]]
        visit.of, visit.ended = now, max(mine, visit.ended)
        line, notes = gr.update(label=understood_line(found), visible=True), understood_notes(found, job, resume)
        return *texts, gone, line, notes, understood_body(found), now, *boxes


def _standing(job: str, resume: str, read: str, boxes: Sequence[Any]) -> Fields:
    """What the form holds for the very texts that stand in the boxes; None for a half that was filled from another text."""
    same = [before == now for before, now in zip(read.split(), read_of(job, resume).split(), strict=False)] or [False, False]
    posting, profile = corrected(boxes)
    return posting if same[0] else None, profile if same[1] else None


def _text(one: pages.ReadPosting) -> str:
    """A posting's text; where a page has fields only, these as lines."""
    fields = one.fields
    return one.text or "\n".join(filter(None, (fields.title, fields.company and f"Company: {fields.company}", fields.location)))
