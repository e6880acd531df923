"""`python -m ftapp.training RUN_FOLDER`: one training, alone in its process, without network or database.

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

from ftapp.errors import UserError
from ftapp.training import lock, run

HEARTBEAT_SECONDS = 5.0
# Set before transformers, datasets and trl are imported: they read these once.
QUIET = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
         "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "TQDM_DISABLE": "1",
         "TOKENIZERS_PARALLELISM": "false", "WANDB_DISABLED": "true", "TRL_EXPERIMENTAL_SILENCE": "1"}  # fmt: skip


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or not (Path(arguments[0]) / "base.json").is_file():
        print("Give one run folder: python -m ftapp.training RUN_FOLDER", file=sys.stderr)
        return 2
    folder = Path(arguments[0]).resolve()
    try:
        with lock.hold(folder / "lock", wait_seconds=5.0), run.Events(folder) as events:
            return _work(folder, events)
    except lock.Busy:
        print(f"Another trainer holds {folder.name}.", file=sys.stderr)
        return 3


def _work(folder: Path, events: run.Events) -> int:
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    os.environ.update(QUIET)
    if hasattr(os, "nice"):
        os.nice(10)  # whoever is writing a letter comes first
    done = threading.Event()
    threading.Thread(target=_heartbeat, args=(events, done), daemon=True).start()
    events.write("state", state="running")
    try:
        from ftapp.training import dpo

        outcome = dpo.train(folder, lambda event: events.write(**event), stop=lambda: told.is_set() or run.stop_asked(folder))
        reason = "Stopped as asked - what was learned so far is kept - resume it at any time." if outcome.state == "stopped" else None
        events.write("state", state=outcome.state, reason=reason)
        return 0
    except UserError as error:
        reason = str(error)
    except MemoryError:
        reason = "The memory was used up - this model or batch is too large here - lower batch_size in the recipe."
    except Exception as error:  # a bug: the whole story into trainer.log, one calm sentence to the person
        traceback.print_exc()
        reason = f"The training ended with {type(error).__name__} - that is a fault of the app - see trainer.log in the run's folder."
    finally:
        done.set()
    events.write("state", state="failed", reason=reason)
    return 1


def _heartbeat(events: run.Events, done: threading.Event) -> None:
    while not done.wait(HEARTBEAT_SECONDS):
        events.write("heartbeat")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
