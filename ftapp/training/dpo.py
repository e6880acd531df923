"""Direct Preference Optimization on a run folder, with TRL's stock trainer and loss.

Reads the frozen files of one run, writes checkpoints, `adapter/` and `report.json` into it, and says what
happens through `on_event`. Knows neither the database nor the app. Source: Rafailov et al. 2023, arXiv 2305.18290.

Which reference: a run with a parent adapter starts from the parent's weights and TRL keeps a frozen copy ("ref")
as the reference; a run without one starts from a fresh LoRA (whose B is zero) and the reference is the base.
"""

from __future__ import annotations

import functools
import gc
import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftapp import config, evaluation
from ftapp.backends import folders, hardware
from ftapp.errors import ModelError, TrainingError
from ftapp.training import finish, run, tokens

Emit = Callable[[dict], None]
CHECKPOINTS_A_RUN = 10
TAIL_SECONDS = 5.0  # publishing, the held-out check and the first letters; replaced by measured time as it goes


@dataclass(frozen=True)
class Outcome:
    """How a training ended: "succeeded" with an adapter and a report, or "stopped" with a checkpoint."""

    state: str
    adapter: Path | None
    report: dict[str, Any]


def train(run_folder: Path | str, on_event: Emit | None = None, *, stop: Callable[[], bool] | None = None, letters: int = 5) -> Outcome:
    """Train the run in `run_folder`, going on from its last complete checkpoint if there is one.

    `on_event` receives {kind, state?, step?, metrics?, reason?}; metrics keep TRL's names, plus `seconds_left`.
    `stop()` is asked after every step; a stopped run has a checkpoint and can be called again. `letters` held-out
    letters are written before and after (0: none). Raises TrainingError or ModelError with a sentence.
    """
    folder = Path(run_folder)
    emit: Emit = on_event or (lambda event: None)
    stop = stop or (lambda: run.stop_asked(folder))
    recipe, base = config.read_recipe(folder / "recipe.yaml"), run.read_json(folder / "base.json")
    train_rows, eval_rows = run.read_rows(folder / "train.jsonl"), run.read_rows(folder / "eval.jsonl")
    if not train_rows:
        raise TrainingError("The run has no pair to train on - nothing can be learned from it - choose between some letters first.")
    began = time.monotonic()
    model, tokenizer = load_base(base)
    train_ids, eval_ids = (encode_rows(tokenizer, rows, recipe.max_length) for rows in (train_rows, eval_rows))
    trainer = build_trainer(model, tokenizer, recipe, base, train_ids, eval_ids, folder / "checkpoints")
    watch = _watcher(folder, emit, stop)
    trainer.add_callback(watch)
    checkpoint = _resume_point(folder)
    steps = run.steps(len(train_rows), recipe)
    loaded = time.monotonic()
    emit({"kind": "start", "step": _step_of(checkpoint), "metrics": {"steps": steps, "load_seconds": _round(loaded - began)}})
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if watch.stopped:
        return Outcome("stopped", None, {})
    seconds = time.monotonic() - loaded
    margins = finish.held_out_margins(trainer, recipe.beta)
    sha256 = finish.publish(trainer.model, folder, base)
    read = sum(map(tokens.both, train_ids)) * recipe.epochs * (steps - _step_of(checkpoint)) / steps
    report: dict[str, Any] = {
        "recipe": recipe.name, "scope": recipe.scope, "beta": recipe.beta, "learning_rate": recipe.learning_rate,
        "parent": (base.get("parent") or {}).get("id"), "reference": "parent adapter" if base.get("parent") else "base model",
        "steps": trainer.state.global_step, "train_pairs": len(train_rows), "held_out_pairs": len(eval_rows),
        "precision": "bf16" if hardware.computes_bf16() else "float32",
        "load_seconds": _round(loaded - began), "train_seconds": _round(seconds), "tokens_a_second": _round(read / max(seconds, 1e-9)),
        "adapter_sha256": sha256, "held_out": evaluation.held_out_accuracy(margins, [row["split_key"] for row in eval_rows]),
        "curve": evaluation.read_curve(trainer.state.log_history), "letters": [], "letters_note": "",
    }  # fmt: skip
    run.write_text(folder / "report.json", json.dumps(report, indent=1, ensure_ascii=False))
    del trainer, model, watch  # the letters need the room
    gc.collect()
    if letters:
        report["letters"], report["letters_note"] = finish.letters(base, recipe, eval_rows, folder, sha256, letters, stop)
        run.write_text(folder / "report.json", json.dumps(report, indent=1, ensure_ascii=False))
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)  # only a resume needs them
    return Outcome("succeeded", folder / "adapter", report)


# ---- the model and its data -----------------------------------------------------------------------------------


def describe_base(model: str, offline: bool = True) -> dict[str, Any]:
    """What `base.json` freezes of a model (an id of configs/models.yaml, a Hub id or a folder); `parent` is still None.

    Reads files only; loads the tokenizer, not the model. Raises ModelError when the model is not on this machine.
    """
    spec = config.model_spec(model)
    folder = folders.find(spec.source, offline)
    tokenizer = tokens.tokenizer(folder)
    state = tuple((path.name, path.stat().st_mtime_ns) for path in sorted(folder.glob("*")) if path.suffix in (".safetensors", ".json"))
    return {
        "id": spec.id, "hash": _weights_hash(folder, state), "template_hash": _template_hash(tokenizer),
        "invocation_tokens": tokens.header_ids(tokenizer), "max_new_tokens": spec.max_new_tokens, "parent": None,
    }  # fmt: skip


@functools.lru_cache(maxsize=4)
def _weights_hash(folder: Path, state: tuple) -> str:
    """Hashing gigabytes takes seconds and every plan asks: once for each state of the files."""
    return folders.weights_hash(folder)


def _template_hash(tokenizer: Any) -> str:
    return hashlib.sha256(str(tokenizer.chat_template).encode()).hexdigest()


def load_base(base: Mapping[str, Any]) -> tuple[Any, Any]:
    """The base model (float32 on a CPU, as saved on a GPU) and its tokenizer, as `describe_base` froze them.

    Raises ModelError when they cannot be read or are not those that wrote the letters.
    """
    import torch
    from transformers import AutoModelForCausalLM

    folder = folders.find(config.model_spec(base["id"]).source, offline=True)
    tokenizer = tokens.tokenizer(folder)
    if folders.weights_hash(folder) != base["hash"] or _template_hash(tokenizer) != base["template_hash"]:
        raise ModelError(
            f"The model {base['id']} is not the one that the run was made for (its weights or chat template changed) - the pairs were "
            "written by another model - start a new training."
        )
    dtype = "auto" if torch.cuda.is_available() else torch.float32
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The model {base['id']} could not be loaded ({type(error).__name__}) - the training cannot start - see trainer.log."
        ) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return model, tokenizer


def encode_rows(tokenizer: Any, rows: Sequence[Mapping[str, Any]], max_length: int) -> list[dict[str, list[int]]]:
    """Each row as token ids, in order. Raises TrainingError rather than cut a letter at `max_length`."""
    end = tokens.end_token(tokenizer)
    encoded = [tokens.encode_pair(tokenizer, row, end) for row in rows]
    for row, ids in zip(rows, encoded, strict=True):
        if tokens.longest(ids) > max_length:
            raise TrainingError(
                f"Pair {row['id']} has {tokens.longest(ids)} tokens and the recipe allows {max_length} - a cut letter would teach to stop "
                "mid-sentence - leave this pair out or raise max_length."
            )
    return encoded


# ---- the trainer ----------------------------------------------------------------------------------------------


def build_trainer(
    model: Any, tokenizer: Any, recipe: config.Recipe, base: Mapping[str, Any], train_ids: list, eval_ids: list, output: Path
) -> Any:
    """TRL's DPOTrainer with the traps of its defaults closed; nothing is trained yet."""
    import torch
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import DPOTrainer

    class EncodedDPOTrainer(DPOTrainer):
        """The stock trainer, given ids in place of texts (this version has no other way in)."""

        def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
            return dataset

    steps = run.steps(len(train_ids), recipe)
    gpu = torch.cuda.is_available()
    args = recipe.dpo_config(
        output,
        max_length=None,  # lengths were checked by encode_rows: nothing may be cut or dropped in silence
        precompute_ref_log_probs=True,  # the reference never changes: one pass in place of one an epoch
        eval_strategy="epoch" if eval_ids else "no",
        eval_on_start=bool(eval_ids),
        save_strategy="steps",
        save_steps=max(1, steps // CHECKPOINTS_A_RUN),
        bf16=hardware.computes_bf16(),  # products only (autocast); TRL's default is bf16 also where it is emulated
        use_cpu=not gpu,
        dataloader_num_workers=0,
        dataloader_pin_memory=gpu,
    )
    policy, lora = _policy(model, recipe, base)
    trainer = EncodedDPOTrainer(
        model=policy, args=args, processing_class=tokenizer, peft_config=lora,
        train_dataset=Dataset.from_list(train_ids), eval_dataset=Dataset.from_list(eval_ids) if eval_ids else None,
    )  # fmt: skip
    trainer.remove_callback(PrinterCallback)
    score_letters_only()
    return trainer


def score_letters_only() -> None:
    """Have TRL compute the language-model head for the letters' positions only, on every device.

    It does so where Triton runs and scores every prompt position elsewhere, for the sake of accelerators that compile a
    shape once. On a CPU that work is wasted, and with a vocabulary of 150,000 it takes gigabytes. The numbers are the same.
    """
    from trl.trainer import utils

    utils._use_triton = lambda device: True  # read only to decide this; the kernel asks its own module


def _policy(model: Any, recipe: config.Recipe, base: Mapping[str, Any]) -> tuple[Any, Any]:
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


def _watcher(folder: Path, emit: Emit, stop: Callable[[], bool]) -> Any:
    """The callback that turns the trainer's life into events, stops it when asked and seals its checkpoints."""
    from transformers import TrainerCallback

    class Watcher(TrainerCallback):
        stopped = False
        _began = _first = 0.0

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self._began, self._first = time.monotonic(), state.global_step

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if stop() and not self.stopped and state.global_step < state.max_steps:
                self.stopped = True
                emit({"kind": "state", "state": "stopping", "step": state.global_step})
                control.should_save = control.should_training_stop = True

        def on_log(self, args: Any, state: Any, control: Any, logs: dict | None = None, **_: Any) -> None:
            numbers = {name: _round(value) for name, value in (logs or {}).items() if isinstance(value, int | float)}
            if "train_runtime" in numbers:
                return
            if numbers.get("loss") != numbers.get("loss"):  # NaN is the one number that differs from itself
                raise TrainingError(
                    f"The loss is not a number at step {state.global_step} - the weights are broken - lower the learning rate."
                )
            done = state.global_step - self._first
            if done:
                left = (time.monotonic() - self._began) / done * (state.max_steps - state.global_step)
                numbers["seconds_left"] = _round(left + TAIL_SECONDS)
            emit({"kind": "metrics", "step": state.global_step, "metrics": numbers})

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            run.seal(folder / "checkpoints" / f"checkpoint-{state.global_step}")
            emit({"kind": "checkpoint", "step": state.global_step})

    return Watcher()


def _resume_point(folder: Path) -> Path | None:
    """The last complete checkpoint; whatever a killed trainer left beyond it is removed."""
    good = run.last_checkpoint(folder)
    for path in (folder / "checkpoints").glob("checkpoint-*"):
        if _step_of(path) > _step_of(good):
            shutil.rmtree(path, ignore_errors=True)
    return good


def _step_of(checkpoint: Path | None) -> int:
    return int(checkpoint.name.split("-")[-1]) if checkpoint else 0


def _round(value: float) -> float:
    return float(f"{value:.6g}")
