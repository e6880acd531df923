"""How alike two letters are: as one number, and sentence by sentence and word by word, so that a reader may read less.

Pure functions over two texts; offsets are characters of each. Knows nothing of claims, sides or screens.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ftapp.claims_text import sentences

NEAR = 0.65  # share of words that two sentences have in common before their differences are worth marking
_WORD = re.compile(r"\w+(?:['’-]\w+)*")
Span = tuple[int, int]


@dataclass(frozen=True)
class Marks:
    """Of one letter: sentences that the other one has too, and words by which a sentence differs from its neighbour there."""

    same: tuple[Span, ...] = ()
    differs: tuple[Span, ...] = ()


def alike(one: str, other: str) -> float:
    """Share of words that both texts have in the same order, 0 to 1 (Ratcliff and Obershelp's measure, as in difflib)."""
    return difflib.SequenceMatcher(None, _words(one), _words(other), autojunk=False).ratio()


def compare(left: str, right: str) -> tuple[Marks, Marks]:
    """The marks of both letters. A sentence is the same when its words are, whatever their case and punctuation."""
    spans = sentences(left), sentences(right)
    said = [[_words(text[a:b]) for a, b in found] for text, found in zip((left, right), spans, strict=True)]
    shared = {tuple(words) for words in said[0] if words} & {tuple(words) for words in said[1] if words}
    same = [tuple(span for span, words in zip(found, own, strict=True) if tuple(words) in shared)
            for found, own in zip(spans, said, strict=True)]  # fmt: skip
    differs = [_differing(own, [w for w in theirs if tuple(w) not in shared], found, text, shared)
               for own, theirs, found, text in zip(said, said[::-1], spans, (left, right), strict=True)]  # fmt: skip
    return Marks(same[0], differs[0]), Marks(same[1], differs[1])


def paragraphs(letter: str) -> list[str]:
    """Its paragraphs: what blank lines part."""
    return [part.strip() for part in re.split(r"\n\s*\n", letter) if part.strip()]


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _differing(
    own: Sequence[list[str]], theirs: Sequence[list[str]], spans: Sequence[Span], text: str, shared: set[tuple[str, ...]]
) -> tuple[Span, ...]:
    """The words of each sentence that its nearest sentence in the other letter lacks; none where no sentence is near."""
    found: list[Span] = []
    for words, (start, end) in zip(own, spans, strict=True):
        if not words or tuple(words) in shared:
            continue
        matchers = [difflib.SequenceMatcher(None, words, other, autojunk=False) for other in theirs]
        best = max(matchers, key=lambda m: m.ratio(), default=None)
        if best is None or best.ratio() < NEAR:
            continue
        places = [(m.start() + start, m.end() + start) for m in _WORD.finditer(text[start:end])]
        for action, a, b, _, _ in best.get_opcodes():
            if action in ("replace", "delete"):
                found.append((places[a][0], places[b - 1][1]))
    return tuple(found)
