"""Supervised fine-tuning on a run folder: a person's own letters, with TRL's stock SFTTrainer and the loss on the answer only.

Reads the frozen files of one run (rows {id, prompt, completion, split_key}), writes checkpoints, `adapter/` and `report.json`
into it, and says what happens through `on_event`, as `dpo` does. Knows neither the database nor the app.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ftapp import config, evaluation
from ftapp.training import lesson
from ftapp.training.bases import start_policy
from ftapp.training.trainers import arguments, keep_small_steps, score_letters_only
from ftapp.training.watching import Emit, Outcome

IGNORED = -100  # what transformers' losses skip


def train(run_folder: Path | str, on_event: Emit | None = None, *, stop: Callable[[], bool] | None = None, letters: int = 5) -> Outcome:
    """Train the run in `run_folder` on its examples; see `lesson.give`."""
    return lesson.give(run_folder, build_trainer, results, on_event, stop, letters)


def results(trainer: Any, recipe: config.Recipe, base: Mapping[str, Any], held_out: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the report says of examples: how likely held-out ones were and became, and the curve in words."""
    groups = len({row["split_key"] for row in held_out})
    return {
        "train_examples": len(trainer.train_dataset), "held_out_examples": len(held_out),
        "held_out": evaluation.held_out_loss(trainer.state.log_history, len(held_out), groups),
        "curve": evaluation.read_curve(trainer.state.log_history),
    }  # fmt: skip


def build_trainer(
    model: Any, tokenizer: Any, recipe: config.Recipe, base: Mapping[str, Any], train_ids: list, eval_ids: list, output: Path
) -> Any:
    """TRL's SFTTrainer with the traps of its defaults closed; nothing is trained yet."""
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import SFTTrainer

    args = recipe.sft_config(
        output,
        dataset_kwargs={"skip_prepare_dataset": True},  # ids are given in place of texts, so that they are the writer's
        **arguments(recipe, len(train_ids), len(eval_ids)),
    )
    policy, lora = start_policy(model, recipe, base)
    trainer = SFTTrainer(
        model=policy, args=args, processing_class=tokenizer, peft_config=lora,
        train_dataset=Dataset.from_list([labelled(ids) for ids in train_ids]),
        eval_dataset=Dataset.from_list([labelled(ids) for ids in eval_ids]) if eval_ids else None,
    )  # fmt: skip
    keep_small_steps(trainer.model)
    trainer.remove_callback(PrinterCallback)
    score_letters_only()
    return trainer


def labelled(ids: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """{prompt_ids, completion_ids} -> {input_ids, labels}: only the answer, with the end of its turn, is learned."""
    prompt, answer = ids["prompt_ids"], ids["completion_ids"]
    return {"input_ids": [*prompt, *answer], "labels": [IGNORED] * len(prompt) + list(answer)}
