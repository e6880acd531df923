"""The trial of a new adapter, and what the gate said of it: the part of the Models tab above the list, and the header's line.

Pure functions from what `Studio` tells to markup, and the panel with its buttons. Knows no rows and no test.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from ftapp.promoting import UNMEASURED
from ftapp.ui import paper
from ftapp.ui.asking import QUIET, calm
from ftapp.ui.owner import Door

NONE = ("Nothing is on trial. A newly taught adapter is measured first; what passes goes on trial by itself: "
        "new pairs set it against what writes, and your votes decide.")  # fmt: skip
DECIDED = {"confirmed": "Your votes say: let it write.", "rolled back": "Your votes say: keep what writes."}
MARKS = {"ok": "\u2713", "refused": "\u2717", "unknown": "\u2013"}


def header_line(found: dict[str, Any] | None) -> str:
    """The trial that goes on in one line for the header; nothing else is said there."""
    if not found or found["state"] != "running":
        return ""
    return f'<p class="counts trial-line">On trial: {paper.safe(found["sentence"])}</p>'


def trial_text(found: dict[str, Any] | None) -> str:
    """The trial as one bar from "keep what writes" to "let the new one write"; or how the last one ended."""
    if found is None:
        return paper.note(NONE)
    if found["state"] != "running":
        return paper.note(NONE) + paper.note(f"The last trial, of {paper.model_name(found['adapter_id'])}: {found['sentence']}")
    against = f"{paper.model_name(found['adapter_id'])} against {paper.model_name(found['rival_id'])}"
    bar = paper.progress(found["done"], found["sentence"])
    ends = '<p class="bar-ends"><span>keep what writes</span><span>let the new one write</span></p>'
    decided = paper.note(DECIDED.get(found["decided"], ""))
    return f'<section class="card trial"><h3>{paper.safe(against)}</h3>{bar}{ends}{decided}</section>'


def gate_text(report: dict[str, Any] | None) -> str:
    """Each rule of the gate with its value in words, the refusals first."""
    if not report:
        return ""
    rules = sorted(report["rules"], key=lambda rule: ("refused", "unknown", "ok").index(rule["state"]))
    refused = sum(rule["state"] == "refused" for rule in rules)
    said = "The gate let it through." if report["passed"] else f"The gate refused it: {paper.count(refused, 'rule')} failed."
    if [rule["name"] for rule in rules if rule["state"] == "refused"] == ["compared"]:
        said = "The gate has seen too few of its letters to let it through."
    lines = "".join(map(_rule, rules))
    return f'<details class="gate"{" open" * bool(refused)}><summary>{paper.safe(said)}</summary><ul class="rules">{lines}</ul></details>'


def _rule(rule: dict[str, Any]) -> str:
    title = f"<b>{MARKS[rule['state']]} {paper.safe(rule['title'])}</b>"
    return f'<li class="{paper.safe(rule["state"])}">{title} {paper.safe(rule["sentence"])}</li>'


class TrialPanel:
    """Components and handlers. `pick` holds the adapter that was picked; `changed` are events after which the list of them may differ."""

    def __init__(self, studio: Any, door: Door, pick: gr.Dropdown):
        self.studio, self.door, self.pick = studio, door, pick
        gr.HTML('<h2>On trial</h2><p class="lead">A new adapter must earn its place: every vote on a new pair tests it.</p>')
        self.shown = gr.HTML(elem_id="trial")
        with gr.Row(elem_classes="chips fields"):
            self.take = gr.Button("Let the new one write now", visible=False, elem_id="trial-take", min_width=200)
            self.finish = gr.Button("Do what the votes say", variant="primary", visible=False, elem_id="trial-finish", min_width=180)
            self.leave = gr.Button("End the trial", visible=False, elem_id="trial-leave", min_width=120)
            self.automatic = gr.Checkbox(True, label="Decide by itself", visible=False, elem_id="trial-automatic", min_width=160)
        self.gate = gr.HTML(elem_id="gate")
        with gr.Row(elem_classes="chips fields", visible=False) as self.anyway:
            self.reason = gr.Textbox(label="Let it write all the same, because", max_lines=2, elem_id="anyway-reason", min_width=380)
            self.override = gr.Button("Let it write anyway", elem_id="anyway", min_width=160)
        self.said = gr.HTML(elem_id="trial-said")
        self.about = gr.State("")  # whose measures are shown: nothing that came meanwhile is let write instead
        self._wire()

    def _asked_about(self, owner: str, picked: str | None) -> dict[str, Any]:
        """The adapter that is picked, else the one on trial, else the newest that waits; nothing known of it where there is none."""
        rows = self.studio.adapters(owner)
        mine = [row for row in rows if row["id"] == picked] if picked else []
        waiting = [row for state in ("trial", "candidate") for row in rows if row["state"] == state]
        return next(iter(mine or waiting), {"id": "", "state": ""})

    def look(self, picked: str | None, request: gr.Request) -> list[Any]:
        owner = self.door.owner(request)
        found, about = self.studio.trial.trial(owner), self._asked_about(owner, picked)
        report = self.studio.trial.gate(owner, about["id"]) if about["id"] else None
        unmeasured = report is None and bool(about["id"]) and paper.brought(about)
        going = bool(found) and found["state"] == "running"
        waits = going and not found["automatic"] and found["decided"] != "continue"
        title = f"<h3>What the gate measured of {paper.safe(paper.model_name(about['id']))}</h3>" if report else ""
        title += paper.note(UNMEASURED) if unmeasured else ""
        return [
            trial_text(found), gr.update(visible=going), gr.update(visible=waits), gr.update(visible=going),
            gr.update(visible=found is not None, value=found["automatic"] if found else True), title + gate_text(report),
            gr.update(visible=(unmeasured or (bool(report) and not report["passed"])) and about["state"] != "live"), about["id"],
        ]  # fmt: skip

    def take_it(self, request: gr.Request) -> str:
        owner = self.door.manager(request)
        found = self.studio.trial.trial(owner)
        if not found or found["state"] != "running":
            return paper.note(NONE)
        self.studio.trial.promote(owner, found["adapter_id"])
        return paper.note(f"From now on {paper.model_name(found['adapter_id'])} writes. You took it before the votes decided.")

    def finish_it(self, request: gr.Request) -> str:
        return paper.note(self.studio.trial.finish(self.door.manager(request))["sentence"])

    def leave_it(self, request: gr.Request) -> str:
        return paper.note(self.studio.trial.leave(self.door.manager(request))["sentence"])

    def set_automatic(self, automatic: bool, request: gr.Request) -> str:
        self.studio.trial.automatic(self.door.manager(request), bool(automatic))
        return paper.note("What the votes say is done at once." if automatic else "What the votes say waits for you here.")

    def write_anyway(self, adapter: str, reason: str, request: gr.Request) -> tuple[str, str]:
        owner = self.door.manager(request)
        if not adapter:
            return reason, paper.note("No adapter waits.", "warning")
        if len(reason.strip()) < 10:
            return reason, paper.note("Say in a sentence why; it is kept with the adapter.", "warning")
        self.studio.trial.promote(owner, adapter, reason)
        return "", paper.note(f"From now on {paper.model_name(adapter)} writes, though the gate did not let it through.")

    def _wire(self) -> None:
        outputs = [self.shown, self.take, self.finish, self.leave, self.automatic, self.gate, self.anyway, self.about]
        self.looking = {"fn": calm(self.look), "inputs": self.pick, "outputs": outputs, **QUIET}
        self.changed = [
            self.take.click(calm(self.take_it), None, self.said, **QUIET),
            self.finish.click(calm(self.finish_it), None, self.said, **QUIET),
            self.leave.click(calm(self.leave_it), None, self.said, **QUIET),
            self.automatic.input(calm(self.set_automatic), self.automatic, self.said, **QUIET),
            self.override.click(calm(self.write_anyway), [self.about, self.reason], [self.reason, self.said], **QUIET),
        ]
