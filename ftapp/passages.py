"""A long text becomes passages, and a text becomes its terms. Pure: knows lines, sentences and words, no database, no model."""

from __future__ import annotations

import functools
import re

MOST_PIECES = 160  # of a passage; with its title and technologies it stays within the 256 word pieces that a small model reads
HEADING_PIECES = 60
_PIECE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]{1,5}|[^\w\s]|_")  # about the word pieces of a BERT tokenizer
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")
# C++, C#, .NET, Node.js, CI/CD, AES-256: signs inside and around a word belong to it where names of tools have them
_TERM = re.compile(r"\.?[^\W_]+(?:[./-][^\W_]+)*(?:\+\+|#)?")
# Words of postings that say nothing of what the work is about.
_EVERYWHERE = frozenset(
    "ability able candidate excellent experience experienced good great including job knowledge new opportunity please position "
    "project projects required requirement requirements responsibilities role skill skills strong team use used using well work "
    "worked working year years".split()
)


def pieces(text: str) -> int:
    """About how many word pieces an embedding model makes of a text; long words and CJK signs count for several."""
    return sum(1 for _ in _PIECE.finditer(text))


def split(text: str, words: int) -> list[str]:
    """A text in passages of about `words` words, cut at empty lines first, then lines, then sentences; nothing is left out.

    A short paragraph joins the next one, so that a question stands with its answer. No passage is longer than MOST_PIECES.
    """
    limit = min(MOST_PIECES, words * 2)
    made: list[str] = []
    for block in _blocks(text, limit):
        if made and (pieces(made[-1]) < limit // 3) and pieces(made[-1]) + pieces(block) <= limit:
            made[-1] = f"{made[-1]}\n{block}"
        else:
            made.append(block)
    return made


def _blocks(text: str, limit: int) -> list[str]:
    """Paragraphs, or parts of one, none above the limit."""
    made = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        parts = [part for line in paragraph.split("\n") if line.strip() for part in _parts(line.strip(), limit)]
        made += _packed(parts, limit, "\n")
    return made


def _parts(line: str, limit: int) -> list[str]:
    """A line as it is, else its sentences, else cut between words, else between letters."""
    if pieces(line) <= limit:
        return [line]
    made = []
    for sentence in filter(None, _SENTENCE.split(line)):
        if pieces(sentence) <= limit:
            made.append(sentence)
        else:
            words = [word[i : i + limit] for word in sentence.split() for i in range(0, len(word), limit)]
            made += _packed(words, limit, " ")
    return _packed(made, limit, " ")


def _packed(parts: list[str], limit: int, joint: str) -> list[str]:
    """Neighbours joined as long as they fit."""
    made: list[str] = []
    size = 0
    for part in parts:
        own = pieces(part)
        if made and size + own <= limit:
            made[-1] += joint + part
            size += own
        else:
            made.append(part)
            size = own
    return made


def heading(title: str, technologies: tuple[str, ...] | list[str]) -> str:
    """What stands before each passage of a source when it is searched, so that a passage knows what it belongs to."""
    named = title + (f" ({', '.join(technologies)})" if technologies else "")
    return _packed(named.split(), HEADING_PIECES, " ")[0] if named.strip() else ""


def terms(text: str) -> dict[str, str]:
    """The words that carry meaning, each as it stands in the text, by the form in which two texts are compared: lower case, cut
    to six letters ("managing" meets "manager"), plural s gone; names with signs or digits stay whole (C++, Node.js)."""
    found: dict[str, str] = {}
    for match in _TERM.finditer(text):
        word = match.group()
        low = word.casefold()
        if low in _EVERYWHERE or low in _stop_words() or (len(low) < 2 and low != "r"):
            continue
        found.setdefault(low if not low.isalpha() else _stem(low), word)
    return found


def _stem(word: str) -> str:
    bare = word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
    return bare[:6]


@functools.cache
def _stop_words() -> frozenset[str]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return ENGLISH_STOP_WORDS


def best_line(text: str, wanted: set[str]) -> str:
    """The line or sentence of a passage that shares the most terms with a search; the first when none shares any."""
    lines = [part.strip() for line in text.split("\n") for part in _SENTENCE.split(line) if part.strip()]
    return max(lines, key=lambda line: len(wanted & terms(line).keys()), default="")
