"""Examples that repeat or contradict each other: the same text, nearly the same, the same question reworded, two answers to one question.

Words are compared by rapidfuzz (share of words in the same order, names and numbers left aside); meaning by the caller's sentence
embeddings, when there are some. Of repeats the best one stays: the one with nothing else wrong, else the first.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from rapidfuzz import fuzz, process
from rapidfuzz.distance import Indel

from ftapp.claims_text import sentences
from ftapp.errors import ModelError
from ftapp.metrics import Similar
from ftapp.quality_items import Finding, Item
from ftapp.quality_sources import value

NEAR = 0.82  # share of words in the same order, without names and numbers
SAME_MEANING, LEAST_WORDS_ALIKE = 0.97, 0.6  # cosine of two whole texts, and how many words they must share beside
SAME_QUESTION, QUESTION_COSINE = 86, 0.80  # rapidfuzz's token_sort_ratio (0 to 100); cosine
MOST_QUESTION_WORDS = 60  # a longer prompt is a brief and no question
MOST_FOR_MEANING = 3000  # texts that are compared by meaning each with each

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*[+#]*")
_NEGATED = re.compile(r"(?i)\b(?:not|no|never|none|nothing|neither|cannot|without)\b|n['’]t\b")
_YES = re.compile(r"(?i)^\W*(?:yes|yeah|absolutely|definitely|of course|always|certainly|sure)\b")
_NO = re.compile(r"(?i)^\W*(?:no|nope|never|not at all|absolutely not|definitely not)\b")
_NUMBER = re.compile(r"\d[\d,.]*\d|\d")


class Words:
    """Texts as strings of one sign a word, so that words are compared as fast as letters."""

    def __init__(self) -> None:
        self._signs: dict[str, str] = {}

    def __call__(self, words: Sequence[str]) -> str:
        return "".join(self._signs.setdefault(word, chr(0x10000 + len(self._signs) % 0x100000)) for word in words)


def look(items: Sequence[Item], bad: set[str], similar: Similar | None) -> Iterator[Finding]:
    """Findings about two examples. `bad`: ids that are set aside for something else."""
    found = list(_repeats(items, bad, similar))
    yield from found
    again = {f.item_id for f in found}
    yield from _questions([i for i in items if i.id not in again], similar)


# --- repeats -------------------------------------------------------------------------------------------------------------


def _repeats(items: Sequence[Item], bad: set[str], similar: Similar | None) -> Iterator[Finding]:
    place = {item.id: at for at, item in enumerate(items)}
    ordered = sorted(items, key=lambda item: (item.id in bad, place[item.id]))
    sign, exact = Words(), {}
    kept: dict[str, str] = {}
    meaning = _Meaning(items, similar)
    for item in ordered:
        plain = " ".join(w.casefold() for w in _WORD.findall(item.letter))
        key = f"{item.kind} {plain} {_question(item).casefold()}"
        if key in exact:
            yield _repeat(item, "duplicate", exact[key], "The same text, word by word")
            continue
        text = sign(_masked(item))
        best = process.extractOne(text, kept, scorer=Indel.normalized_similarity, score_cutoff=NEAR) if text else None
        other = best[2] if best else meaning.twin(item.id, kept, lambda id, text=text: Indel.normalized_similarity(text, kept[id]))
        if other and _asks_the_same(item, items[place[other]]) and not _against(item, items[place[other]]):
            how = (
                f"{100 * best[1]:.0f} % of the words are the same, in the same order"
                if best
                else "It says the same in nearly the same words"
            )
            yield replace(_repeat(item, "near_duplicate", other, how), by_meaning=not best)
            continue
        exact[key] = item.id
        if text:
            kept[item.id] = text


def _repeat(item: Item, code: str, other: str, how: str) -> Finding:
    reason = f"{how}, names and numbers aside. Repeats teach phrases by heart; one is kept." if code == "near_duplicate" else (
        f"{how}, stands here already. Repeats teach phrases by heart; one is kept.")  # fmt: skip
    return Finding(item.id, code, reason, item.letter.strip()[:120], True, twin=other)


def _masked(item: Item) -> list[str]:
    """The words of a letter without what differs from one application to the next."""
    own = " ".join(value(item, name) for name in ("title", "company", "applicant", "past", "current", "skills", "qualifications"))
    aside = {w.casefold() for w in _WORD.findall(own)} - _PLAIN
    words = _WORD.findall(item.letter)
    named = [w.casefold() in aside or any(c.isdigit() for c in w) or w[0].isupper() and w.casefold() not in _PLAIN for w in words]
    return [w.casefold() for w, hidden in zip(words, named, strict=True) if not hidden]


_PLAIN = frozenset(
    "i a an the and or of in on at to for with as my by from is am are have has this that it in dear hiring manager thank you sincerely "
    "additionally furthermore with during throughout while prior he she we our your years year experience".split()
)


def _asks_the_same(one: Item, other: Item) -> bool:
    """Short answers may be alike to different questions: "Yes, I have." """
    a, b = _question(one), _question(other)
    return not (a and b) or len(one.letter.split()) > 25 or same_question(a, b)


def _against(one: Item, other: Item) -> bool:
    """Two answers alike but for a "not" or a number are no repeat."""
    return one.kind == "answer" and bool(contradiction(one.letter, other.letter))


class _Meaning:
    """Which two texts mean the same, by the caller's embeddings; nothing where there are none."""

    def __init__(self, items: Sequence[Item], similar: Similar | None) -> None:
        self.at = {item.id: n for n, item in enumerate(items)}
        self.cosines: Sequence[Sequence[float]] | None = None
        if similar and 1 < len(items) <= MOST_FOR_MEANING:
            texts = [item.letter for item in items]
            self.cosines = _cosines(similar, texts)

    def twin(self, id: str, kept: Mapping[str, str], alike) -> str:
        if self.cosines is None or not kept:
            return ""
        row = self.cosines[self.at[id]]
        best = max(kept, key=lambda other: row[self.at[other]])
        return best if row[self.at[best]] >= SAME_MEANING and alike(best) >= LEAST_WORDS_ALIKE else ""


def _cosines(similar: Similar, texts: Sequence[str]) -> Sequence[Sequence[float]] | None:
    try:
        return similar(texts, texts)
    except ModelError:
        return None  # words decide alone


# --- questions -----------------------------------------------------------------------------------------------------------


def _question(item: Item) -> str:
    """What was asked: the turns of the person, in their order."""
    return "\n".join(text.strip() for role, text in item.turns if role == "user").strip()


def _questions(items: Sequence[Item], similar: Similar | None) -> Iterator[Finding]:
    asked = [(item, _question(item)) for item in items]
    asked = [(item, text) for item, text in asked if text and len(text.split()) <= MOST_QUESTION_WORDS]
    told: set[tuple[str, str]] = set()
    for at, before, cosine, worded in _alike(asked, similar):
        (item, text), (other, first) = asked[at], asked[before]
        place = contradiction(other.letter, item.letter)
        if place:
            reason = "Another example answers the same question differently. Keep the one that you mean."
            back = contradiction(item.letter, other.letter) or place
            for one, two, shown in ((other, item, back), (item, other, place)):
                if (one.id, "contradiction") not in told:
                    told.add((one.id, "contradiction"))
                    yield Finding(one.id, "contradiction", reason, shown, True, twin=two.id, by_meaning=not worded)
        elif text != first and (item.id, "reworded") not in told:
            told.add((item.id, "reworded"))
            how = f" (cosine {cosine:.2f})" if cosine >= QUESTION_COSINE else ""
            reason = f"The same question in other words{how}. Both may stay; when some are held out, they belong to the same side."
            yield Finding(item.id, "reworded", reason, f"{first[:80]} / {text[:80]}", False, twin=other.id, by_meaning=not worded)


def _alike(asked: Sequence[tuple[Item, str]], similar: Similar | None) -> Iterator[tuple[int, int, float, bool]]:
    """(later, earlier, cosine, whether their words suffice) of each two questions that ask for the same."""
    texts = list(dict.fromkeys(text for _, text in asked))
    cosines = _cosines(similar, texts) if similar and 1 < len(texts) <= MOST_FOR_MEANING else None
    rank = {text: n for n, text in enumerate(texts)}
    groups: dict[tuple[frozenset[str], bool], list[int]] = defaultdict(list)
    for at, (_, text) in enumerate(asked):
        groups[_asks_for(text)].append(at)
    for group in groups.values():
        bare = [" ".join(sorted(_bare(asked[at][1]).split())) for at in group]
        for n, at in enumerate(group):
            scores = process.cdist([bare[n]], bare[:n], scorer=fuzz.ratio)[0] if n else ()
            for before, score in zip(group, scores, strict=False):
                cosine = float(cosines[rank[asked[at][1]]][rank[asked[before][1]]]) if cosines is not None else 0.0
                if score >= SAME_QUESTION or cosine >= QUESTION_COSINE:
                    yield at, before, cosine, score >= SAME_QUESTION


def _asks_for(question: str) -> tuple[frozenset[str], bool]:
    """What two questions must have in common to be the same: their numbers, and whether they are negated."""
    return frozenset(_NUMBER.findall(question)), bool(_NEGATED.search(question))


def same_question(one: str, other: str) -> bool:
    """Whether two questions ask for the same, by their words."""
    return _asks_for(one) == _asks_for(other) and fuzz.token_sort_ratio(_bare(one), _bare(other)) >= SAME_QUESTION


def contradiction(one: str, other: str) -> str:
    """The place in `other` where it says the opposite of `one`, or another number; "" where it does not. By words alone: yes against
    no, and two sentences alike but for a negation or a number."""
    if _YES.match(one) and _NO.match(other) or _NO.match(one) and _YES.match(other):
        return other.strip()[:160]
    mine = [one[a:b] for a, b in sentences(one)]
    for a, b in sentences(other):
        text = other[a:b]
        for own in mine:
            if fuzz.token_sort_ratio(_without(own), _without(text)) < 80:
                continue
            numbers = set(_NUMBER.findall(own)), set(_NUMBER.findall(text))
            if bool(_NEGATED.search(own)) != bool(_NEGATED.search(text)) or all(numbers) and numbers[0] != numbers[1]:
                return text[:160]
    return ""


def _without(sentence: str) -> str:
    return _bare(_NEGATED.sub(" ", _NUMBER.sub(" ", sentence)))


def _bare(text: str) -> str:
    return " ".join(w.casefold() for w in _WORD.findall(text))
