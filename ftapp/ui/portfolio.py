"""Projects and documents that letters may draw on: add one, bring a table, take one away. Part of the Data tab."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from ftapp import files, portfolio
from ftapp.errors import ModelError
from ftapp.projects import PROJECT
from ftapp.ui import paper
from ftapp.ui.asking import QUIET, calm, forget
from ftapp.ui.owner import Door

EMPTY = "Nothing yet. Add a project you are proud of: letters may draw on it where it fits the posting."
LEAD = (
    "Letters may draw on these projects and documents where they fit the posting; what fits, and why, stands beside the letters. "
    "A letter may still leave a project or its link out."
)
NOTHING = "Nothing here fits that. Try other words, or a line of the posting."
SHOWN = 50  # entries in the list; a search looks at all of them
BEGINNING = 100  # characters of a text that stand before it is unfolded


def entries(rows: Sequence[Mapping[str, Any]]) -> str:
    """Projects and documents with their technologies, link and text."""
    shown = [_entry(row["title"], row["link"], ", ".join(row["technologies"]), _folded(row["text"])) for row in rows[:SHOWN]]
    more = paper.note(f"And {len(rows) - SHOWN} more, which a search finds.") if len(rows) > SHOWN else ""
    return f'<h3>All that is stored</h3><ul class="entries">{"".join(shown)}</ul>{more}'


def hits(answer: portfolio.Answer) -> str:
    """What a search found, best first, each with why and the line that speaks to it; and the note, when it went by words."""
    found = [_entry(one.title, one.link, one.why, _body(one.hit.text)) for one in answer.found]
    listed = f'<h3>What fits best</h3><ul class="entries">{"".join(found)}</ul>' if found else paper.note(NOTHING)
    return listed + paper.note(answer.note)


def _entry(title: str, link: str, about: str, body: str) -> str:
    lines = "".join(f'<div class="near">{paper.safe(line)}</div>' for line in (link, about) if line)
    return f"<li><b>{paper.safe(title)}</b>{lines}{body}</li>"


def _body(text: str) -> str:
    return f'<div class="body">{paper.safe(text)}</div>' if text else ""


def _folded(text: str) -> str:
    """A text; of a long one the beginning, and what follows on demand."""
    if len(text) <= BEGINNING:
        return _body(text)
    cut = text.rfind(" ", 1, BEGINNING)
    cut = cut if cut > 0 else BEGINNING
    return f"<details><summary>{paper.safe(text[:cut])} …</summary>{_body('… ' + text[cut:].strip())}</details>"


class PortfolioPanel:
    """Components and handlers; `looking` fills the list."""

    def __init__(self, studio: Any, door: Door):
        self.studio, self.door = studio, door
        gr.HTML(f'<h2 class="next">Portfolio</h2><p class="lead">{LEAD}</p>')
        with gr.Row(elem_classes="chips fields", visible=False) as self.searching:
            self.query = gr.Textbox(label="Search it", max_lines=1, elem_id="portfolio-query", min_width=260)
            self.search = gr.Button("Search", elem_id="portfolio-search", min_width=96)
        self.found = gr.HTML(elem_id="portfolio-found")
        self.list = gr.HTML(elem_id="portfolio-list")
        with gr.Row(elem_classes="chips fields"):
            self.pick = gr.Dropdown([], label="Entry", visible=False, elem_id="portfolio-pick", min_width=220)
            self.gone = gr.Button("Remove", size="sm", visible=False, elem_id="portfolio-remove", min_width=96)
        with gr.Row():
            self.title = gr.Textbox(label="Title", max_lines=1, elem_id="portfolio-title", min_width=160)
            self.link = gr.Textbox(label="Link (optional)", max_lines=1, elem_id="portfolio-link", min_width=160)
            self.technologies = gr.Textbox(label="Technologies (with commas between them)", max_lines=1, min_width=160)
        self.text = gr.Textbox(label="What it is", lines=2, max_lines=6, elem_id="portfolio-text")
        with gr.Row(elem_classes="chips"):
            self.add = gr.Button("Add", variant="primary", size="sm", elem_id="portfolio-add", min_width=96)
            self.table = gr.UploadButton("Bring a CSV table", file_types=[".csv"], size="sm", elem_id="portfolio-table", min_width=96)
        self.said = gr.HTML(elem_id="portfolio-said")
        shown = [self.list, self.pick, self.gone, self.searching, self.found]
        form = [self.title, self.link, self.technologies, self.text]
        self.looking = {"fn": calm(self.look), "inputs": None, "outputs": shown, **QUIET}
        self.add.click(calm(self.keep), form, [self.said, *shown, *form], **QUIET)
        self.table.upload(calm(self.bring), self.table, [self.said, *shown], **QUIET)
        for asked in (self.search.click, self.query.submit):
            asked(lambda: paper.note("Searching…"), None, self.found, **QUIET).then(calm(self.look_for), self.query, self.found, **QUIET)
        self.gone.click(calm(self.remove), self.pick, [self.said, *shown], **QUIET)

    def look(self, request: gr.Request) -> tuple[Any, ...]:
        return self._shown(self.door.owner(request))

    def look_for(self, query: str, request: gr.Request) -> str:
        owner = self.door.owner(request)
        return hits(self.studio.portfolio.search(owner, query.splitlines())) if query.strip() else paper.note("Type what to look for.")

    def keep(self, title: str, link: str, technologies: str, text: str, request: gr.Request) -> tuple[Any, ...]:
        owner = self.door.owner(request)
        self.studio.portfolio.add(owner, portfolio.source(PROJECT, title, text, link, technologies))
        self._prepare(owner)
        return paper.note("Stored. From the next letter on it may be used where it fits."), *self._shown(owner), "", "", "", ""

    def bring(self, path: str, request: gr.Request) -> tuple[Any, ...]:
        try:
            owner = self.door.owner(request)
            done = self.studio.portfolio.import_csv(owner, files.read(path, "table").text)
        finally:
            forget(path)
        self._prepare(owner)
        said = paper.note(f"{paper.count(len(done.ids), 'project')} stored, {done.already} there already.")
        if done.rejected:
            said += paper.note(f"{paper.count(len(done.rejected), 'row')} not taken:", "warning")
            said += paper.bullets(f"line {row.line}: {row.reason}" for row in done.rejected)
        return said, *self._shown(owner)

    def remove(self, id: str, request: gr.Request) -> tuple[Any, ...]:
        owner = self.door.owner(request)
        if not id:
            return paper.note("Choose an entry first."), *[gr.skip()] * 5
        self.studio.portfolio.remove(owner, id)
        return paper.note("Removed."), *self._shown(owner)

    def _prepare(self, owner: str) -> None:
        """Make the vectors beside the page: a table of thousands takes minutes. A search before goes by words."""

        def work() -> None:
            try:
                self.studio.portfolio.refresh(owner)
            except ModelError:  # the next search says so
                pass

        threading.Thread(target=work, name="portfolio", daemon=True).start()

    def _shown(self, owner: str) -> tuple[Any, ...]:
        rows = self.studio.portfolio.listing(owner)
        choices, seen = [(row["title"][:80], row["id"]) for row in rows], gr.update(visible=bool(rows))
        listed = entries(rows) if rows else paper.note(EMPTY)
        return listed, gr.update(choices=choices, value=None, visible=bool(rows)), seen, seen, ""  # what was found may be gone
