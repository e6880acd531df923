"""The run folder: everything a trainer reads and everything it writes, as plain files.

    recipe.yaml  train.jsonl  eval.jsonl  base.json      frozen before the start
    events.jsonl                                         state, step, metrics, heartbeat; append-only
    checkpoints/  adapter/  report.json  trainer.log     written while training
    lock  stop                                           "alive" is the lock (`lock.py`); `stop` asks for a graceful end

Knows nothing of models or of the database; imports no heavy library, so the app can use it freely.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from ftapp.errors import TrainingError

if TYPE_CHECKING:
    from ftapp.config import Recipe

ACTIVE = ("queued", "running", "stopping")
FINAL = ("succeeded", "failed", "stopped")  # what a trainer says itself; "interrupted" is what others say of it
RESUMABLE = ("failed", "stopped", "interrupted")
PUBLISHED = ("adapter_config.json", "adapter_model.safetensors")
MANIFEST = "manifest.json"
FACTS = "card.json"  # beside an imported adapter: what its archive said of itself


# ---- creating and reading -------------------------------------------------------------------------------------


def create(folder: Path, recipe: Mapping, base: Mapping, train: Sequence[Mapping], held_out: Sequence[Mapping]) -> Path:
    """Freeze a run into `folder`, all files or none: written beside it, synced, then renamed.

    `train` and `held_out` are rows {id, prompt: messages, chosen, rejected, split_key} in their final order.
    Raises TrainingError when the folder exists.
    """
    folder = Path(folder)
    if folder.exists():
        raise TrainingError(f"The run folder {folder.name} exists already - a run is never written twice - start a new training.")
    fresh = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    write_text(fresh / "recipe.yaml", yaml.safe_dump(dict(recipe), sort_keys=False, allow_unicode=True))
    write_text(fresh / "base.json", json.dumps(dict(base), indent=1, ensure_ascii=False))
    for name, rows in (("train.jsonl", train), ("eval.jsonl", held_out)):
        write_text(fresh / name, "".join(json.dumps(dict(row), ensure_ascii=False) + "\n" for row in rows))
    with Events(fresh) as events:
        events.write("state", state="queued")
    sync_folder(fresh)
    fresh.rename(folder)
    sync_folder(folder.parent)
    return folder


def read_rows(path: Path) -> list[dict]:
    """The rows of a .jsonl file; a missing file has none."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as lines:  # never str.splitlines: letters may hold U+2028
        return [json.loads(line) for line in lines if line.strip()]


def read_json(path: Path, default: dict | None = None) -> dict:
    """One JSON object; `default` (or an empty one) when the file does not exist."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else dict(default or {})


def steps(pairs: int, recipe: Recipe) -> int:
    """Optimizer steps of a run over `pairs` pairs, as transformers' Trainer counts them."""
    batches = math.ceil(pairs / recipe.batch_size)
    return math.ceil(max(1, math.ceil(batches / recipe.accumulation_steps)) * recipe.epochs)


# ---- events ---------------------------------------------------------------------------------------------------


class Events:
    """Appends {seq, at, kind, state?, step?, metrics?, reason?} lines; safe between threads of one process.

    A line that a killed trainer left half written is cut off when the next one opens the file, so that
    `seq` goes on without a gap and every line parses.
    """

    def __init__(self, folder: Path) -> None:
        self.path = Path(folder) / "events.jsonl"
        self._guard = threading.Lock()
        whole = _whole_lines(self.path)
        if self.path.exists() and self.path.stat().st_size != len(whole):
            with self.path.open("r+b") as torn:
                torn.truncate(len(whole))
        last = whole.splitlines()[-1] if whole else b'{"seq": 0}'
        self._seq = json.loads(last)["seq"]
        self._file = self.path.open("ab")

    def write(self, kind: str, **fields: object) -> dict:
        """Append one event; a `state` is on the disk before this returns."""
        with self._guard:
            self._seq += 1
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            event = {"seq": self._seq, "at": at, "kind": kind, **{k: v for k, v in fields.items() if v is not None}}
            self._file.write(json.dumps(event).encode() + b"\n")
            self._file.flush()
            if "state" in event:
                os.fsync(self._file.fileno())
            return event

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_events(folder: Path, after: int = 0) -> list[dict]:
    """All complete events with `seq` greater than `after`; a torn last line is not seen until it is whole."""
    lines = _whole_lines(Path(folder) / "events.jsonl").split(b"\n")
    return [event for line in lines if line for event in [json.loads(line)] if event["seq"] > after]


def _whole_lines(path: Path) -> bytes:
    data = path.read_bytes() if path.exists() else b""
    return data[: data.rfind(b"\n") + 1]


# ---- stop -----------------------------------------------------------------------------------------------------


def ask_to_stop(folder: Path) -> None:
    """Leave the note that the trainer looks for after every step."""
    (Path(folder) / "stop").touch()


def stop_asked(folder: Path) -> bool:
    return (Path(folder) / "stop").exists()


def forget_stop(folder: Path) -> None:
    (Path(folder) / "stop").unlink(missing_ok=True)


# ---- checkpoints and publishing -------------------------------------------------------------------------------


def seal(folder: Path) -> dict[str, str]:
    """Sync every file of `folder` and write `manifest.json` {relative name: SHA-256} last, so that its presence
    means that everything it names had reached the disk."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST)
    for path in files:
        _sync_file(path)
    manifest = {path.relative_to(folder).as_posix(): sha256_file(path) for path in files}
    write_text(folder / MANIFEST, json.dumps(manifest, indent=1))
    sync_folder(folder)
    return manifest


def sealed(folder: Path) -> bool:
    """Whether `folder` has a manifest and every file in it still has its recorded SHA-256."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return bool(manifest) and all(sha256_file(folder / name) == digest for name, digest in manifest.items())
    except (OSError, ValueError):
        return False


def last_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint of a run; torn ones (no manifest, or files that differ from it) are passed over."""
    found = (Path(folder) / "checkpoints").glob("checkpoint-*")
    by_step = sorted((p for p in found if p.name.split("-")[-1].isdigit()), key=lambda p: -int(p.name.split("-")[-1]))
    return next((p for p in by_step if sealed(p)), None)


def publish(weights: Path, destination: Path) -> str:
    """Put an adapter's two files at `destination` in one step and return the SHA-256 of its weights.

    Only the config and the safetensors are taken, never a pickle. They are written to a temporary folder
    beside the destination, synced, sealed with a manifest and renamed; a reader sees a whole adapter or none.
    """
    fresh = destination.with_name(f".{destination.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name in PUBLISHED:
        shutil.copyfile(weights / name, fresh / name)
    manifest = seal(fresh)
    if destination.exists():  # a resumed run that had been killed right after publishing
        shutil.rmtree(destination)
    fresh.rename(destination)
    sync_folder(destination.parent)
    return manifest["adapter_model.safetensors"]


def sha256_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write a file whole: to a temporary name, synced, renamed."""
    fresh = path.with_name(f".{path.name}.tmp")
    with fresh.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` durable (a no-op where folders cannot be opened)."""
    if os.name != "nt":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
