"""What both of TRL's trainers are told alike, with the traps of their defaults closed. Knows no data."""

from __future__ import annotations

from typing import Any

from ftapp.backends import hardware
from ftapp.config import Recipe
from ftapp.training import processes, run

CHECKPOINTS_A_RUN = 10


def arguments(recipe: Recipe, rows: int, held_out: int) -> dict[str, Any]:
    """Fields for `Recipe.dpo_config` and `Recipe.sft_config` that depend on this machine and on how many rows there are."""
    import torch

    gpu = torch.cuda.is_available()
    each, times = processes.shares(recipe, processes.count())
    bf16 = hardware.computes_bf16() and recipe.dtype != "float32"
    paged = recipe.optim.startswith("paged")  # moves its state between GPU and memory: nothing to page without a GPU
    return dict(
        max_length=None,  # lengths were checked by encode_rows: nothing may be cut or dropped in silence
        per_device_train_batch_size=each, per_device_eval_batch_size=each, gradient_accumulation_steps=times,
        eval_strategy="epoch" if held_out else "no", eval_on_start=bool(held_out),
        save_strategy="steps", save_steps=max(1, run.steps(rows, recipe) // CHECKPOINTS_A_RUN),
        # products only (autocast); TRL's default is bf16 also where it is emulated
        bf16=bf16, fp16=gpu and not bf16 and recipe.dtype != "float32",
        optim="adamw_torch" if paged and not gpu else recipe.optim,
        use_cpu=not gpu, dataloader_num_workers=0, dataloader_pin_memory=gpu, ddp_find_unused_parameters=False,
    )  # fmt: skip


def keep_small_steps(model: Any) -> None:
    """What learns, in float32: TRL rounds adapters of a 4-bit base to bfloat16, in which small steps would be lost."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def score_letters_only() -> None:
    """Have TRL compute the language-model head for the letters' positions only, on every device.

    It does so where Triton runs and scores every prompt position elsewhere, for the sake of accelerators that compile a
    shape once. On a CPU that work is wasted, and with a vocabulary of 150,000 it takes gigabytes. The numbers are the same.
    """
    from trl.trainer import utils

    utils._use_triton = lambda device: True  # read only to decide this; the kernel asks its own module
