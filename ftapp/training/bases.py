"""The model that a run learns on: what `base.json` freezes of it, loading exactly that, and the weights that learn.

Knows model folders and adapters, not what is learned from.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ftapp import config
from ftapp.backends import folders, hardware
from ftapp.errors import ModelError, TrainingError
from ftapp.training import run, tokens


def describe_base(model: str, offline: bool = True) -> dict[str, Any]:
    """What `base.json` freezes of a model (an id of configs/models.yaml, a Hub id or a folder); `parent` is still None.

    Reads files only; loads the tokenizer, not the model. Raises ModelError when the model is not on this machine.
    """
    spec = config.model_spec(model)
    folder = folders.find(spec.source, offline, spec.revision)
    tokenizer = tokens.tokenizer(folder)
    state = tuple((path.name, path.stat().st_mtime_ns) for path in sorted(folder.glob("*")) if path.suffix in (".safetensors", ".json"))
    return {
        "id": spec.id, "hash": _weights_hash(folder, state), "template_hash": _template_hash(tokenizer),
        "invocation_tokens": tokens.header_ids(tokenizer), "max_new_tokens": spec.max_new_tokens,
        "temperature": spec.temperature, "top_p": spec.top_p, "parent": None,
    }  # fmt: skip


@functools.lru_cache(maxsize=4)
def _weights_hash(folder: Path, state: tuple) -> str:
    """Hashing gigabytes takes seconds and every plan asks: once for each state of the files."""
    return folders.weights_hash(folder)


def _template_hash(tokenizer: Any) -> str:
    return hashlib.sha256(str(tokenizer.chat_template).encode()).hexdigest()


def load_base(base: Mapping[str, Any], recipe: config.Recipe | None = None) -> tuple[Any, Any]:
    """The base model and its tokenizer, as `describe_base` froze them.

    The weights are as the recipe says, in 4 bits too; without one float32 on a CPU, and as saved on a GPU.
    Raises ModelError when they cannot be read or are not those that wrote the letters.
    """
    import torch
    from transformers import AutoModelForCausalLM

    spec = config.model_spec(base["id"])
    folder = folders.find(spec.source, True, spec.revision)
    tokenizer = tokens.tokenizer(folder)
    if folders.weights_hash(folder) != base["hash"] or _template_hash(tokenizer) != base["template_hash"]:
        raise ModelError(
            f"The model {base['id']} is not the one that the run was made for (its weights or chat template changed) - the pairs were "
            "written by another model - start a new training."
        )
    packed = recipe and recipe.quantization(hardware.fast_dtype())
    place = {"device_map": {"": int(os.environ.get("LOCAL_RANK", "0"))}} if packed and torch.cuda.is_available() else {}
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=_dtype(recipe), quantization_config=packed, local_files_only=True, use_safetensors=True, **place
        )
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The model {base['id']} could not be loaded ({type(error).__name__}) - the training cannot start - see trainer.log."
        ) from error
    hardware.keep_4bit_exact(model)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return model, tokenizer


def _dtype(recipe: config.Recipe | None) -> Any:
    import torch

    if recipe and recipe.dtype != "auto":
        return getattr(torch, recipe.dtype)
    if not torch.cuda.is_available():
        return torch.float32
    return "auto" if hardware.computes_bf16() else torch.float16


def start_policy(model: Any, recipe: config.Recipe, base: Mapping[str, Any]) -> tuple[Any, Any]:
    """(model with the parent's weights as trainable "default", None) or (bare model, a fresh LoraConfig)."""
    parent = base.get("parent")
    if not parent:
        return model, recipe.lora_config(base["invocation_tokens"] if recipe.scope == "letter" else None)
    if parent["scope"] != recipe.scope:
        raise TrainingError(
            f"The parent adapter {parent['id']} has scope '{parent['scope']}' and the recipe {recipe.name} scope '{recipe.scope}' - "
            "the same weights would mean something else - choose a recipe of the parent's scope or the parent 'none'."
        )
    from peft import PeftModel

    path = Path(parent["path"])
    if run.sha256_file(path / "adapter_model.safetensors") != parent["sha256"]:
        raise ModelError(
            f"The parent adapter {parent['id']} is not the file that was recorded - the training cannot start - roll back to another."
        )
    return PeftModel.from_pretrained(model, path, is_trainable=True), None
