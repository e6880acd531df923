"""What the labels say: how steady they are, how far labelers agree, which model they prefer. Part of the Label tab, since it is read
between two sittings there. Numbers and sentences only; no letter is shown."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ftapp import pace
from ftapp.prompts import KIND_NAMES
from ftapp.ui import paper, plots
from ftapp.ui.asking import QUIET, calm
from ftapp.ui.owner import Door

SAID = {"left": "A", "right": "B", "tie": "tie", "both_bad": "both bad"}
WHY = {"asked twice": "asked twice, answered differently", "opposite choices": "opposite choices between the same letters"}
EMPTY = "No label yet. After some pairs this page shows which model you prefer, and how steady your choices are."
CLOSE = "Close pairs are often answered either way; that is how close they are."
ROBUST = "A training can count on it: recipe dpo_robust, under Teach, Details."
SIDE = {True: "no sign that the side matters.", False: "the side seems to matter a little. Sides are drawn by chance, so it evens out."}
LENGTH = {True: "no sign that length matters.", False: "length seems to matter. That may be taste; the adapter will learn it too."}
FEW = "Fewer than ten pairs were asked twice so far: too few to say how many labels are slips."


class JudgingPanel:
    """Components and the one handler."""

    def __init__(self, studio: Any, door: Door):
        self.studio, self.door = studio, door
        with gr.Accordion("Statistics: what the labels say", open=False, elem_id="label-statistics") as fold:
            self.shown = gr.HTML(elem_id="statistics")
            with gr.Row(elem_classes="chips"):
                self.again = gr.Button("Count again", size="sm", elem_id="statistics-again", min_width=96)
        looking = {"fn": calm(self.look), "inputs": None, "outputs": self.shown, **QUIET}
        fold.expand(**looking)  # among a hundred thousand labels it takes seconds: only who asks waits
        self.again.click(**looking)

    def look(self, request: gr.Request) -> str:
        """The owner sees everybody's numbers, an invited labeler only how far the queue is."""
        owner, labeler = self.door.labeler(request, self.studio.labelling.still)
        if self.door.owner(request) != owner:
            return paper.note("The numbers are the owner's.")
        found = self.studio.labelling.statistics(owner)
        return statistics_html(found) if found["labels"] else paper.note(EMPTY)


def statistics_html(found: dict[str, Any]) -> str:
    parts = (models_html(found), steady_html(found), people_html(found), settle_html(found), contradictions_html(found))
    return "".join(f'<section class="told">{part}</section>' for part in parts if part)


def models_html(found: dict[str, Any]) -> str:
    """Base against tuned, adapter against adapter, by kind and by week."""
    rows = [row for row in found["models"]["models"] if row["model"] != "base"]
    if not rows:
        return "<h3>Which model you prefer</h3>" + paper.note("All letters so far came from one model. Teach an adapter, then label on.")
    text = "<h3>Which model you prefer</h3>"
    plot = [(paper.model_name(row["model"]), row["chance"], row["low"], row["high"]) for row in rows]
    text += plots.intervals("Chosen over the base model, ties apart", plot)
    pairs = [row for row in found["models"]["pairs"] if row["other"] != "base"]
    text += plots.intervals("Adapter against adapter", [
        (f"{paper.model_name(row['one'])} over {paper.model_name(row['other'])}", row["chance"], row["low"], row["high"]) for row in pairs
    ])  # fmt: skip
    for key, title in (("by_kind", "By kind of text: the adapter's letter chosen"), ("by_week", "By week: the adapter's letter chosen")):
        rows = [row for row in found[key] if row["share"] is not None]
        text += plots.intervals(title, [(KIND_NAMES.get(row["name"], row["name"]), row["share"], row["low"], row["high"]) for row in rows])
    ties = found["models"]["ties"]
    return text + paper.note(f"Between equal models about {plots.percent(ties)} of comparisons would be ties." if ties is not None else "")


def steady_html(found: dict[str, Any]) -> str:
    """Steadiness, side and length, told as they are."""
    steady, side, length = found["steadiness"], found["side"], found["length"]
    lines = []
    if steady["total"]:
        asked = paper.count(steady["total"], "pair")
        lines.append(f"Of {asked} asked twice, {steady['successes']} got the same answer ({plots.likely(steady)}). {CLOSE}")
    if steady["flip_rate"] is not None:
        rate, low, high = (plots.percent(steady[name]) for name in ("flip_rate", "flip_low", "flip_high"))
        lines.append(f"That speaks for about {rate} slips among the choices (likely between {low} and {high}). {ROBUST}")
    else:
        lines.append(FEW)
    if side["total"]:
        lines.append(f"Left was chosen {side['successes']} of {side['total']} times ({plots.likely(side)}): {SIDE[_even(side)]}")
    if length["total"]:
        often = f"{length['successes']} of {length['total']} times ({plots.likely(length)})"
        lines.append(f"The longer letter was chosen {often}: {LENGTH[_even(length)]}")
    return "<h3>How steady the labels are</h3>" + paper.bullets(lines)


def _even(row: dict[str, Any]) -> bool:
    return row["low"] <= 0.5 <= row["high"]


def people_html(found: dict[str, Any]) -> str:
    """Counts and speed of each labeler, and how far they agree."""
    rows = []
    for row in found["people"]:
        again = row["steadiness"]
        steady = f"{again['successes']} of {again['total']}" if again["total"] else "–"
        rows.append([row["name"], row["labels"], pace.duration(row["seconds"]) if row["seconds"] else "–", steady])
    text = "<h3>Who labelled</h3>" + paper.table(["Labeler", "Labels", "Median time a pair", "Same answer when asked twice"], rows)
    both = found["agreement"]
    if both["comparisons"]:
        alpha = f" Krippendorff's alpha is {both['alpha']:.2f} (1: always, 0: as by chance)." if both["alpha"] is not None else ""
        pairs = paper.count(both["comparisons"], "pair")
        text += paper.note(f"{pairs} judged by two or more: they agree in {plots.likely(both)}.{alpha}")
    return text


def settle_html(found: dict[str, Any]) -> str:
    """Pairs on which labelers differ; the owner's word then counts alone."""
    rows = []
    for row in found["disagreements"]:
        said = ", ".join(f"{name}: {SAID[verdict]}" for name, verdict in row["said"].items())
        button = f'<button type="button" class="btn small settle" data-id="{paper.safe(row["comparison_id"])}">Settle</button>'
        rows.append(f"<li>{paper.safe(said)} {button}</li>")
    return f'<h3>To settle</h3><ul class="lines">{"".join(rows)}</ul>' if rows else ""


def contradictions_html(found: dict[str, Any]) -> str:
    rows = found["contradictions"]
    if not rows:
        return ""
    lines = [f"{WHY[row['why']]}: {' and '.join(row['receipts'])}" for row in rows]
    return ("<h3>Choices that contradict each other</h3>" + paper.note("Opposite choices between the same two letters are not trained on.")
            + paper.bullets(lines))  # fmt: skip
