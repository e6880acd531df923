"""A PDF page's words by where they stand -> lines in reading order. Knows geometry and what a date looks like, no résumés.

Three things go wrong when words are read in the order in which a program drew them, or straight across the page: two
columns of prose interleave; a date at the right margin lands behind the bullets it belongs above; and the gap between
an employer and a place vanishes. So: rows are cut at wide gaps; a gutter that many rows respect makes two columns
(a recursive X-Y cut, after Nagy and Seth 1984); notes at the margin move up to the line that starts their entry.
"""

from __future__ import annotations

import io
import re
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

GAP = 1.2  # of a line's height: wider than any space between words, also in justified text
WIDE = "   "  # how a gap is written; layout rules know it as a separator
MOST_DEPTH = 3
LEAST_SPLIT = 3  # rows of a file with a wide gap; fewer are no layout
LEAST_ROWS = 6  # that must stand on both sides of a gutter
_NO_GLYPH = re.compile(r"\(cid:\d+\)")  # an icon font without names
_BULLET = re.compile(r"^[•·▪◦●○■–*-](?:\s|$)")
_NOTE = re.compile(r"(?i)\b(?:19|20)\d\d\b|\bpresent\b|\b(?:years?|months?|yrs?|mos)\b")


@dataclass(frozen=True)
class Piece:
    """Words of one row without a wide gap between them. Lengths in points, from the page's left and top."""

    x0: float
    x1: float
    top: float
    bottom: float
    text: str


Row = list[Piece]


def read(data: bytes, deadline: float) -> str:
    """The text of all pages by layout, "" where no page sets things side by side.

    Raises TimeoutError when time.monotonic() passes `deadline` between two pages, and whatever pdfplumber raises for a broken file.
    """
    import pdfplumber

    with pdfplumber.open(io.BytesIO(data), password="") as document:
        pages = [rows(_words(page, deadline)) for page in document.pages]
    if sum(len(row) > 1 for page in pages for row in page) < LEAST_SPLIT:
        return ""
    return "\n\n".join("\n".join(_lines(page, MOST_DEPTH)) for page in pages)


def _words(page: Any, deadline: float) -> list[dict[str, Any]]:
    if time.monotonic() > deadline:
        raise TimeoutError
    words = [w | {"text": _NO_GLYPH.sub("", w["text"])} for w in page.extract_words(x_tolerance_ratio=0.18, keep_blank_chars=False)]
    page.close()  # pdfplumber keeps every page's characters otherwise
    return [word for word in words if word["text"] and word.get("upright", True)]


def rows(words: list[dict[str, Any]]) -> list[Row]:
    """Words that share a line, cut into pieces at wide gaps, from top to bottom."""
    lines: list[list[dict[str, Any]]] = []
    for word in sorted(words, key=lambda w: ((w["top"] + w["bottom"]) / 2, w["x0"])):
        middle = (word["top"] + word["bottom"]) / 2
        if (
            lines
            and abs(middle - sum(w["top"] + w["bottom"] for w in lines[-1]) / (2 * len(lines[-1]))) < (word["bottom"] - word["top"]) / 2.5
        ):
            lines[-1].append(word)
        else:
            lines.append([word])
    return [_pieces(sorted(line, key=lambda w: w["x0"])) for line in lines]


def _pieces(line: list[dict[str, Any]]) -> Row:
    height = max(w["bottom"] - w["top"] for w in line)
    groups = [[line[0]]]
    for word in line[1:]:
        before = groups[-1][-1]
        far = word["x0"] - before["x1"] > GAP * height
        groups.append([word]) if far and not _BULLET.fullmatch(before["text"]) else groups[-1].append(word)
    return [
        Piece(g[0]["x0"], g[-1]["x1"], min(w["top"] for w in g), max(w["bottom"] for w in g), " ".join(w["text"] for w in g))
        for g in groups
    ]


def _lines(page: list[Row], depth: int) -> list[str]:
    found = _gutter(page) if depth else None
    if not found:
        return _across(page)
    x, first, last = found
    band = page[first:last]
    left = [kept for row in band if (kept := [p for p in row if p.x1 <= x])]
    right = [kept for row in band if (kept := [p for p in row if p.x0 >= x])]
    return [
        *_lines(page[:first], depth - 1), *_lines(left, depth - 1), "", *_lines(right, depth - 1), *_lines(page[last:], depth - 1)
    ]  # fmt: skip


# ---- columns ---------------------------------------------------------------------------------------------------


def _gutter(page: list[Row]) -> tuple[float, int, int] | None:
    """(x, first row, row behind the last) of the best gutter: the longest run of rows that no piece crosses at x."""
    best: tuple[int, float, int, int] | None = None
    for x in sorted({round(b.x0) - 1.0 for row in page for b in row[1:]}):
        for first, last in _uncrossed(page, x):
            both = sum(1 for row in page[first:last] if row[0].x1 <= x < row[-1].x0)
            if both >= LEAST_ROWS and (best is None or both > best[0]) and _are_columns(page[first:last], x):
                best = (both, x, first, last)
    return best and best[1:]


def _uncrossed(page: list[Row], x: float) -> list[tuple[int, int]]:
    runs, start = [], 0
    for i, row in enumerate([*page, None]):
        if row is None or any(p.x0 < x < p.x1 for p in row):
            if i > start:
                runs.append((start, i))
            start = i + 1
    return runs


def _are_columns(band: list[Row], x: float) -> bool:
    """Two columns, rather than a table or dates at a margin: much text on both sides, and the right side starts on one line."""
    left = [p for row in band for p in row if p.x1 <= x]
    starts = [next(p for p in row if p.x0 >= x) for row in band if row[-1].x0 >= x]
    right = [p for row in band for p in row if p.x0 >= x]
    words = [sum(len(p.text.split()) for p in side) for side in (left, right)]
    if min(words) < 0.12 * sum(words):
        return False
    for side in (left, right):
        if sum(1 for p in side if _NOTE.search(p.text)) > 0.3 * len(side):
            return False
    aligned = sum(count for _, count in Counter(round(p.x0 / 3) for p in starts).most_common(2))
    return aligned >= 0.55 * len(starts)


# ---- one column ------------------------------------------------------------------------------------------------


def _across(page: list[Row]) -> list[str]:
    """Rows from left to right; a blank line where the page has a wide space; notes beside bullets moved up to their entry."""
    lines: list[str] = []
    heights = sorted(p.bottom - p.top for row in page for p in row)
    usual = heights[len(heights) // 2] if heights else 0
    head, above, beside = 0, None, False  # the entry's first line; the note in the row above; whether notes stand beside bullets
    for i, row in enumerate(page):
        gap = i > 0 and row[0].top - max(p.bottom for p in page[i - 1]) > 0.9 * usual
        bullet = bool(_BULLET.match(row[0].text))
        if gap:
            lines.append("")
        if len(row) == 2 and above and not gap and (bullet or beside) and _below(row[1], above):
            lines[head] += WIDE + row[1].text
            lines.append(row[0].text)
            above, beside = row[1], True
            continue
        if not bullet:
            head = len(lines)
        above, beside = (row[-1], False) if len(row) == 2 and not bullet else (None, False)
        lines.append(WIDE.join(p.text for p in row))
    return lines


def _below(note: Piece, above: Piece) -> bool:
    """Whether a short piece continues the note above it: on the same left or right edge."""
    return len(note.text.split()) <= 6 and min(abs(note.x0 - above.x0), abs(note.x1 - above.x1)) < 3
