"""How what writes now does week by week, and whether the choices are enough to tell. Part of the Teach tab. Numbers and sentences only."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ftapp.trends import A_WEEK, Trends
from ftapp.ui import paper, plots
from ftapp.ui.asking import QUIET, calm
from ftapp.ui.owner import Door


def meter(enough: dict[str, Any]) -> str:
    """The interval as it is now, and what would halve it."""
    if enough["low"] is None:
        return paper.note(enough["sentence"])
    share = enough["wins"] / enough["decided"]
    drawn = plots.intervals("Its letter chosen, ties apart", [("so far", share, enough["low"], enough["high"])])
    return drawn + paper.note(enough["sentence"])


def weeks(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""

    def percent(value: float | None) -> str:
        return "–" if value is None else plots.percent(value)

    cells = [[row["week"], row["letters"], percent(row["relevance"]), percent(row["structure"]),
              f"{row['wins']} of {row['wins'] + row['losses']}"] for row in rows]  # fmt: skip
    most = paper.note(f"Of a week the {A_WEEK} newest letters are read.") if any(row["letters"] == A_WEEK for row in rows) else ""
    return paper.table(["Week", "Letters", "Answers the posting", "Has its parts", "Chosen"], cells) + most


class TrendsPanel:
    """Components and the handler; `looking` fills them."""

    def __init__(self, studio: Any, door: Door):
        self.door, self.verbs = door, Trends(studio)
        self.advice = gr.HTML(elem_id="advice")
        gr.HTML('<h3 class="next">Enough choices?</h3>')
        self.enough = gr.HTML(elem_id="enough")
        with gr.Accordion("Week by week", open=False, elem_id="weeks"):
            self.weeks = gr.HTML(elem_id="weekly")
        self.looking = {"fn": calm(self.look), "inputs": None, "outputs": [self.advice, self.enough, self.weeks], **QUIET}

    def look(self, request: gr.Request) -> tuple[str, str, str]:
        told = self.verbs.told(self.door.owner(request))
        named = paper.note(f"Of {paper.model_name(told['adapter'])}, which writes now.") if told["weeks"] else paper.note("No letters yet.")
        return paper.note(told["sentence"], "warning" if told["falling"] else "calm"), meter(told["enough"]), named + weeks(told["weeks"])
