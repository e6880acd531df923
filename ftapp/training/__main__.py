"""`python -m ftapp.training RUN_FOLDER`: one training, without network or database, alone in its process or in several:

    accelerate launch --multi_gpu --num_processes 2 -m ftapp.training RUN_FOLDER

Exit codes: 0 succeeded or stopped, 1 failed (the sentence is in events.jsonl, the traceback in trainer.log),
2 wrong arguments, 3 another trainer holds the run.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from ftapp import config
from ftapp.errors import UserError
from ftapp.training import disk, lock, memory, processes, run
from ftapp.training.watching import resume_point

HEARTBEAT_SECONDS = 5.0


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or not (Path(arguments[0]) / "base.json").is_file():
        print("Give one run folder: python -m ftapp.training RUN_FOLDER", file=sys.stderr)
        return 2
    folder = Path(arguments[0]).resolve()
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    os.environ.update(processes.QUIET)
    try:
        if processes.rank():  # the first one holds the run and speaks for all
            return 0 if _teach(folder, None, told)[0] in ("succeeded", "stopped") else 1
        with lock.hold(folder / "lock", wait_seconds=5.0), run.Events(folder) as events:
            return _work(folder, events, told)
    except lock.Busy:
        print(f"Another trainer holds {folder.name}.", file=sys.stderr)
        return 3
    finally:
        processes.part()


def _work(folder: Path, events: run.Events, told: threading.Event) -> int:
    processes.give_way()
    done = threading.Event()
    threading.Thread(target=_heartbeat, args=(events, done), daemon=True).start()
    events.write("state", state="running")
    state, reason = _teach(folder, events, told)
    done.set()
    events.write("state", state=state, reason=reason)
    return int(state == "failed")


def _teach(folder: Path, events: run.Events | None, told: threading.Event) -> tuple[str, str | None]:
    """(how it ended, the sentence for a person or None)."""
    step = 0

    def emit(event: dict[str, Any]) -> None:
        nonlocal step
        step = event.get("step", step)
        if events is not None:
            events.write(**event)

    try:
        from ftapp.training import dpo, sft

        train = {"dpo": dpo.train, "sft": sft.train}[config.read_recipe(folder / "recipe.yaml").method]
        outcome = train(folder, emit, stop=lambda: told.is_set() or run.stop_asked(folder))
        stopped = (
            "Stopped as asked - what was learned so far is kept - resume it at any time."
            if step or run.last_checkpoint(folder)
            else "Stopped as asked, before the first step - nothing was learned yet - start again at any time."
        )
        return outcome.state, stopped if outcome.state == "stopped" else None
    except UserError as error:
        return "failed", str(error)
    except Exception as error:  # a bug: the whole story into trainer.log, one calm sentence to the person
        traceback.print_exc()
        if memory.ran_out(error):
            recipe, held = config.read_recipe(folder / "recipe.yaml"), memory.peak_bytes()
            longest = run.read_json(folder / "base.json").get("longest", 0)
            return "failed", memory.sentence(recipe, step, longest, held, memory.there_bytes())
        if disk.full(error):
            resume_point(folder)  # a checkpoint that was cut off goes: there must be room to say what happened
            return "failed", disk.sentence(step)
        return "failed", (
            f"The training ended with {type(error).__name__} - that is a fault of the app - see trainer.log in the run's folder."
        )


def _heartbeat(events: run.Events, done: threading.Event) -> None:
    while not done.wait(HEARTBEAT_SECONDS):
        events.write("heartbeat")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
