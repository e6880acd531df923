"""A training once more from its own frozen folder, and whether the same adapter comes out. Knows run folders, no database.

The copy holds the same recipe, rows in the same order and base; it trains beside the run and goes when both are compared. On a CPU
with the same libraries every weight is within 1e-6.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from ftapp.errors import TrainingError
from ftapp.training import processes, run

FROZEN = ("recipe.yaml", "base.json", "train.jsonl", "eval.jsonl")
WEIGHTS = "adapter_model.safetensors"
NEAR = 1e-6


def data_hash(folder: Path) -> str:
    """SHA-256 over the frozen files of a run, in their order."""
    digests = [run.sha256_file(folder / name) for name in FROZEN]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def repeat(runs: Path, run_id: str, parent: Path | None = None) -> dict[str, Any]:
    """Train `run_id` again in a process of its own and wait: {run, data_hash, sha256, same, difference}. `parent` is where what it starts
    from lies now; None: where it lay then.

    `difference` is the largest between two weights of both adapters, `same` whether it is at most `NEAR`. Raises TrainingError when the
    run is not whole any more, or the training fails.
    """
    folder = runs / run_id
    if (folder / "forgotten.json").is_file():
        raise TrainingError("Some of what this training read was deleted since - it cannot be repeated - start a new one.")
    if not all((folder / name).is_file() for name in FROZEN) or not run.sealed(folder / "adapter"):
        raise TrainingError("The folder of this training is not whole - it cannot be repeated - start a new one.")
    again = folder / "repeated"
    shutil.rmtree(again, ignore_errors=True)
    again.mkdir()
    try:
        for name in FROZEN:
            shutil.copyfile(folder / name, again / name)
        base = run.read_json(again / "base.json")  # what it was judged beside changes no weight, and may be gone
        moved = {"parent": base["parent"] | {"path": str(parent)}} if parent else {}
        run.write_text(again / "base.json", json.dumps(base | {"live": None} | moved))
        _train(again)
        difference = apart(folder / "adapter" / WEIGHTS, again / "adapter" / WEIGHTS)
        return {"run": run_id, "data_hash": data_hash(folder), "sha256": run.sha256_file(again / "adapter" / WEIGHTS),
                "same": difference <= NEAR, "difference": difference}  # fmt: skip
    finally:
        shutil.rmtree(again, ignore_errors=True)


def _train(folder: Path) -> None:
    """Raises TrainingError with what the trainer said."""
    with (folder / "trainer.log").open("ab") as log:
        subprocess.run([sys.executable, "-m", "ftapp.training", str(folder)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                       env=processes.environment(), cwd=folder)  # fmt: skip
    events = run.read_events(folder)
    if not any(event.get("state") == "succeeded" for event in events):
        said = next((event["reason"] for event in reversed(events) if event.get("reason")), "it ended without a word")
        raise TrainingError(f"The training could not be repeated ({said}).")


def apart(one: Path, other: Path) -> float:
    """The largest difference between two weights of the same name; infinite when names or shapes differ."""
    from safetensors.numpy import load_file

    first, second = load_file(one), load_file(other)
    if {name: value.shape for name, value in first.items()} != {name: value.shape for name, value in second.items()}:
        return float("inf")
    return max(float(abs(value.astype("float64") - second[name].astype("float64")).max()) for name, value in first.items())


def said(done: dict[str, Any]) -> str:
    """A sentence for a person."""
    data = f"Same data ({done['data_hash'][:12]}), same order"
    if done["same"]:
        return f"{data}, same adapter: no weight differs by more than {done['difference']:.1e}."
    return f"{data}, but weights differ by up to {done['difference']:.1e}: another machine, or other versions of the libraries."
