"""What the reference model thinks of each pair: two numbers that never change, kept with the run and carried to later ones.

A pair's name is the SHA-256 of everything that the numbers depend on: base weights, reference adapter and its scope, precision, token
ids. So a stale number cannot be found. The file holds names and numbers, no text. Knows no model; imports no heavy library.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ftapp.training import processes, run

FILE = "reference.jsonl"
MOST_ROWS = 10_000  # about 1.5 MB


class Kept(dict):
    """name -> [log p(chosen), log p(rejected)] in nats; every `update` is on the disk before it returns.

    `precision` is whatever else the numbers depend on: the adapter's scope, the type of products and weights.
    """

    def __init__(self, folder: Path, base: Mapping[str, Any], precision: list[Any]) -> None:
        super().__init__({row["name"]: row["logps"] for row in _rows(folder / FILE)})
        parent = base.get("parent") or {}
        self._path = folder / FILE
        self._under = [base["hash"], base["template_hash"], parent.get("sha256", ""), *precision]

    def name(self, *ids: list[int]) -> str:
        """The pair's name; `ids` are its prompt's, chosen and rejected letter's tokens."""
        return hashlib.sha256(json.dumps([*self._under, *ids]).encode()).hexdigest()

    def update(self, found: Iterable[tuple[str, list[float]]]) -> None:  # type: ignore[override]
        super().update(found)
        if not processes.rank():
            _write(self._path, self)


def carry(folder: Path) -> None:
    """Give a new run what the runs beside it know of the same base and parent, newest first."""
    base, rows = run.read_json(folder / "base.json"), {}
    for other in sorted(folder.parent.glob(f"*/{FILE}"), key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            theirs = run.read_json(other.parent / "base.json")
        except ValueError:  # a damaged run costs one pass over its pairs, nothing else
            continue
        if theirs.get("hash") == base["hash"] and (theirs.get("parent") or {}).get("sha256") == (base.get("parent") or {}).get("sha256"):
            for row in _rows(other):
                rows.setdefault(row["name"], row)
    if rows:
        _write(folder / FILE, {name: row["logps"] for name, row in list(rows.items())[:MOST_ROWS]})


def _write(path: Path, kept: Mapping[str, list[float]]) -> None:
    run.write_text(path, "".join(json.dumps({"name": name, "logps": logps}) + "\n" for name, logps in kept.items()))


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        return run.read_rows(path)
    except (OSError, ValueError):  # a damaged file costs one pass over the pairs, nothing else
        return []
