"""A letter as sentences with their claims, and the letter again with one claim removed or corrected.

Knows offsets only: no source, and not what makes a claim true.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """One fact of a letter. Offsets are characters of the letter; `nearest` is the most similar source line, or ""."""

    start: int
    end: int
    kind: str
    text: str
    supported: bool
    reason: str
    nearest: str = ""


@dataclass(frozen=True)
class Sentence:
    """One sentence with the source line that comes nearest to it and the claims in it. `score` (0 to 1) is the share of its
    rarer words that the line has, or the cosine of both in meaning."""

    start: int
    end: int
    support: str
    score: float
    claims: tuple[Claim, ...] = ()


MOST_CHARACTERS = 600  # of one sentence; a longer one is a list or not a sentence
_END = re.compile(r"(?<=[.!?])[\"'”’)]*\s+(?=[\"'“(]?[A-Z0-9])|\n+")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|Dr|Mr|Mrs|Ms|St|No|Inc|Ltd|Pvt|Co|Corp|Jr|Sr|approx|[A-Z]|[A-Z]\.[A-Z]|[MB]\.?Sc|Ph\.?D|[MB]\.?Tech))\.$"
)
_NEW = re.compile(r"(?:I|My|We|In|As|With|This|The|At|During)\b")


def sentences(letter: str) -> list[tuple[int, int]]:
    """(start, end) of each sentence; a line break always ends one."""
    found, at = [], 0
    for m in [*_END.finditer(letter), None]:
        stop = m.start() if m else len(letter)
        text = letter[at:stop].rstrip()
        if m and "\n" not in m.group(0) and _ABBREVIATION.search(text) and not _NEW.match(letter, m.end()):
            continue
        lead = len(text) - len(text.lstrip())
        found += _bounded(letter, at + lead, at + len(text))
        at = m.end() if m else stop
    return found


def _bounded(letter: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A sentence in pieces of at most `MOST_CHARACTERS`, cut at spaces: every pattern then meets short text only."""
    while end - start > MOST_CHARACTERS:
        space = letter.rfind(" ", start + 1, start + MOST_CHARACTERS)
        stop = space if space > 0 else start + MOST_CHARACTERS
        yield start, stop
        start = stop + (space > 0)
    if letter[start:end].strip():
        yield start, end


def without(letter: str, claim: Claim) -> str:
    """The letter without the sentence that holds the claim. A paragraph that becomes empty goes too; others stay as they were."""
    start, end = next(((a, b) for a, b in sentences(letter) if a <= claim.start < b), (claim.start, claim.end))
    before, after = letter[:start].rstrip(" "), letter[end:].lstrip(" ")
    first, last = not before or before.endswith("\n"), not after or after.startswith("\n")
    if first and last:  # it was a paragraph or a line of its own: the wider of the two gaps stays
        above, below = before.rstrip("\n"), after.lstrip("\n")
        gap = max(len(before) - len(above), len(after) - len(below)) if above and below else 0
        return above + "\n" * gap + below
    return before + ("" if first or last else " ") + after


def corrected(letter: str, claim: Claim, replacement: str) -> str:
    """The letter with the claim's words replaced; an empty replacement removes the sentence instead."""
    text = replacement.strip()
    return letter[: claim.start] + text + letter[claim.end :] if text else without(letter, claim)
