"""Direct Preference Optimization on a run folder, with TRL's stock trainer and loss.

Reads the frozen files of one run, writes checkpoints, `adapter/` and `report.json` into it, and says what
happens through `on_event`. Knows neither the database nor the app. Source: Rafailov et al. 2023, arXiv 2305.18290.

Which reference: a run with a parent adapter starts from the parent's weights and TRL keeps a frozen copy ("ref")
as the reference; a run without one starts from a fresh LoRA (whose B is zero) and the reference is the base.
"""

from __future__ import annotations

import gc
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ftapp import config, evaluation
from ftapp.backends import hardware
from ftapp.errors import TrainingError
from ftapp.training import finish, run, tokens
from ftapp.training.bases import describe_base, load_base, start_policy
from ftapp.training.watching import Emit, Outcome, resume_point, rounded, step_of, watcher

__all__ = ["Outcome", "build_trainer", "describe_base", "encode_rows", "load_base", "score_letters_only", "train"]
CHECKPOINTS_A_RUN = 10


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
    watch = watcher(folder, emit, stop)
    trainer.add_callback(watch)
    checkpoint = resume_point(folder)
    steps = run.steps(len(train_rows), recipe)
    loaded = time.monotonic()
    emit({"kind": "start", "step": step_of(checkpoint), "metrics": {"steps": steps, "load_seconds": rounded(loaded - began)}})
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if watch.stopped:
        return Outcome("stopped", None, {})
    seconds = time.monotonic() - loaded
    margins = finish.held_out_margins(trainer, recipe.beta)
    sha256 = finish.publish(trainer.model, folder, base)
    read = sum(map(tokens.both, train_ids)) * recipe.epochs * (steps - step_of(checkpoint)) / steps
    report: dict[str, Any] = {
        "recipe": recipe.name, "scope": recipe.scope, "beta": recipe.beta, "learning_rate": recipe.learning_rate,
        "parent": (base.get("parent") or {}).get("id"), "reference": "parent adapter" if base.get("parent") else "base model",
        "steps": trainer.state.global_step, "train_pairs": len(train_rows), "held_out_pairs": len(eval_rows),
        "precision": "bf16" if hardware.computes_bf16() else "float32",
        "load_seconds": rounded(loaded - began), "train_seconds": rounded(seconds), "tokens_a_second": rounded(read / max(seconds, 1e-9)),
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
    policy, lora = start_policy(model, recipe, base)
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
