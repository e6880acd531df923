"""Findings about own examples before any training: what is wrong with which, why, and whether the rest is enough.

Pure: knows texts, no database, no model and no screen. Sentence embeddings are given by the caller (`Encoder.similar`); without them
likeness is judged by words alone. Nothing is dropped here: a finding either sets an example aside or is a note. Each example is
judged as it will read after `repair`; what was repaired is told by `repair`, and what cannot be, by `check`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ftapp import quality_damage, quality_fit, quality_meter, quality_people, quality_phrases, quality_sources, quality_twins, quality_voice
from ftapp.metrics import Similar
from ftapp.quality_damage import take
from ftapp.quality_items import CODES, FIELDS, Enough, Finding, Item
from ftapp.quality_repair import repair

__all__ = ["CODES", "FIELDS", "Enough", "Finding", "Item", "check", "enough", "repair", "take"]
_UNREAD = {"empty", "too_long"}  # nothing more is said of these, nor of others beside them
_ORDER = {code: at for at, code in enumerate(CODES)}


def check(items: Sequence[Item], *, similar: Similar | None = None) -> list[Finding]:
    """Everything found, in the order of the items and for each in the order of `CODES`; what `repair` can mend is among it as a note.

    `similar(texts, lines)` gives cosines as `Encoder.similar` does; when it raises ModelError, words decide alone. Ids are unique.
    """
    found: list[Finding] = []
    mended: list[Item] = []
    for item in items:
        whole, own = _of_one(item)
        found += own
        if not {f.code for f in own} & _UNREAD:
            mended.append(whole)
    letters = {item.id: item.letter for item in mended}
    found += [*quality_phrases.frames(mended, letters), *quality_voice.look(mended, letters)]
    found += quality_twins.look(mended, {f.item_id for f in found if f.quarantine}, similar)
    place = {item.id: at for at, item in enumerate(items)}
    return sorted(found, key=lambda f: (place[f.item_id], _ORDER[f.code]))


def _of_one(item: Item) -> tuple[Item, list[Finding]]:
    """The item mended, and what it says about itself. What a repair shows is told once."""
    if len(item.letter) > quality_damage.MOST_CHARACTERS:
        return item, list(quality_damage.look(item, quality_sources.of(replace(item, letter="")), item))
    whole, repairs = repair(item)
    sources = quality_sources.of(whole)
    found = list(quality_damage.look(item, sources, whole))
    codes = {f.code for f in found}
    if codes & _UNREAD:
        return whole, found
    found += [f for f in repairs if f.code not in codes]
    return whole, [*found, *quality_fit.look(whole, sources), *quality_phrases.look(whole), *quality_people.look(whole)]


def enough(items: Sequence[Item], findings: Sequence[Finding] | None = None) -> Enough:
    """The "enough data?" meter. `findings` are those of `check`, when they are known already; else they are made here."""
    return quality_meter.measure(items, check(items) if findings is None else findings)
