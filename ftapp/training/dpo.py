"""Direct Preference Optimization on a run folder, with TRL's trainer and losses, and a step that reads each prompt once (`shared_prompt`).

Reads the frozen files of one run, writes checkpoints, `adapter/` and `report.json` into it, and says what
happens through `on_event`. Knows neither the database nor the app. Source: Rafailov et al. 2023, arXiv 2305.18290.

Which reference: a run with a parent adapter starts from the parent's weights and TRL keeps a frozen copy ("ref")
as the reference; a run without one starts from a fresh LoRA (whose B is zero) and the reference is the base.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ftapp import config, evaluation
from ftapp.training import finish, lesson, reference
from ftapp.training.bases import describe_base, load_base, start_policy
from ftapp.training.tokens import encode_rows
from ftapp.training.trainers import arguments, score_letters_only
from ftapp.training.watching import Emit, Outcome

__all__ = ["Outcome", "build_trainer", "describe_base", "encode_rows", "load_base", "score_letters_only", "train"]


def train(run_folder: Path | str, on_event: Emit | None = None, *, stop: Callable[[], bool] | None = None, letters: int = 5) -> Outcome:
    """Train the run in `run_folder` on its pairs; see `lesson.give`."""
    return lesson.give(run_folder, build_trainer, results, on_event, stop, letters)


def results(trainer: Any, recipe: config.Recipe, base: Mapping[str, Any], held_out: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the report says of choices: how often held-out ones are met, against which reference, and the curve in words."""
    margins = finish.held_out_margins(trainer, recipe.beta)
    return {
        "beta": recipe.beta, "reference": "parent adapter" if base.get("parent") else "base model",
        "train_pairs": len(trainer.train_dataset), "held_out_pairs": len(held_out),
        "held_out": evaluation.held_out_accuracy(margins, [row["split_key"] for row in held_out]),
        "curve": evaluation.read_curve(trainer.state.log_history), "step": "shared" if getattr(trainer, "shared", False) else "trl",
        "step_note": getattr(trainer, "refused", ""),
    }  # fmt: skip


# ---- the trainer ----------------------------------------------------------------------------------------------


def build_trainer(
    model: Any, tokenizer: Any, recipe: config.Recipe, base: Mapping[str, Any], train_ids: list, eval_ids: list, output: Path
) -> Any:
    """TRL's DPOTrainer with the traps of its defaults closed; nothing is trained yet."""
    from datasets import Dataset
    from transformers import PrinterCallback

    from ftapp.training.shared_prompt import EncodedDPOTrainer, SharedPromptTrainer

    args = recipe.dpo_config(
        output,
        precompute_ref_log_probs=True,  # the reference never changes: one pass in place of one an epoch
        **arguments(recipe, len(train_ids), len(eval_ids)),
    )
    policy, lora = start_policy(model, recipe, base)
    score_letters_only()
    given = dict(
        model=policy, args=args, processing_class=tokenizer, peft_config=lora,
        train_dataset=Dataset.from_list(train_ids), eval_dataset=Dataset.from_list(eval_ids) if eval_ids else None,
    )  # fmt: skip
    if recipe.step == "trl":
        trainer = EncodedDPOTrainer(**given)
    else:
        precision = [args.bf16, args.fp16, recipe.dtype, recipe.load_in_4bit, recipe.double_quant]
        kept = reference.Kept(output.parent, base, [recipe.scope, *precision])
        trainer = SharedPromptTrainer(**given, kept=kept, name=kept.name)
    trainer.remove_callback(PrinterCallback)
    return trainer
