"""Projects and documents that letters may draw on: add one, bring a table, take one away. Part of the Data tab."""

from __future__ import annotations

import threading
from typing import Any

import gradio as gr

from ftapp import files, portfolio
from ftapp.errors import ModelError
from ftapp.projects import PROJECT
from ftapp.ui import paper
from ftapp.ui.asking import QUIET, calm, forget
from ftapp.ui.owner import Door

EMPTY = "Nothing yet. Add a project you are proud of: letters name those that fit a posting, with their link."


class PortfolioPanel:
    """Components and handlers; `looking` fills the list."""

    def __init__(self, studio: Any, door: Door):
        self.studio, self.door = studio, door
        gr.HTML('<h2 class="next">Portfolio</h2><p class="lead">Projects and documents that your letters may draw on.</p>')
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
        shown = [self.list, self.pick, self.gone]
        form = [self.title, self.link, self.technologies, self.text]
        self.looking = {"fn": calm(self.look), "inputs": None, "outputs": shown, **QUIET}
        self.add.click(calm(self.keep), form, [self.said, *shown, *form], **QUIET)
        self.table.upload(calm(self.bring), self.table, [self.said, *shown], **QUIET)
        self.gone.click(calm(self.remove), self.pick, [self.said, *shown], **QUIET)

    def look(self, request: gr.Request) -> tuple[Any, ...]:
        return self._shown(self.door.owner(request))

    def keep(self, title: str, link: str, technologies: str, text: str, request: gr.Request) -> tuple[Any, ...]:
        owner = self.door.owner(request)
        self.studio.portfolio.add(owner, portfolio.source(PROJECT, title, text, link, technologies))
        self._prepare(owner)
        return paper.note("Stored. From the next letter on it is used where it fits."), *self._shown(owner), "", "", "", ""

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
            return paper.note("Choose an entry first."), gr.skip(), gr.skip(), gr.skip()
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
        table = paper.table(["Title", "Link"], [[row["title"], row["link"]] for row in rows[:50]]) if rows else paper.note(EMPTY)
        more = paper.note(f"And {len(rows) - 50} more.") if len(rows) > 50 else ""
        choices = [(row["title"][:80], row["id"]) for row in rows]
        return table + more, gr.update(choices=choices, value=None, visible=bool(rows)), gr.update(visible=bool(rows))
