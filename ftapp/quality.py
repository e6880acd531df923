"""Findings about own examples before any training: what is wrong with which, why, and whether the rest is enough.

Pure: knows texts, no database, no model and no screen. Sentence embeddings are given by the caller (`Encoder.similar`); without them
likeness is judged by words alone. Nothing is dropped here: a finding either sets an example aside or is a note.
"""

from __future__ import annotations

from collections.abc import Sequence

from ftapp.metrics import Similar
from ftapp.quality_items import CODES, FIELDS, Enough, Finding, Item

__all__ = ["CODES", "FIELDS", "Enough", "Finding", "Item", "check", "enough", "repair"]


def check(items: Sequence[Item], *, similar: Similar | None = None) -> list[Finding]:
    """Everything found, in the order of the items and for each in the order of `CODES`.

    `similar(texts, lines)` gives cosines as `Encoder.similar` does; when it raises ModelError, words decide alone.
    """
    raise NotImplementedError


def repair(item: Item) -> tuple[Item, list[Finding]]:
    """The item with garbled characters and collapsed lists restored, and a finding with before and after for each text changed."""
    raise NotImplementedError


def enough(items: Sequence[Item], findings: Sequence[Finding] | None = None) -> Enough:
    """The "enough data?" meter. `findings` are those of `check`, when they are known already; else they are made here."""
    raise NotImplementedError
