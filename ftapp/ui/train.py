"""The Teach tab: what would be learned, the training as it goes, and what it achieved. Knows no trainer: it reads rows.

A `gr.Timer` asks `Studio` for the run's rows, so that a closed page, a second tab or a restart of the app changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import gradio as gr

from ftapp import config, gate, pace, preferences
from ftapp.errors import UserError
from ftapp.evaluation import read_curve
from ftapp.ui import paper, voice
from ftapp.ui.asking import QUIET, calm
from ftapp.ui.owner import Door
from ftapp.ui.trends import TrendsPanel
from ftapp.ui.trial import gate_text

ACTIVE = ("queued", "running", "stopping")
DRAWINGS = 50  # of the curves in a run
STATES = {
    "queued": "Waiting to begin", "running": "Learning", "stopping": "Stopping", "succeeded": "Finished", "failed": "Failed",
    "stopped": "Stopped", "interrupted": "Interrupted",
}  # fmt: skip
WHY = preferences.WHY | {
    "too_long": "longer than this recipe reads",
    "empty": "nothing is written in it",
    "unreadable": "an imported conversation of a form that this model does not know",
}
# One plot a line: title, y axis, TRL's names of its series, and what a person calls them.
BOTH = "learned from", "held out"
PLOTS = {
    "agreement": ("How often it agrees with your choices", "share", ("rewards/accuracies", "eval_rewards/accuracies"), BOTH),
    "words": ("How often it finds your next word", "share", ("mean_token_accuracy", "eval_mean_token_accuracy"), BOTH),
    "loss": ("How far it is from what you gave it", "loss", ("loss", "eval_loss"), BOTH),
    "margins": ("rewards/margins", "margin", ("rewards/margins", "eval_rewards/margins"), BOTH),
    "logps": ("Log-probabilities of the letters", "logps", ("logps/chosen", "logps/rejected"), ("chosen", "rejected")),
}
COLOURS = {"learned from": "#1f7f7a", "held out": "#c98a12", "chosen": "#1f7f7a", "rejected": "#c98a12"}
NO_RUN = "Nothing has been taught yet. Choose between a few pairs of letters, then come back and press Start teaching."
METHODS = [("your choices between letters", "dpo"), ("letters that you wrote yourself", "sft")]
LEAD = {
    "dpo": "ftapp learns from the letters that you chose. Writing goes on meanwhile.",
    "sft": "ftapp learns how you write from letters of your own; choices can go on from there. Writing goes on meanwhile.",
}
THING = {"dpo": "comparison", "sft": "letter"}
SIDES = {"prompt": "in what was asked", "chosen": "in chosen letters", "rejected": "in rejected ones", "completion": "in your letters"}


def recipe_choices(names: Iterable[str]) -> list[tuple[str, str]]:
    """Each way to teach as a person reads it, with the id that the command line and the endpoint take."""
    return [(f"{label} ({name})" if (label := config.recipe_label(name)) else name, name) for name in names]


def plan_text(plan: dict[str, Any]) -> str:
    """What a training would take, before it starts."""
    thing = THING[plan["method"]]
    text = paper.note(
        f"{paper.count(plan['kept'], thing)} to learn from. {paper.count(plan['held_out'], thing)} from "
        f"{paper.count(plan['held_out_groups'], 'posting')} kept apart, to check the result on what it never saw."
    )
    if plan["dropped"]:
        lines = [f"{paper.count(n, thing)}: {WHY.get(reason, reason)}" for reason, n in sorted(plan["dropped"].items())]
        text += paper.note("Left out:") + paper.bullets(lines)
    if plan["refused"]:
        return text + paper.note(plan["refused"], "warning")
    sides = ", ".join(f"{count:,} {SIDES[side]}" for side, count in plan["sides"].items())
    text += paper.note(f"{paper.count(plan['steps'], 'step')}; {sides} (tokens). The longest has {plan['longest']:,}. Nothing is cut.")
    how = "measured on a few steps" if plan["measured"] else "estimated"
    cost = f"It takes about {pace.duration(plan['seconds'])} and {paper.size(plan['memory_bytes'])} of memory ({how}), and starts from"
    text += paper.note(f"{cost} {paper.model_name(plan['parent'])}.")
    return text + "".join(paper.note(line) for line in plan["notes"])


def status_text(status: dict[str, Any] | None) -> str:
    """The current run as one card: state, progress, time left, and why it ended."""
    if status is None:
        return paper.note(NO_RUN)
    state, step, steps = status["state"], status["step"], status["steps"]
    caption = f"{STATES[state]} · step {step} of {steps}" if steps else STATES[state]
    if state == "running" and status.get("seconds_left") is not None:
        caption += f" · about {pace.duration(status['seconds_left'])} left"
    done = 1.0 if state == "succeeded" else step / steps if steps else 0.0
    text = paper.progress(done, caption)
    for line in (status.get("reason") or "").splitlines():
        text += paper.note(line, "warning" if state in ("failed", "interrupted") or line.startswith(gate.DOUBT) else "calm")
    return f'<section class="card run {state}">{text}</section>'


def frame(rows: list[dict[str, Any]], keys: tuple[str, ...], names: tuple[str, ...]) -> Any:
    """Rows of metrics -> one line per point: step, value, series (what LinePlot draws)."""
    import pandas as pd  # half a second that the page need not wait for

    points = [(row["step"], float(row[key]), name) for key, name in zip(keys, names, strict=True) for row in rows if key in row]
    if not points:
        return None
    # The page fixes a plot's series when it is first drawn: an empty point each keeps a place for those that come later.
    places = [(points[0][0], float("nan"), name) for name in names]
    return pd.DataFrame(places + points, columns=["step", "value", "series"]).astype({"series": "object"})


def result_text(report: dict[str, Any]) -> str:
    """The accuracy with its meaning, then letters before and after side by side."""
    said = [report["sentence"], (report.get("taste") or {}).get("sentence", ""), report.get("step_note", "")]
    text = "".join(map(paper.note, said)) + gate_text(report.get("gate"))
    for number, pair in enumerate([] if report.get("voice") else report.get("letters", []), 1):
        both = "".join(
            f"<div><h3>{name}</h3>{paper.letter(pair[key], note='' if pair[f'{key}_finished'] else 'stopped before its end')}</div>"
            for key, name in (("before", "Before"), ("after", "After"))
        )
        title = pair.get("title") or f"Held-out posting {number}"
        text += f'<details class="before-after"{" open" * (number == 1)}><summary>{paper.safe(title)}</summary>'
        text += f'<div class="two">{both}</div></details>'
    return f'<section class="card"><h2>What it learned</h2>{text}</section>{voice.report_page(report.get("voice") or {})}'


class TeachTab:
    """Components and handlers of the tab. `changed` are events after which header and adapters may differ."""

    def __init__(self, studio: Any, door: Door):
        self.studio, self.door = studio, door
        self.seen = gr.State(("", ""))
        with gr.Row(elem_classes="two-halves"):
            with gr.Column(min_width=300):
                self.method = gr.Radio(METHODS, value="dpo", label="Learn from", elem_id="learn-from")
                self.lead = gr.HTML(f'<p class="lead">{LEAD["dpo"]}</p>')
                self.plan = gr.HTML(paper.note("Reading what there is to learn from…"), elem_id="plan")
                with gr.Row(elem_classes="chips"):
                    self.start = gr.Button("Start teaching", variant="primary", interactive=False, elem_id="start-training")
                    self.stop = gr.Button("Stop", variant="stop", visible=False, elem_id="stop-training")
                    self.resume = gr.Button("Resume", visible=False, elem_id="resume-training")
                    self.lesser = gr.Button("Start the smaller plan", visible=False, elem_id="smaller-plan")
                    self.measure = gr.Button("Measure time and memory", size="sm", elem_id="measure-plan")
            with gr.Column(min_width=300):
                self.status = gr.HTML(elem_id="run-status")
                with gr.Row(elem_classes="chips"):
                    self.first = gr.Button("Write two letters", visible=False, elem_id="teach-first")
                self.reading = gr.HTML(elem_id="reading")
                self.trends = TrendsPanel(studio, door)
        with gr.Row():
            self.plots = {name: self._plot(name) for name in ("agreement", "words", "loss")}
        self.result = gr.HTML(elem_id="result")
        with gr.Row(visible=False, elem_classes="chips") as self.decide:
            self.use = gr.Button("Use it", variant="primary", elem_id="use-it")
            self.back = gr.Button("Roll back", elem_id="roll-back")
            self.said = gr.HTML(elem_id="promotion")
        with gr.Accordion("Details", open=False, elem_id="details"):
            ways = self.ways("dpo")
            self.recipe = gr.Dropdown(ways, value=studio.default_recipe(), label="What the teaching changes", elem_id="recipe")
            with gr.Row():
                self.plots |= {name: self._plot(name) for name in ("margins", "logps")}
            self.numbers = gr.HTML()
        self.timer = gr.Timer(2.0, active=False)
        self._wire()

    @staticmethod
    def _plot(name: str) -> gr.LinePlot:
        title, y_title, _, series = PLOTS[name]
        return gr.LinePlot(
            x="step", y="value", color="series", title=title, x_title="step", x_axis_format="d", y_title=y_title, color_title=" ",
            color_map={one: COLOURS[one] for one in series}, height=220, min_width=280, elem_id=f"plot-{name}", visible=False,
            y_lim=[0, 1] if name in ("agreement", "words") else None,
        )  # fmt: skip

    def ways(self, method: str) -> list[tuple[str, str]]:
        return recipe_choices(name for name in self.studio.recipes() if config.recipe_method(name) == method)

    # --- reading --------------------------------------------------------------------------------------------------------

    def look(self, seen: tuple[str, str], request: gr.Request) -> dict[Any, Any]:
        """Everything that changes while a training goes on. `seen` is what was told and what was drawn last: the same is not sent twice,
        and the curves are drawn some fifty times a run."""
        owner = self.door.owner(request)
        runs = self.studio.runs(owner)
        status = runs[0] if runs else None
        key = f"{status['id']} {status['state']} {status['step']} {status.get('seconds_left')} {status.get('reason')}" if status else "none"
        drawn = f"{status['id']} {status['state']} {DRAWINGS * status['step'] // max(1, status['steps'] or 1)}" if status else "none"
        if key == seen[0]:
            return {self.seen: seen}
        state = status["state"] if status else ""
        rows = [{"step": row["step"], **row["metrics"]} for row in self.studio.training_rows(owner, status["id"])] if status else []
        report = self.studio.report(owner, status["id"]) if state == "succeeded" else None
        choices = any("rewards/margins" in row for row in rows)  # its next words are not what such a training is about
        news: dict[Any, Any] = {
            self.seen: (key, drawn), self.status: status_text(status),
            self.result: result_text(report) if report else "",
            self.reading: paper.note(read_curve(rows) if rows else ""),
            self.first: gr.update(visible=status is None),
            self.start: gr.update(visible=state not in ACTIVE), self.stop: gr.update(visible=state in ("queued", "running")),
            self.resume: gr.update(visible=state in ("interrupted", "stopped", "failed") and bool(status and status["step"])),
            self.decide: gr.update(visible=bool(report and report["adapter_id"])),
            self.lesser: gr.update(visible=self._smaller(owner, state) is not None),
            self.numbers: paper.facts({k: f"{v:.4g}" for k, v in sorted((status or {}).get("metrics", {}).items())}),
        }  # fmt: skip
        for name, plot in self.plots.items() if drawn != seen[1] else ():
            data = frame(rows, *PLOTS[name][2:]) if name != "words" or not choices else None
            news[plot] = gr.update(value=data, visible=data is not None)
        return news

    def _smaller(self, owner: str, state: str) -> dict[str, Any] | None:
        return self.studio.smaller_plan(owner) if state in ("failed", "interrupted") else None

    def turn(self, method: str, request: gr.Request) -> tuple[str, Any]:
        """Another thing to learn from: what is said of it, and its ways."""
        self.door.owner(request)
        method = method if method in LEAD else "dpo"
        return f'<p class="lead">{LEAD[method]}</p>', gr.update(choices=self.ways(method), value=self.studio.default_recipe(method))

    def look_ahead(self, recipe: str, request: gr.Request) -> tuple[str, Any, Any]:
        return self._planned(self.door.owner(request), recipe, False)

    def look_closely(self, recipe: str, request: gr.Request) -> tuple[str, Any, Any]:
        """The plan once a few steps were taken; it costs some time, so only who may teach may ask for it."""
        return self._planned(self.door.manager(request), recipe, True)

    def _planned(self, owner: str, recipe: str, measure: bool) -> tuple[str, Any, Any]:
        try:
            plan = self.studio.plan(owner, recipe, measure=measure)
        except UserError as error:  # a model that is not there: said where the plan would stand
            return paper.note(str(error), "warning"), gr.update(interactive=False), gr.update(visible=True)
        refused = bool(plan["refused"])
        return plan_text(plan), gr.update(interactive=not refused), gr.update(visible=not refused and not plan["measured"])

    # --- acting ---------------------------------------------------------------------------------------------------------

    def begin(self, recipe: str, request: gr.Request) -> None:
        self.studio.start_training(self.door.manager(request), recipe)

    def begin_smaller(self, request: gr.Request) -> None:
        owner = self.door.manager(request)
        instead = self.studio.smaller_plan(owner)
        if instead is None:
            raise gr.Error("There is no smaller plan for this training. Start it again.", title="Not done", print_exception=False)
        self.studio.start_training(owner, instead["recipe"], instead["smaller"])

    def _current(self, owner: str) -> str:
        runs = self.studio.runs(owner)
        if not runs:
            raise gr.Error(NO_RUN, title="Not done", print_exception=False)
        return runs[0]["id"]

    def halt(self, request: gr.Request) -> None:
        owner = self.door.manager(request)
        self.studio.stop_training(owner, self._current(owner))

    def go_on(self, request: gr.Request) -> None:
        owner = self.door.manager(request)
        self.studio.resume_training(owner, self._current(owner))

    def use_it(self, request: gr.Request) -> str:
        owner = self.door.manager(request)
        run_id = self._current(owner)
        made = self.studio.report(owner, run_id)["adapter_id"]
        if made is None:
            raise gr.Error("This training's adapter is not there: it has not finished, or was deleted. Nothing has changed. Teach again.",
                           title="Not done", print_exception=False)  # fmt: skip
        self.studio.trial.promote(owner, made)
        return paper.note("It writes from now on: the next letters come from what you taught.")

    def roll_back(self, request: gr.Request) -> str:
        live = self.studio.trial.rollback(self.door.manager(request))
        return paper.note(f"Rolled back: {paper.model_name(live['id'])} writes again.")

    def _wire(self) -> None:
        self.shown = [self.seen, self.status, self.first, self.reading, self.result, self.start, self.stop, self.resume, self.decide,
                      self.lesser, self.numbers, *self.plots.values()]  # fmt: skip
        self.looking = {"fn": calm(self.look), "inputs": self.seen, "outputs": self.shown, **QUIET}
        planned = [self.plan, self.start, self.measure]
        self.planning = {"fn": calm(self.look_ahead), "inputs": self.recipe, "outputs": planned, **QUIET}
        self.measure.click(calm(self.look_closely), self.recipe, planned, **QUIET | {"show_progress": "minimal"})
        self.method.change(calm(self.turn), self.method, [self.lead, self.recipe], **QUIET)
        self.lesser.click(calm(self.begin_smaller), None, None, **QUIET).then(**self.looking)
        self.timer.tick(**self.looking)
        self.recipe.change(**self.planning)
        self.start.click(calm(self.begin), self.recipe, None, **QUIET).then(**self.looking)
        self.stop.click(calm(self.halt), None, None, **QUIET).then(**self.looking)
        self.resume.click(calm(self.go_on), None, None, **QUIET).then(**self.looking)
        self.changed = [
            self.use.click(calm(self.use_it), None, self.said, **QUIET),
            self.back.click(calm(self.roll_back), None, self.said, **QUIET),
        ]
