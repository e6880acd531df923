"""The base models that ftapp knows, smallest first: which fit this machine, which are here, and which one to take.

Reads configs/models.yaml and the model cache; loads nothing and fetches nothing but what `fetch` is asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ftapp import config
from ftapp.backends import folders, hardware
from ftapp.errors import ModelError

SHARE = 0.8  # of the memory beside a GPU: other programs live there too
GB = 10**9


def rungs(current: str, memory_bytes: int | None = None, gpu_bytes: int | None = None) -> list[dict[str, Any]]:
    """Every model of the ladder: {id, label, licence, revision, prompt_tokens, download_gb, write_gb, teach_gb, fits, why, here,
    recommended, current}.

    `fits` is "teach", "write" (it can write but not be taught here) or "no", and `why` the sentence for the last two. The largest
    that can be taught is recommended. `current` is the id of the model in use; sizes are this machine's unless they are given.
    """
    memory = hardware.memory_bytes() if memory_bytes is None else memory_bytes
    gpu = hardware.gpu_memory_bytes() if gpu_bytes is None else gpu_bytes
    found = []
    for spec in map(config.model_spec, config.model_ids()):
        fits, why = _fits(spec, memory, gpu)
        found.append(described(spec) | {"fits": fits, "why": why, "here": is_here(spec), "current": spec.id == current})
    taught = [rung for rung in found if rung["fits"] == "teach"]
    if taught:
        taught[-1]["recommended"] = True
    return found


def described(spec: config.ModelSpec) -> dict[str, Any]:
    """What is known of a model on any machine, as a rung of which nothing was looked up yet."""
    return {
        "id": spec.id, "label": spec.label, "licence": spec.licence, "revision": spec.revision,
        "prompt_tokens": spec.prompt_budget_tokens, "download_gb": spec.download_gb, "write_gb": spec.write_gb, "teach_gb": spec.teach_gb,
        "fits": "", "why": "", "here": True, "recommended": False, "current": False,
    }  # fmt: skip


def _fits(spec: config.ModelSpec, memory: int, gpu: int) -> tuple[str, str]:
    there = gpu or memory * SHARE
    if spec.gpu and not gpu:
        return "no", "It would take minutes a sentence without a graphics card."
    if spec.write_gb * GB > there:
        return "no", f"It needs {spec.write_gb:g} GB of memory to write; {there / GB:.1f} GB can be used here."
    if spec.teach_gb * GB > there:
        return "write", f"It can write here, but teaching it needs {spec.teach_gb:g} GB of memory; {there / GB:.1f} GB can be used."
    return "teach", ""


def is_here(spec: config.ModelSpec) -> bool:
    """Whether the model's files are on this machine, whole."""
    try:
        folders.find(spec.source, True, spec.revision)
        return True
    except ModelError:
        return False


def fetch(model: str, offline: bool, progress: folders.Progress | None = None) -> Path:
    """The folder of a model, downloaded where it is not here. Raises ModelError with a sentence (offline, gated, unknown)."""
    spec = config.model_spec(model)
    return folders.find(spec.source, offline, spec.revision, progress)
