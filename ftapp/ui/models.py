"""The Models tab: which adapter writes, where each came from, and which base model they stand on."""

from __future__ import annotations

import queue
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gradio as gr

from ftapp import ladder
from ftapp.config import BUNDLED, model_ids, model_spec
from ftapp.errors import UserError
from ftapp.ui import paper
from ftapp.ui.asking import QUIET, calm
from ftapp.ui.lineage import LineagePanel
from ftapp.ui.owner import Door
from ftapp.ui.servers import ServerPanel
from ftapp.ui.templates import TemplatesPanel
from ftapp.ui.trial import TrialPanel

MEASURING = ("It writes beside what writes now, on the same postings: a minute or two, on a slow machine up to half an hour. Letters that "
             "you ask for meanwhile come in between.")  # fmt: skip
EMPTY = "No adapter yet: the base model writes both letters. Choose between a few pairs and teach your own."


def timeline(rows: list[dict[str, Any]]) -> str:
    """The adapters, the one that writes on top, each with its parent."""
    if not rows:
        return paper.note(EMPTY)
    ordered = sorted(rows, key=lambda row: row["state"] != "live")
    cells = [
        [
            paper.model_name(row["id"]),
            paper.adapter_state(row),
            "came as an archive" if paper.brought(row) else paper.model_name(row.get("parent_id") or "none"),
            str(row.get("created_at") or "")[:16].replace("T", " "),
        ]
        for row in ordered
    ]
    if ordered[0]["state"] != "live":
        cells.insert(0, [paper.model_name("none"), "writes now", "", ""])
    return paper.table(["Adapter", "State", "Taught from", "Made (UTC)"], cells, current=0)


def rung_text(rung: dict[str, Any]) -> str:
    """One model of the ladder: what it is, what it needs, and whether it is the one to take."""
    marks = [("recommended", "recommended here"), ("current", "writes now")]
    tags = "".join(f" · {text}" for name, text in marks if rung[name])
    need = [f"{rung['write_gb']:g} GB to write, {rung['teach_gb']:g} GB to teach", f"reads {rung['prompt_tokens']} tokens", rung["licence"]]
    if not rung["here"]:
        need.insert(0, f"{rung['download_gb']:g} GB to download")
    text = f'<h3 class="rung"><b>{paper.safe(rung["label"])}</b>{tags}</h3>' + paper.note(" · ".join(need))
    return text + paper.note(rung["why"])


def base_text(state: dict[str, Any]) -> str:
    """The base model in one sentence, and what became of another one that was asked for: how much of it has come, or why not."""
    said = {"ready": "is ready.", "loading": "is loading…", "failed": "could not be loaded.", "idle": "is not loaded yet.",
            "away": "makes room for the training."}
    text = paper.note(f"{_base(state['name'])} {said[state['state']]}")
    if state["state"] == "ready" and state["asked"] not in ("", state["name"]):
        text = paper.note(f"{_base(state['asked'])} is loading… {_base(state['name'])} keeps writing until then.")
    if state.get("fetched"):
        here, total = state["fetched"]
        text += paper.progress(here / max(1, total), f"{paper.size(here)} of {paper.size(total)} downloaded")
    return text + paper.note(state["reason"], "warning")


def _base(name: str) -> str:
    return "The model that ships with the app" if name == BUNDLED else name


class ModelsTab:
    """Components and handlers of the tab."""

    def __init__(self, studio: Any, door: Door):
        self.studio, self.door = studio, door
        gr.HTML('<h2>What writes</h2><p class="lead">Each teaching makes an adapter: a small layer on top of the base model.</p>')
        self.list = gr.HTML(elem_id="adapters")
        with gr.Row(elem_classes="chips"):
            self.first = gr.Button("Write two letters", visible=False, elem_id="models-first")
        with gr.Row(elem_classes="chips fields"):
            self.pick = gr.Dropdown([], label="Adapter", elem_id="pick-adapter", min_width=380)
            self.promote = gr.Button("Let it write", variant="primary", elem_id="promote", min_width=120)
            self.back = gr.Button("Roll back", elem_id="rollback", min_width=120)
            self.measure = gr.Button("Ask the gate", elem_id="ask-gate", min_width=120)
            self.halt = gr.Button("Stop measuring", visible=False, elem_id="stop-gate", min_width=120)
            self.attempt = gr.Button("Put on trial", elem_id="begin-trial", min_width=120)
        self.said = gr.HTML(elem_id="models-said")
        self.trial = TrialPanel(studio, door, self.pick)
        self.lineage = LineagePanel(studio, door)
        gr.HTML('<h2 class="next">Base model</h2><p class="lead">Larger ones write better and need more. Each learns by itself.</p>')
        self.state = gr.HTML(elem_id="base-state")
        self.rungs = {}
        for number, model in enumerate(model_ids()):
            with gr.Row(elem_classes="rung-row"):
                text = gr.HTML(rung_text(ladder.described(model_spec(model))), min_width=240)
                self.rungs[model] = text, gr.Button("Use it", size="sm", elem_id=f"use-model-{number}", min_width=90, scale=0)
        gr.HTML('<p class="lead">Or any other model of the Hugging Face Hub, or a folder on this machine.</p>')
        with gr.Row(elem_classes="chips fields"):
            self.base = gr.Textbox(label="Hub id or folder", placeholder="bundled", max_lines=1, elem_id="base-model", min_width=260)
            self.switch = gr.Button("Load it", elem_id="load-model", min_width=120)
        self.server = ServerPanel(studio, door)
        self.templates = TemplatesPanel(studio, door)
        if door.takes_password:
            with gr.Accordion("Owner", open=False), gr.Row(elem_classes="chips"):
                self.password = gr.Textbox(label="Owner's password", type="password", max_lines=1)
                self.enter = gr.Button("Sign in")
        self._wire()

    def look(self, request: gr.Request) -> tuple[str, Any, Any, Any]:
        owner = self.door.owner(request)
        rows = self.studio.adapters(owner)
        choices = [(paper.adapter_name(row), row["id"]) for row in rows]
        if all(row["id"] != "none" for row in rows):
            choices.append(("the base model alone", "none"))
        measuring = gr.update(visible=self.studio.trial.measuring(owner))
        return timeline(rows), gr.update(visible=not rows), gr.update(choices=choices), measuring

    def look_at_models(self, request: gr.Request) -> list[Any]:
        """The ladder, measured against this machine: for each model its text and its button."""
        self.door.owner(request)
        news: list[Any] = []
        for rung in ladder.rungs(self.studio.model_state()["name"]):
            usable = rung["fits"] != "no" and not rung["current"]
            news += [rung_text(rung), gr.update(interactive=usable, variant="primary" if rung["recommended"] and usable else "secondary")]
        return news

    def let_write(self, adapter: str | None, request: gr.Request) -> str:
        owner = self.door.manager(request)
        if not adapter:
            return paper.note("Pick an adapter first.", "warning")
        return paper.note(f"From now on {paper.model_name(self.studio.trial.promote(owner, adapter)['id'])} writes.")

    def roll_back(self, request: gr.Request) -> str:
        return paper.note(f"Rolled back: {paper.model_name(self.studio.trial.rollback(self.door.manager(request))['id'])} writes again.")

    def ask_gate(self, adapter: str | None, request: gr.Request) -> Iterator[tuple[str, Any]]:
        owner = self.door.manager(request)
        if not adapter:
            yield paper.note("Pick an adapter first.", "warning"), gr.update()
            return
        yield paper.note(MEASURING), gr.update(visible=True)
        try:
            passed = (yield from self._measured(owner, adapter))["passed"]
        except UserError as error:  # in the place of the sentence that says that it goes on
            yield paper.note(str(error), "warning"), gr.update(visible=False)
            return
        verdict = "let it through" if passed else "refused it"
        said = f"{paper.model_name(adapter)} was measured, and the gate {verdict}. What it measured stands below."
        yield paper.note(said), gr.update(visible=False)

    def _measured(self, owner: str, adapter: str) -> Generator[tuple[str, Any], None, dict[str, Any]]:
        """What the gate says; until then, how many letters are there."""
        news: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(self.studio.trial.ask_gate, owner, adapter, lambda line: news.put(f"{MEASURING} {line}"))
            asked.add_done_callback(lambda _: news.put(None))
            yield from ((paper.note(line), gr.update(visible=True)) for line in iter(news.get, None))
            return asked.result()

    def stop_gate(self, request: gr.Request) -> tuple[str, Any]:
        return paper.note(self.studio.trial.stop_gate(self.door.manager(request)), "warning"), gr.update(visible=False)

    def begin_trial(self, adapter: str | None, request: gr.Request) -> str:
        owner = self.door.manager(request)
        if not adapter:
            return paper.note("Pick an adapter first.", "warning")
        self.studio.trial.begin(owner, adapter)
        return paper.note("It is on trial now: write new pairs and choose. How the votes stand is shown below.")

    def load(self, model: str, request: gr.Request) -> str:
        self.door.manager(request)
        self.studio.switch_model(model.strip() or BUNDLED)
        return base_text(self.studio.model_state())

    def _loader(self, model: str) -> Callable[[gr.Request], str]:
        """The handler of one model's button."""

        def use(request: gr.Request) -> str:
            return self.load(model, request)

        return use

    def sign_in(self, password: str, request: gr.Request) -> tuple[str, str]:
        self.door.sign_in(request, password)
        return "", paper.note("You are signed in as the owner in this browser.")

    def _wire(self) -> None:
        self.looking = {"fn": calm(self.look), "inputs": None, "outputs": [self.list, self.first, self.pick, self.halt], **QUIET}
        # Not in the queue of those who wait for a letter: their letters come between the gate's.
        gate = {"concurrency_id": "gate", "concurrency_limit": 1, "show_progress": "minimal"}
        mine = (self.promote.click(calm(self.let_write), self.pick, self.said, **QUIET),
                self.measure.click(calm(self.ask_gate), self.pick, [self.said, self.halt], **QUIET | gate),
                self.attempt.click(calm(self.begin_trial), self.pick, self.said, **QUIET),
                self.back.click(calm(self.roll_back), None, self.said, **QUIET))  # fmt: skip
        for events, other in ((mine, self.trial.said), (self.trial.changed, self.said)):  # what the other one said is no longer so
            for event in events:
                event.success(lambda: "", None, other, **QUIET)
                event.then(**self.looking).then(**self.trial.looking).then(**self.lineage.looking)
        self.halt.click(calm(self.stop_gate), None, [self.said, self.halt], **QUIET)
        self.pick.input(lambda: "", None, self.said, **QUIET).then(**self.trial.looking)
        self.lineage.brought.then(**self.looking)
        self.switch.click(calm(self.load), self.base, self.state, **QUIET)
        shown = [part for rung in self.rungs.values() for part in rung]
        self.measuring = {"fn": calm(self.look_at_models), "inputs": None, "outputs": shown, **QUIET}
        for model, (_, use) in self.rungs.items():
            use.click(calm(self._loader(model)), None, self.state, **QUIET).then(**self.measuring)
        if self.door.takes_password:
            self.enter.click(calm(self.sign_in), self.password, [self.password, self.said], **QUIET)
