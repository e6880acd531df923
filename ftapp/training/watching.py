"""While it trains: its life as events, stopping when asked, checkpoints sealed, and where a cut-off run goes on.

Knows transformers' callbacks and a run folder, not what is learned.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftapp.errors import TrainingError
from ftapp.training import processes, run

Emit = Callable[[dict], None]
TAIL_SECONDS = 5.0  # publishing and the held-out choices; the letters that follow are told of, not counted


@dataclass(frozen=True)
class Outcome:
    """How a training ended: "succeeded" with an adapter and a report, or "stopped" with a checkpoint."""

    state: str
    adapter: Path | None
    report: dict[str, Any]


def watcher(folder: Path, emit: Emit, stop: Callable[[], bool]) -> Any:
    """The callback that turns the trainer's life into events, stops it when asked and seals its checkpoints."""
    from transformers import TrainerCallback

    class Watcher(TrainerCallback):
        stopped = False
        _began = _first = 0.0

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self._began, self._first = time.monotonic(), state.global_step

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if processes.any_of(stop()) and not self.stopped and state.global_step < state.max_steps:
                self.stopped = True
                emit({"kind": "state", "state": "stopping", "step": state.global_step})
                control.should_save = control.should_training_stop = True

        def on_log(self, args: Any, state: Any, control: Any, logs: dict | None = None, **_: Any) -> None:
            numbers = {name: rounded(value) for name, value in (logs or {}).items() if isinstance(value, int | float)}
            if "train_runtime" in numbers:
                return
            if numbers.get("loss") != numbers.get("loss"):  # NaN is the one number that differs from itself
                raise TrainingError(
                    f"The loss is not a number at step {state.global_step} - the weights are broken - lower the learning rate."
                )
            done = state.global_step - self._first
            if done:
                left = (time.monotonic() - self._began) / done * (state.max_steps - state.global_step)
                numbers["seconds_left"] = rounded(left + TAIL_SECONDS)
            emit({"kind": "metrics", "step": state.global_step, "metrics": numbers})

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            processes.wait()  # each has its own file of random numbers in it
            if not processes.rank():
                run.seal(folder / "checkpoints" / f"checkpoint-{state.global_step}")
            emit({"kind": "checkpoint", "step": state.global_step})

    return Watcher()


def resume_point(folder: Path) -> Path | None:
    """The last complete checkpoint; whatever a killed trainer left beyond it is removed."""
    good = run.last_checkpoint(folder)
    for path in () if processes.rank() else (folder / "checkpoints").glob("checkpoint-*"):
        if step_of(path) > step_of(good):
            shutil.rmtree(path, ignore_errors=True)
    return good


def step_of(checkpoint: Path | None) -> int:
    return int(checkpoint.name.split("-")[-1]) if checkpoint else 0


def rounded(value: float) -> float:
    return float(f"{value:.6g}")
