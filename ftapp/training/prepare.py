"""What a run is made of, asked of the database: what to learn from, what to start from, and what it will cost.

Reads rows and model folders and writes nothing. `supervise` starts what is prepared here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, select

from db.engine import session
from db.models import TrainingRun
from ftapp import adapters, config, examples, preferences, verdicts, voice, voice_report
from ftapp.backends import folders
from ftapp.training import bases, memory, plan, probe, tokens

LEAST_NOISE = 0.01  # nobody is sure of everything; at 0 the robust loss would be the plain one


@dataclass(frozen=True)
class Prepared:
    """A plan, and what its run folder will hold."""

    plan: plan.Plan
    material: plan.Material
    recipe: config.Recipe
    base: dict[str, Any]


def prepare(engine: Engine, settings: config.Settings, owner: str, recipe: str | None, smaller: int = 0) -> Prepared:
    """Everything but the folder and the rows. `smaller` is how many times a smaller plan was asked for (see `memory`).

    Raises UserError for an unknown recipe or a missing model.
    """
    spec = config.model_spec(settings.model)
    chosen = memory.smaller(config.recipe(recipe or config.default_recipe(spec.id)), smaller)
    if spec.load_in_4bit:  # what writes is what learns
        chosen = chosen.model_copy(update={"load_in_4bit": True, "double_quant": True})
    base = bases.describe_base(spec.id, settings.offline)
    folder = folders.find(spec.source, settings.offline, spec.revision)
    tokenizer = tokens.tokenizer(folder)
    with session(engine) as opened:
        live = adapters.live(opened, owner, base["id"], base["hash"])
        parent, notes = _parent(opened, owner, base, chosen)
        if chosen.method == "sft":
            facts = SimpleNamespace(spec=spec, count_tokens=lambda messages: len(tokens.prompt_ids(tokenizer, messages)),
                                    special_tokens=list(tokenizer.added_tokens_encoder))  # fmt: skip
            rows = examples.training_rows(opened, owner, facts)
        else:
            rows = preferences.pairs(opened, owner, spec.id)
            chosen, noise = _measured(chosen, verdicts.noise(opened, owner) if "robust" in chosen.loss_type else None)
            notes = [*notes, *noise]
        earlier = _earlier(opened, base, chosen)
        own = examples.letters(opened, owner)
    base["parent"], base["live"] = named(parent), named(live)  # what it starts from, and what the gate sets it against
    base["voice"] = voice_report.card_values(voice.card(own)) if any(letter.strip() for letter in own) else None
    sort = plan.sort_examples if chosen.method == "sft" else plan.sort
    material = sort(rows, chosen, tokenizer)
    chosen = chosen.for_rows(len(material.train))
    base["longest"] = material.longest
    found = probe.known(settings.home, base, chosen, material.longest)
    made = plan.make(material, chosen, plan.shape(folder), earlier, parent and parent.id, notes, found)
    return Prepared(made, material, chosen, base)


def named(adapter: Any) -> dict[str, str] | None:
    """An AdapterRef as a run folder holds it; None for the base."""
    return adapter and {"id": adapter.id, "path": str(adapter.path), "sha256": adapter.sha256, "scope": adapter.scope}


def _earlier(opened: Session, base: Mapping[str, Any], recipe: config.Recipe) -> list[dict[str, Any]]:
    """Reports of runs on the same weights that learned in the same way, by the same step: their speed is this one's."""
    query = select(TrainingRun).where(TrainingRun.base_hash == base["hash"], TrainingRun.state == "succeeded",
                                      TrainingRun.method == recipe.method)  # fmt: skip
    reports = [row.report for row in opened.exec(query) if row.scope == recipe.scope]
    if recipe.method != "dpo":
        return reports
    return [report for report in reports if report.get("step", "trl") == recipe.step or report.get("step_note")]


def _measured(recipe: config.Recipe, noise: float | None) -> tuple[config.Recipe, list[str]]:
    """A robust recipe counts on as many wrong labels as were measured, if enough pairs were asked twice; and a sentence about it."""
    if "robust" not in recipe.loss_type:
        return recipe, []
    if noise is None:
        return recipe, [f"It counts on {recipe.label_smoothing:.0%} wrong choices: too few pairs were asked twice to measure them."]
    measured = recipe.model_copy(update={"label_smoothing": round(max(LEAST_NOISE, noise), 3)})
    return measured, [f"It counts on {measured.label_smoothing:.0%} wrong choices, as measured on pairs that were asked twice."]


def _parent(opened: Session, owner: str, base: Mapping[str, Any], recipe: config.Recipe) -> tuple[Any, list[str]]:
    """(the AdapterRef to start from, or None for the base; notes for the plan)."""
    live = adapters.live(opened, owner, base["id"], base["hash"])
    if recipe.parent == "starter":
        found = adapters.starter() if base["id"] == config.BUNDLED else None
    elif recipe.parent == "live_parent":
        found = live and adapters.start_for(opened, owner, live, recipe.method)
    else:
        found = live if recipe.parent == "continue" else None
    told = []
    while found is not None and (day := adapters.forgotten_on(opened, found.id)):  # what was deleted is not to be learned from again
        told = [f"Starts below {found.id}: it learned from something that was deleted on {day}."]
        found = adapters.parent(opened, owner, found)
    if told:
        return (found if found and found.scope == recipe.scope else None), told
    if found is not None and found.scope != recipe.scope:
        return None, [f"Starts from the base: the parent {found.id} has scope '{found.scope}', this recipe trains scope '{recipe.scope}'."]
    if found is not None and recipe.method == "dpo" and adapters.taught_by(opened, owner, found.id) == "sft":
        return found, ["Starts from the voice learned from your own letters, and is measured against it."]
    return found, []
