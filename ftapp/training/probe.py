"""Time and memory of a training, measured on a few steps over its longest rows instead of guessed.

`measure` runs `python -m ftapp.training.probe FOLDER` on a small run folder and keeps what it found in the home's probes.json;
`known` looks there. Publishes nothing.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ftapp import config
from ftapp.errors import TrainingError
from ftapp.training import memory, processes, run, tokens
from ftapp.training.plan import Material

STEPS = 3  # the first one warms up and is not counted
MOST_SECONDS = 1800.0
ENDED = "The probe ended without a word - its memory may have been used up - use a smaller plan or a smaller base model."
NEAR = 64  # a probe with sequences up to so many tokens longer stands for this training too
# what of a recipe changes its speed or its memory
MATTERS = ("method", "scope", "step", "r", "target_modules", "batch_size", "gradient_checkpointing", "dtype", "load_in_4bit",
           "double_quant", "optim")  # fmt: skip


def known(home: Path, base: Mapping[str, Any], recipe: config.Recipe, longest: int) -> dict[str, float] | None:
    """{tokens_a_second, memory_bytes} of an earlier probe of such a training, or None."""
    return run.read_json(home / "probes.json").get(_key(base, recipe, longest))


def measure(home: Path, base: Mapping[str, Any], recipe: config.Recipe, material: Material) -> dict[str, float]:
    """Run a few steps in a process of their own and remember {tokens_a_second, memory_bytes, load_seconds}.

    Raises TrainingError with the reason when even these few steps do not fit or take too long.
    """
    longest = sorted(material.train, key=lambda row: -sum(len(str(value)) for value in row.values()))[: recipe.batch_size]
    few = recipe.model_copy(update={"epochs": 1.0, "accumulation_steps": 1})
    (home / "runs").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home / "runs", prefix=".probe-") as work:  # closed to visitors, like every run
        folder = run.create(Path(work) / "run", few.model_dump(), base, longest * STEPS, [])
        command = [sys.executable, "-m", "ftapp.training.probe", str(folder)]
        try:
            subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, env=processes.environment(), cwd=folder, timeout=MOST_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise TrainingError(
                f"{STEPS} steps took more than {MOST_SECONDS / 60:.0f} minutes - a training would take days - use a smaller base model."
            ) from None
        found = run.read_json(folder / "probe.json", {"error": ENDED})
    if "error" in found:
        raise TrainingError(found["error"])
    everything = run.read_json(home / "probes.json") | {_key(base, recipe, material.longest): found}
    run.write_text(home / "probes.json", json.dumps(everything, indent=1))
    return found


def _key(base: Mapping[str, Any], recipe: config.Recipe, longest: int) -> str:
    matters = {name: getattr(recipe, name) for name in MATTERS} | {"base": base["hash"], "longest": -(-longest // NEAR)}
    return hashlib.sha256(json.dumps(matters, sort_keys=True).encode()).hexdigest()[:32]


# ---- in the child ---------------------------------------------------------------------------------------------


def _steps(folder: Path) -> dict[str, float]:
    """Take the steps; tokens of all counted ones through their seconds, and the most memory held."""
    from transformers import TrainerCallback

    from ftapp.training import dpo, sft
    from ftapp.training.bases import load_base

    began = time.monotonic()
    recipe, base = config.read_recipe(folder / "recipe.yaml"), run.read_json(folder / "base.json")
    model, tokenizer = load_base(base, recipe)
    rows = tokens.encode_rows(tokenizer, run.read_rows(folder / "train.jsonl"), recipe.max_length)
    build = sft.build_trainer if recipe.method == "sft" else dpo.build_trainer
    trainer = build(model, tokenizer, recipe, base, rows, [], folder / "checkpoints")
    trainer.args.save_strategy = "no"
    loaded, ends = time.monotonic(), []

    class Clock(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            ends.append(time.monotonic())

    trainer.add_callback(Clock())
    trainer.train()
    counted = sum(map(tokens.both, rows)) * (STEPS - 1) / STEPS
    return {
        "tokens_a_second": counted / (ends[-1] - ends[0]), "memory_bytes": memory.peak_bytes(), "load_seconds": loaded - began,
    }  # fmt: skip


def main(folder: Path) -> None:
    import os

    os.environ.update(processes.QUIET)
    processes.give_way()
    try:
        found: dict[str, Any] = _steps(folder)
    except Exception as error:
        if not memory.ran_out(error):
            raise
        recipe, longest = config.read_recipe(folder / "recipe.yaml"), run.read_json(folder / "base.json")["longest"]
        found = {"error": memory.sentence(recipe, 0, longest, memory.peak_bytes(), memory.there_bytes())}
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    run.write_text(folder / "probe.json", json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
