"""Before a training starts: which pairs or examples it will learn from, which it leaves out and why, and what it will cost.

Works on values only: pairs or examples in, rows and numbers out. Loads a tokenizer (to count), never a model.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from ftapp import config, letters, preferences, prompts
from ftapp.preferences import PreferencePair
from ftapp.training import fresh, run, tokens

STAGE = "dpo_first"  # the way for the first choices, which makes most of an edit
TOO_LONG, UNREADABLE, EMPTY = "too long", "unreadable", "empty"
# Until a run has been measured here: float32 matrix products of a small model on one ordinary core (measured: 30 to 50).
FLOPS_A_CORE = 40e9
START_SECONDS = 10.0  # loading the libraries and the model
TOKEN_SECONDS = 0.03  # what one more token of `fresh.ROWS` letters takes beside the arithmetic, in a small model (measured: 0.02 to 0.04)
SHARED_BYTES = 640 * 2**20  # kept prompts at their most and the logits of some tokens, where prompts are shared


@dataclass(frozen=True)
class Material:
    """What a run is made of, in its final order.

    `preferences` are the receipts looked at, dropped ones too; `tokens` is what one epoch reads, `longest` the longest
    sequence, `sides` the tokens of all prompts and of all letters of each side. Nothing is ever cut.
    """

    train: list[dict[str, Any]]
    held_out: list[dict[str, Any]]
    dropped: dict[str, int]
    preferences: list[str]
    tokens: int = 0
    longest: int = 0
    sides: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What a person is told before the start. `refused` is a sentence when nothing can start, else empty.

    `measured` says whether time and memory come from a probe or from earlier runs here, and not from arithmetic.
    """

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
    method: str = "dpo"
    longest: int = 0
    sides: dict[str, int] = field(default_factory=dict)
    measured: bool = False


def sort(pairs: Sequence[PreferencePair], recipe: config.Recipe, tokenizer: Any) -> Material:
    """All of a person's pairs -> rows split for ever by their posting; what cannot train is counted under its reason.

    The order is that of the pairs' ids, so that the same choices give the same files byte for byte.
    """
    kept, dropped = preferences.sort_out(_harmless(pairs, tokenizer))
    rows = [as_row(pair) for pair in sorted(kept, key=lambda pair: pair.id)]
    considered = sorted({pair.preference_id for pair in pairs} - {""})
    return _split(rows, recipe, tokenizer, Counter(reason for _, reason in dropped), considered)


def sort_examples(examples: Sequence[Mapping[str, Any]], recipe: config.Recipe, tokenizer: Any) -> Material:
    """All of a person's examples {id, prompt, completion, split_key} -> rows, split by the same rule as pairs, in the order of ids."""
    mend = _mender(tokenizer)
    rows, left_out = [], Counter()
    for example in sorted(examples, key=lambda example: example["id"]):
        prompt = [{"role": m["role"], "content": mend(m["content"])} for m in example["prompt"]]
        answer = mend(example["completion"]).strip()
        if answer:
            rows.append({"id": example["id"], "prompt": prompt, "completion": answer, "split_key": example["split_key"]})
        else:
            left_out[EMPTY] += 1
    return _split(rows, recipe, tokenizer, left_out, [])


def _split(rows: Sequence[dict[str, Any]], recipe: config.Recipe, tokenizer: Any, left_out: Counter, considered: list[str]) -> Material:
    end = tokens.end_token(tokenizer)
    train, held_out, sides = [], [], Counter()
    total = longest = 0
    for row in rows:
        try:
            ids = tokens.encode_pair(tokenizer, row, end)
        except TemplateError:  # an imported conversation, say with two questions in a row
            left_out[UNREADABLE] += 1
            continue
        if tokens.longest(ids) > recipe.max_length:
            left_out[TOO_LONG] += 1
        elif letters.held_out(row["split_key"]):
            held_out.append(row)
        else:
            train.append(row)
            total, longest = total + tokens.both(ids), max(longest, tokens.longest(ids))
            sides.update({name.removesuffix("_ids"): len(one) for name, one in ids.items()})
    return Material(train, held_out, dict(sorted(left_out.items())), considered, total, longest, dict(sides))


def _mender(tokenizer: Any) -> Callable[[str], str]:
    special = list(getattr(tokenizer, "added_tokens_encoder", ()))
    return lambda text: prompts.neutralise(text, special)[0]


def _harmless(pairs: Sequence[PreferencePair], tokenizer: Any) -> list[PreferencePair]:
    """Neither imported texts nor what a person typed has been through `prompts.build`: a chat header in them must not forge a turn."""
    mend = _mender(tokenizer)

    def harmless(pair: PreferencePair) -> PreferencePair:
        if pair.preference_id:
            return replace(pair, chosen=mend(pair.chosen)) if pair.edited else pair
        prompt = [{"role": m["role"], "content": mend(m["content"])} for m in pair.prompt]
        return replace(pair, prompt=prompt, chosen=mend(pair.chosen), rejected=mend(pair.rejected))

    return [harmless(pair) for pair in pairs]


def as_row(pair: PreferencePair) -> dict[str, Any]:
    """A PreferencePair as a line of train.jsonl or eval.jsonl."""
    row = {"id": pair.id, "prompt": list(pair.prompt), "chosen": pair.chosen, "rejected": pair.rejected, "split_key": pair.split_key}
    if pair.edited:
        row["edited"] = True
    sampled = {name: list(ids) for name in ("chosen_ids", "rejected_ids") if (ids := getattr(pair, name, None))}
    return row | sampled


def seconds(material: Material, recipe: config.Recipe, parameters: int, earlier: Sequence[Mapping[str, float]]) -> float:
    """Estimated seconds of a run. With reports of earlier runs or probes on this model, by their median speed; else by arithmetic.

    A frozen weight costs 2 operations a token forward and 2 backward, and the reference of choices 2 once for all epochs, at 40 GFLOP/s
    a core. Where prompts are shared (`shared_prompt`), each is read once, and one that the adapter does not read has no backward pass.
    """
    speeds = sorted(report["tokens_a_second"] for report in earlier if report.get("tokens_a_second"))
    if speeds:
        return START_SECONDS + material.tokens * recipe.epochs / speeds[len(speeds) // 2]
    learned = material.tokens
    once = learned if recipe.method == "dpo" else 0
    if _shares(recipe) and material.sides:
        prompts, letters = material.sides["prompt"], sum(material.sides.values()) - material.sides["prompt"]
        learned, once = letters + (prompts if recipe.scope == "all" else 0), prompts + letters
    return START_SECONDS + (4 * recipe.epochs * learned + 2 * once) * parameters / (FLOPS_A_CORE * (os.cpu_count() or 1))


def _shares(recipe: config.Recipe) -> bool:
    return recipe.method == "dpo" and recipe.step == "shared"


def memory_bytes(material: Material, recipe: config.Recipe, measures: Mapping[str, int]) -> int:
    """Estimated peak memory of the trainer: weights + adapter with its optimizer + activations + libraries.

    Activations of one token: about 14 vectors of the hidden and 4 of the inner width a layer that autograd keeps (2 a layer and one
    layer whole with gradient checkpointing), plus the logits and two copies of them. A batch holds batch_size sequences, twice
    as many for choices; where prompts are shared, `_row_tokens`, a piece of the logits, and the prompts that are kept. A weight
    takes 4 bytes, 2 in half precision, 0.57 in 4 bits (but embeddings). Libraries: 700 MB.
    """
    hidden, inner, layers, vocabulary = (measures[name] for name in ("hidden", "inner", "layers", "vocabulary"))
    adapter = layers * recipe.r * (4 * 2 * hidden + 3 * (hidden + inner))
    kept = 14 * hidden + 4 * inner
    a_token = 2 * hidden * layers + kept if recipe.gradient_checkpointing else layers * kept
    shares = _shares(recipe) and bool(material.sides)
    if shares:
        batch_tokens, beside = recipe.batch_size * _row_tokens(material, recipe), SHARED_BYTES
    else:
        a_token += 3 * vocabulary
        batch_tokens, beside = (2 if recipe.method == "dpo" else 1) * recipe.batch_size * max(1, material.longest), 0
    whole = 2 if recipe.dtype.endswith("16") or recipe.load_in_4bit else 4
    embeddings = min(measures["parameters"], 2 * vocabulary * hidden)
    packed = measures["parameters"] - embeddings
    weights = whole * embeddings + (0.57 if recipe.load_in_4bit else whole) * packed
    return int(weights + 16 * adapter + 4 * a_token * batch_tokens + beside + 700 * 2**20)


def _row_tokens(material: Material, recipe: config.Recipe) -> float:
    """Tokens that the longest pair keeps for its backward pass: prompt and both letters, or the letters alone (scope "letter")."""
    prompts, letters = material.sides["prompt"], sum(material.sides.values()) - material.sides["prompt"]
    letter = material.longest * letters / max(1, 2 * prompts + letters)
    return 2 * letter if recipe.scope == "letter" else material.longest + letter


def make(
    material: Material,
    recipe: config.Recipe,
    measures: Mapping[str, int],
    earlier: Sequence[Mapping[str, Any]],
    parent: str | None = None,
    notes: Iterable[str] = (),
    probe: Mapping[str, float] | None = None,
) -> Plan:
    """All numbers of a plan. `measures` is `shape()` of the model, `earlier` the reports of runs like this one, `probe` what
    `probe.measure` found {tokens_a_second, memory_bytes}.

    Refused when fewer pairs (examples) than configs/app.yaml's `min_pairs` (`min_examples`) would train.
    """
    groups = len({row["split_key"] for row in material.held_out})
    speeds = [probe] if probe else earlier
    more = fresh.count(material.train, recipe)
    estimate = (1 + more.pairs / max(1, len(material.train))) * seconds(material, recipe, measures["parameters"], speeds)
    estimate += _writing_seconds(material, more, measures["parameters"])
    return Plan(
        recipe=recipe.name, kept=len(material.train), held_out=len(material.held_out), held_out_groups=groups, dropped=material.dropped,
        tokens=material.tokens, steps=run.steps(len(material.train) + more.pairs, recipe), seconds=round(estimate, 1),
        memory_bytes=int(probe["memory_bytes"]) if probe else memory_bytes(material, recipe, measures), parent=parent,
        notes=(*notes, *_fresh_notes(more, recipe, material.train)), refused=_too_few(len(material.train), recipe.method),
        method=recipe.method, longest=material.longest, sides=material.sides, measured=bool(probe),
    )  # fmt: skip


def _writing_seconds(material: Material, more: fresh.Count, parameters: int) -> float:
    """For fresh letters as long as those given: each prompt is read once, then `fresh.ROWS` letters grow by a token at a time."""
    sides = material.sides or {"prompt": material.tokens}
    prompt, letter = (sides.get(side, 0) / max(1, len(material.train)) for side in ("prompt", "chosen"))
    arithmetic = 2 * parameters * (more.prompts * prompt + more.letters * letter) / (FLOPS_A_CORE * (os.cpu_count() or 1))
    return arithmetic + TOKEN_SECONDS * letter * more.letters / fresh.ROWS


def _fresh_notes(more: fresh.Count, recipe: config.Recipe, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What fresh letters are written for, in sentences."""
    notes, label = [], config.recipe_label(STAGE)
    way = f"the way “{label}” (recipe {STAGE}, under Details)"
    if more.edited:
        who = "The letter that you edited is" if more.edited == 1 else f"Each of the {more.edited} letters that you edited is"
        notes.append(f"{who} also set against up to {recipe.fresh_letters} fresh letters: nothing shows more clearly what you want.")
    elif (edits := len(fresh.edited(rows))) and label:
        what, which = ("a letter", "it") if edits == 1 else (f"{edits} letters", "each of them")
        notes.append(f"You edited {what}: {way} also sets {which} against fresh letters.")
    if recipe.judged_letters:
        joined = f", and for {more.made_up} made-up ones" * bool(more.made_up)
        notes.append(
            f"{recipe.judged_letters} fresh letters are written for each posting{joined}, if what your choices have in common can be "
            "counted: it says which of them you would rather send, and these pairs are taught as well."
        )
        most = config.recipe(STAGE).judged_prompts if label else 0
        if len(fresh.prompts(rows)) < most and not recipe.judged_prompts:
            notes.append(f"With fewer than {most} postings {way} teaches more, and takes longer.")
    return notes


def _too_few(count: int, method: str) -> str:
    app = config.app_config()
    if method == "sft" and count < app.min_examples:
        return (
            f"Only {count} of your letters can train (at least {app.min_examples} are needed; about every fifth posting or question is "
            "kept for checking) - so few would teach nothing - add more of your own letters first."
        )
    if method == "dpo" and count < app.min_pairs:
        return (
            f"Only {count} of your choices can train (at least {app.min_pairs} are needed; every fifth posting is kept "
            "for checking) - so few would teach nothing - choose between more letters first."
        )
    return ""


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
