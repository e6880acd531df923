"""Examples that sound unlike the others of their kind: another writer's, or another mood's. Pure; a note, never a reason to set aside.

Each text is described by a few habits (`HABITS`). What is usual is the median over the collection, how much people vary is the
median absolute deviation (MAD); an example is told when its habits lie far out together (the "modified z-score" of Iglewicz and Hoaglin,
How to Detect and Handle Outliers, 1993: 0.6745 (x - median) / MAD, far out above 3.5).
"""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from ftapp.claims_text import sentences
from ftapp.quality_items import Finding, Item

LEAST = 12  # texts of a kind before anything is usual
FAR, LEAST_HABITS = 3.5, 2  # modified z-score, and habits that must lie so far out
_FLOOR = {  # differences below this are none, however even the others are
    "words in a sentence": 4.0, "contractions": 0.01, "exclamation marks": 0.15, "questions": 0.25, "letters in a word": 0.4,
    "commas in a sentence": 0.8, "“I” in a sentence": 0.35, "emoji and hashtags": 0.2, "words in capitals": 0.03,
}  # fmt: skip
HABITS = tuple(_FLOOR)


def habits(text: str) -> dict[str, float]:
    """A text's habits: means a sentence, or shares of its words."""
    words = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", text)
    parts = [text[a:b] for a, b in sentences(text)] or [text]
    n, m = max(1, len(words)), len(parts)
    return dict(zip(HABITS, (
        len(words) / m, len(re.findall(r"\w['’](?:s|re|ve|ll|d|m|t)\b", text)) / n, text.count("!") / m, text.count("?") / m,
        sum(map(len, words)) / n, text.count(",") / m, len(re.findall(r"\bI\b", text)) / m,
        len(re.findall(r"[\U0001F300-\U0001FAFF☀-➿]|(?<!\w)#[A-Za-z]\w+", text)) / m,
        sum(w.isupper() and len(w) > 4 for w in words) / n), strict=True))  # fmt: skip


def look(items: Sequence[Item], letters: Mapping[str, str]) -> Iterator[Finding]:
    """Findings over a collection, kind by kind."""
    kinds: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        if len(letters[item.id].split()) >= 20:
            kinds[item.kind].append(item)
    for group in kinds.values():
        if len(group) >= LEAST:
            yield from _outliers(group, {item.id: habits(letters[item.id]) for item in group}, letters)


def _outliers(items: Sequence[Item], told: Mapping[str, Mapping[str, float]], letters: Mapping[str, str]) -> Iterator[Finding]:
    usual = {name: statistics.median(h[name] for h in told.values()) for name in HABITS}
    varies = {name: statistics.median(abs(h[name] - usual[name]) for h in told.values()) for name in HABITS}
    for item in items:
        own = told[item.id]
        far = [n for n in HABITS if abs(own[n] - usual[n]) >= _FLOOR[n] and 0.6745 * abs(own[n] - usual[n]) > FAR * max(varies[n], 1e-9)]
        if len(far) >= LEAST_HABITS:
            how = ", ".join(f"{'more' if own[n] > usual[n] else 'fewer'} {n}" for n in far[:3])
            reason = f"It sounds unlike the others: {how}. Is it yours? A voice is learned best from texts that share it."
            yield Finding(item.id, "other_voice", reason, letters[item.id].strip()[:120], False)
