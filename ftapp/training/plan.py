"""Before a training starts: which pairs it will learn from, which it leaves out and why, and what it will cost.

Works on values only: pairs in, rows and numbers out. Loads a tokenizer (to count), never a model.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from ftapp import config, letters, preferences, prompts
from ftapp.preferences import PreferencePair
from ftapp.training import run, tokens

TOO_LONG, UNREADABLE = "too long", "unreadable"
# Until a run has been measured here: float32 matrix products of a small model on one ordinary core (measured: 30 to 50).
FLOPS_A_CORE = 40e9
START_SECONDS = 10.0  # loading the libraries and the model


@dataclass(frozen=True)
class Material:
    """What a run is made of, in its final order.

    `preferences` are the receipts looked at, dropped ones too; `tokens` is what one epoch reads, `longest` the longest sequence.
    """

    train: list[dict[str, Any]]
    held_out: list[dict[str, Any]]
    dropped: dict[str, int]
    preferences: list[str]
    tokens: int = 0
    longest: int = 0


@dataclass(frozen=True)
class Plan:
    """What a person is told before the start. `refused` is a sentence when nothing can start, else empty."""

    recipe: str
    kept: int
    held_out: int
    held_out_groups: int
    dropped: dict[str, int]
    tokens: int
    steps: int
    seconds: float
    memory_bytes: int
    parent: str | None
    notes: tuple[str, ...] = field(default_factory=tuple)
    refused: str = ""


def sort(pairs: Sequence[PreferencePair], recipe: config.Recipe, tokenizer: Any) -> Material:
    """All of a person's pairs -> rows split for ever by their posting; what cannot train is counted under its reason.

    The order is that of the pairs' ids, so that the same choices give the same files byte for byte.
    """
    kept, dropped = preferences.sort_out(_harmless(pairs, tokenizer))
    left_out = Counter(reason for _, reason in dropped)
    end = tokens.end_token(tokenizer)
    train, held_out = [], []
    total = longest = 0
    for pair in sorted(kept, key=lambda pair: pair.id):
        row = as_row(pair)
        try:
            ids = tokens.encode_pair(tokenizer, row, end)
        except TemplateError:  # an imported conversation, say with two questions in a row
            left_out[UNREADABLE] += 1
            continue
        if tokens.longest(ids) > recipe.max_length:
            left_out[TOO_LONG] += 1
        elif letters.held_out(pair.split_key):
            held_out.append(row)
        else:
            train.append(row)
            total, longest = total + tokens.both(ids), max(longest, tokens.longest(ids))
    considered = sorted({pair.preference_id for pair in pairs} - {""})
    return Material(train, held_out, dict(sorted(left_out.items())), considered, total, longest)


def _harmless(pairs: Sequence[PreferencePair], tokenizer: Any) -> list[PreferencePair]:
    """Imported texts have been through no `prompts.build`: a chat header in them must not forge a turn."""
    special = list(getattr(tokenizer, "added_tokens_encoder", ()))

    def mend(text: str) -> str:
        return prompts.neutralise(text, special)[0]

    return [
        pair if pair.preference_id else replace(
            pair, prompt=[{"role": m["role"], "content": mend(m["content"])} for m in pair.prompt],
            chosen=mend(pair.chosen), rejected=mend(pair.rejected))
        for pair in pairs
    ]  # fmt: skip


def as_row(pair: PreferencePair) -> dict[str, Any]:
    """A PreferencePair as a line of train.jsonl or eval.jsonl."""
    row = {"id": pair.id, "prompt": list(pair.prompt), "chosen": pair.chosen, "rejected": pair.rejected, "split_key": pair.split_key}
    sampled = {name: list(ids) for name in ("chosen_ids", "rejected_ids") if (ids := getattr(pair, name, None))}
    return row | sampled


def seconds(material: Material, recipe: config.Recipe, parameters: int, earlier: Sequence[Mapping[str, float]]) -> float:
    """Estimated seconds of a run. With reports of earlier runs on this model, by their median speed; else by arithmetic.

    A frozen weight costs 2 operations a token forward and 2 backward, and the reference 2 once for all epochs:
    (4 x epochs + 2) x parameters x tokens operations at 40 GFLOP/s a core.
    """
    speeds = sorted(report["tokens_a_second"] for report in earlier if report.get("tokens_a_second"))
    if speeds:
        return START_SECONDS + material.tokens * recipe.epochs / speeds[len(speeds) // 2]
    return START_SECONDS + (4 * recipe.epochs + 2) * parameters * material.tokens / (FLOPS_A_CORE * (os.cpu_count() or 1))


def memory_bytes(material: Material, recipe: config.Recipe, measures: Mapping[str, int]) -> int:
    """Estimated peak memory of the trainer, float32: weights + adapter with its optimizer + activations + libraries.

    Activations of one token: about 14 vectors of the hidden and 4 of the inner width a layer that autograd keeps, plus the
    logits and two copies of them. A batch holds 2 x batch_size sequences. Libraries: 700 MB.
    """
    hidden, inner, layers = measures["hidden"], measures["inner"], measures["layers"]
    adapter = layers * recipe.r * (4 * 2 * hidden + 3 * (hidden + inner))
    a_token = layers * (14 * hidden + 4 * inner) + 3 * measures["vocabulary"]
    batch_tokens = 2 * recipe.batch_size * max(1, material.longest)
    return 4 * measures["parameters"] + 16 * adapter + 4 * a_token * batch_tokens + 700 * 2**20


def make(
    material: Material,
    recipe: config.Recipe,
    measures: Mapping[str, int],
    earlier: Sequence[Mapping[str, Any]],
    parent: str | None = None,
    notes: Iterable[str] = (),
) -> Plan:
    """All numbers of a plan. `measures` is `shape()` of the model, `earlier` the reports of runs on it.

    Refused when fewer pairs than configs/app.yaml's `min_pairs` would train.
    """
    least, groups = config.app_config().min_pairs, len({row["split_key"] for row in material.held_out})
    refused = ""
    if len(material.train) < least:
        refused = (
            f"Only {len(material.train)} of your choices can train (at least {least} are needed; every fifth posting is kept "
            "for checking) - so few would teach nothing - choose between more letters first."
        )
    estimate = seconds(material, recipe, measures["parameters"], earlier)
    return Plan(
        recipe=recipe.name, kept=len(material.train), held_out=len(material.held_out), held_out_groups=groups, dropped=material.dropped,
        tokens=material.tokens, steps=run.steps(len(material.train), recipe), seconds=round(estimate, 1),
        memory_bytes=memory_bytes(material, recipe, measures), parent=parent, notes=tuple(notes), refused=refused,
    )  # fmt: skip


def shape(folder: Path) -> dict[str, int]:
    """{parameters, hidden, inner, layers, vocabulary} of a model folder, from its config and its safetensors' headers."""
    values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    values = values.get("text_config", values)
    hidden = values.get("hidden_size") or values.get("n_embd") or 0
    return {
        "parameters": sum(_parameters(path) for path in folder.glob("*.safetensors")), "hidden": hidden,
        "inner": values.get("intermediate_size") or 4 * hidden, "layers": values.get("num_hidden_layers") or values.get("n_layer") or 0,
        "vocabulary": values.get("vocab_size", 0),
    }  # fmt: skip


def _parameters(path: Path) -> int:
    """Numbers in one safetensors file: its header starts with its own length (8 bytes, little-endian), then JSON."""
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
