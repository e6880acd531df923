"""What a long measurement has found so far, so that it can be stopped, and gone on with another day."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Kept:
    """Results by key in a JSON file, written after each: what was measured before is not measured again. Without a path, in memory.

    Two processes may share a file: each reads it again before it begins a run, and before it writes.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.held: dict[str, Any] = {}
        self._read()

    def _read(self) -> None:
        if self.path and self.path.exists():
            self.held |= json.loads(self.path.read_text(encoding="utf-8"))

    def get(self, key: str, make: Callable[[], Any]) -> Any:
        """The result under `key`; `make` gives it (as JSON knows it) where it is not there yet."""
        if key not in self.held:
            self._read()
        if key not in self.held:
            found = make()
            self._read()
            self.held[key] = found
            self._write()
        return self.held[key]

    def _write(self) -> None:
        if self.path:
            fresh = self.path.with_suffix(f".{os.getpid()}")
            lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in self.held.items())
            fresh.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
            fresh.replace(self.path)
