"""One training in one process, or in several that `accelerate launch` started: who speaks, and what all must agree on.

Several learn from the same batches as one would: a batch is shared out, never multiplied. Knows no model.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from ftapp.config import Recipe
from ftapp.errors import TrainingError

MOST = 64
HOW = "--num_machines 1 --mixed_precision no --dynamo_backend no --main_process_port 0".split()  # else accelerate reads its own settings
# Set before transformers, datasets and trl are imported: they read these once.
QUIET = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
         "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "TQDM_DISABLE": "1",
         "TOKENIZERS_PARALLELISM": "false", "WANDB_DISABLED": "true", "TRL_EXPERIMENTAL_SILENCE": "1"}  # fmt: skip

# Read when torch is loaded. A thread that waits for the others of its process sleeps: it would otherwise use up what the others need
# wherever something else keeps the cores busy. Twelve letters beside two busy processes, at `give_way`'s priority: 101 s, not over 400.
PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}


def wanted() -> int:
    """How many processes a training is started with: FTAPP_PROCESSES, else one. Raises TrainingError for what is no number of them."""
    told = os.environ.get("FTAPP_PROCESSES") or "1"
    if not told.isdecimal() or not 1 <= int(told) <= MOST:
        raise TrainingError(
            f"FTAPP_PROCESSES is {told[:20]!r}, which is no number from 1 to {MOST} - no training can start - set it to your GPUs."
        )
    return int(told)


def command(folder: Path | str) -> list[str]:
    """What starts the training of a run folder: alone, or shared out by accelerate."""
    how = [] if wanted() == 1 else ["accelerate.commands.launch", "--multi_gpu", "--num_processes", str(wanted()), *HOW, "-m"]
    return [sys.executable, "-m", *how, "ftapp.training", str(folder)]


def environment() -> dict[str, str]:
    """What a trainer's process is started with: this app's code, whatever folder it works in, and unless several are `wanted` the first
    GPU alone: with more in sight transformers would read a batch on each, and so multiply it."""
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    first = {} if wanted() > 1 else {"CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]}
    return PATIENT | {**os.environ, "PYTHONPATH": path} | first


def give_way() -> None:
    """Let whoever is writing a letter come first.

    A trainer is started in a session of its own, and Linux may share a machine out among sessions before it looks at their processes
    (autogroup, man 7 sched): there the session's own number counts.
    """
    if hasattr(os, "nice"):
        os.nice(10)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text("10")


def rank() -> int:
    """Which of them this process is; 0 where it is alone. Only the first one writes files and events."""
    return int(os.environ.get("RANK", "0"))


def count() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def shares(recipe: Recipe, processes: int) -> tuple[int, int]:
    """(rows a process reads at once, times before a step), so that a step still learns from batch x accumulation rows.

    Raises TrainingError when the rows of a step cannot be shared out evenly.
    """
    rows = recipe.batch_size * recipe.accumulation_steps
    each = max(1, recipe.batch_size // processes)
    if rows % (each * processes):
        raise TrainingError(
            f"{processes} processes cannot share the {rows} rows of a step evenly - it would not be the recipe {recipe.name} any more - "
            f"start as many processes as divide {rows}, or change batch_size."
        )
    return each, rows // (each * processes)


def wait() -> None:
    """Until all are here."""
    if together():
        import torch

        torch.distributed.barrier()


def any_of(flag: bool) -> bool:
    """Whether any of them says so; all get the same answer, or one would wait for ever."""
    if not together():
        return flag
    import torch

    said = torch.tensor([int(flag)], device="cuda" if torch.distributed.get_backend() == "nccl" else "cpu")
    torch.distributed.all_reduce(said, op=torch.distributed.ReduceOp.MAX)
    return bool(said.item())


def together() -> bool:
    if count() == 1:
        return False
    import torch

    return torch.distributed.is_available() and torch.distributed.is_initialized()


def part() -> None:
    """At the very end: let go of the others, so that torch does not complain about them."""
    if together():
        import torch

        torch.distributed.destroy_process_group()
