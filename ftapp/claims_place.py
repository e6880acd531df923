"""Whether what a sentence tells of an employer happened there. A true deed at the wrong employer is a false claim, and so is one at
the employer that is applied to.

Knows positions and one sentence. Says nothing where the sentence names no employer of the résumé, or several, or tells of two
times ("before I joined Northwind"), and nothing where the same deed or title is told of both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ftapp import claims_facts as facts
from ftapp import grammar
from ftapp.claims_sources import Position

FEWEST_WORDS = 3  # of a deed: two words in common may be chance
WHOLE = 0.7  # share of a deed's words from which it counts as told (it is often shortened)
CLEAR = 0.3  # how much less of the deeds at the named employer the sentence must hold
_TWO_TIMES = re.compile(r"(?i)\b(?:before|after|prior|until|earlier|previously|elsewhere|later|then|left|leaving)\b")
_AS = re.compile(r"(?i)\b(?:as|(?:role|position|post|job|work)\s(?:of|as|was)|title\swas|was|am|became)\s(?:an?\s|the\s)?$")


# What an applicant does with an employer they know from outside.
_FROM_OUTSIDE = re.compile(
    r"(?i)(?:\w+ly\s)?(?:read|saw|found|noticed|learn(?:ed|t)|heard|hoped|wanted|liked|applied|admired|enjoyed|came|was|understood|thought|felt"
    r"|decided|chose|discovered|followed|spotted|met|spoke|looked|had)\b"
)
_OPENING = re.compile(
    r"(?i)\b(?:role|position|post(?:ing)?|opening|job|vacancy|advert\w*|team|mission|about|like|before|until|opportunity)\b"
)


@dataclass(frozen=True)
class Misplaced:
    """The employer named (offsets in the sentence), and the position that the deed or title belongs to."""

    start: int
    end: int
    belongs: Position


def misplaced(sentence: str, positions: Sequence[Position]) -> Misplaced | None:
    """What the sentence tells of one employer and the résumé of another, or None."""
    said = facts.words(sentence)
    named = {tuple(p.employer): run for p in positions if p.employer and (run := _run(said, p.employer))}
    if len(named) != 1 or _TWO_TIMES.search(sentence):
        return None
    (employer, (first, last)), = named.items()
    here = [p for p in positions if set(p.employer) & set(employer)]  # also "Northwind" where "Northwind Labs" is named
    elsewhere = [p for p in positions if p.employer and p not in here]
    rest = [w.key for i, w in enumerate(said) if not first <= i < last]
    found = _deed(rest, here, elsewhere) or _title(sentence, said, here, elsewhere)
    return Misplaced(said[first].start, said[last - 1].end, found) if found else None


def worked_there(sentence: str, company: str) -> tuple[int, int] | None:
    """Where the sentence names the employer applied to as a place where the applicant did something ("At Northwind, I led ..."), or None.
    For sentences whose sources name no such employer."""
    said, wanted = facts.words(sentence), facts.content(company)
    run = _run(said, wanted) if wanted else None
    if run is None:
        return None
    start, end = said[run[0]].start, said[run[1] - 1].end
    if not re.search(r"(?i)\b(?:at|for|with|from)\s(?:the\s)?$", sentence[:start]):
        return None
    after = re.match(r"[,:]?\s(?:where\s)?I\s(.+)", sentence[end:])
    before = re.search(r"\bI\s((?:(?!\bI\b).)+)$", sentence[:start])
    if _OPENING.search(before.group(1) if before else sentence[:start]):
        return None  # "I read about the role at Northwind", "For the position at Northwind I set out ..."
    for deed in (found.group(1) for found in (after, before) if found):
        if grammar.is_past(deed) and not _FROM_OUTSIDE.match(deed):
            return start, end
    return None


def _deed(rest: list[str], here: Sequence[Position], elsewhere: Sequence[Position]) -> Position | None:
    """The position whose deed the sentence tells, when it is not one of those here."""
    share, best = max(((_told(rest, p.deeds), -i) for i, p in enumerate(elsewhere)), default=(0.0, 0))
    own = max((_told(rest, p.deeds) for p in here), default=0.0)
    return elsewhere[-best] if share >= WHOLE and share - own >= CLEAR else None


def _told(rest: list[str], deeds: Iterable[Sequence[str]]) -> float:
    """The largest share of a deed's telling words that stand in the sentence."""
    shares = [sum(any(facts.alike(k, r) for r in rest) for k in deed) / len(deed) for deed in deeds if len(deed) >= FEWEST_WORDS]
    return max(shares, default=0.0)


def _title(sentence: str, said: list[facts.Word], here: Sequence[Position], elsewhere: Sequence[Position]) -> Position | None:
    """The position whose title the sentence gives to this employer, when all of the titles here are known and others."""
    if not all(p.title for p in here):
        return None
    for p in elsewhere:
        run = _run(said, p.title) if p.title and not any(set(p.title) & set(own.title) for own in here) else None
        if run and _AS.search(sentence[: said[run[0]].start]):
            return p
    return None


def _run(said: Sequence[facts.Word], wanted: Sequence[str]) -> tuple[int, int] | None:
    """Where the words stand one after another, small words and legal forms between them passed over."""
    telling = [i for i, w in enumerate(said) if w.key not in facts.SMALL_WORDS and w.key not in facts.LEGAL_FORMS]
    keys = [said[i].key for i in telling]
    for at in range(len(keys) - len(wanted) + 1):
        if keys[at : at + len(wanted)] == list(wanted):
            return telling[at], telling[at + len(wanted) - 1] + 1
    return None
