"""Words, numbers, spans of time, dates and degrees, brought to one form so that two spellings of a fact compare equal.

"5k" is 5,000, "twenty" is 20, "Sept. 2019" is September 2019, "M.Sc." is a master's. Knows no résumé, no posting and no
letter: only how such things are written in English.
"""

from __future__ import annotations

import datetime
import functools
import re
import unicodedata
from dataclasses import dataclass
from itertools import combinations

_WORD = re.compile(r"[^\W_]+(?:[.'’&+#]+[^\W_]+)*[+#]*")
_ABBREVIATED = "January February March April May June July August September October November December".split()
MONTHS = {name[:3].casefold(): number for number, name in enumerate(_ABBREVIATED, 1)}
_SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_NUMBER_WORDS = {word: n for n, word in enumerate(_SMALL.split())} | {
    word: 10 * n for n, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}
_SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "million": 1e6, "bn": 1e9, "billion": 1e9, "hundred": 1e2, "dozen": 12}
_NUMBER_WORD = "(?:" + "|".join(sorted(_NUMBER_WORDS, key=len, reverse=True)) + ")"
_QUANTITY = rf"(?:\d[\d,]*(?:\.\d+)?|(?:{_NUMBER_WORD}(?:[\s-]{_NUMBER_WORD})?|\ba(?=\s+(?:hundred|thousand|million|billion|dozen)\b)))"
NUMBER = re.compile(
    rf"(?ix)(?<![\w.,/-])(?P<money>[£$€]\s?)?(?P<value>{_QUANTITY})(?:\s?(?P<scale>k|mn?|bn|hundred|thousand|million|billion|dozen)\b)?"
    r"(?P<plus>\+)?(?:\s?(?P<percent>%|per\s?cent\b))?(?![\w/#]|[.,]\d)"
)
DURATION = re.compile(
    rf"(?ix)(?P<bound>\b(?:over|more\sthan|at\sleast|almost|nearly|about|around|some)\s+)?(?:the\s+)?(?:(?:past|last)\s+)?"
    rf"(?<![\w.,/])(?P<value>{_QUANTITY}|(?:a|one|two|three)(?=[\s-]decades?))(?P<plus>\s?\+|\sor\smore|\splus)?"
    r"[\s-]*(?:full\s|solid\s|good\s)?(?P<unit>years?|yrs?|months?|mos|decades?)\b(?:['’](?!s))?"
)
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
DATE = re.compile(
    rf"(?i)(?:\b(?P<month>{_MONTH})\.?,?\s+(?:of\s+)?|\b(?P<digits>\d{{1,2}})[/.])?(?<![\w.,-])(?P<year>(?:19|20)\d\d)(?![\w,]*\d|\s?%)"
)

# Levels of degrees by the spellings that stand for them; capitals count where a word would otherwise be an ordinary one.
_LEVELS = {
    "doctorate": r"(?i:ph\.?\s?d\b\.?|doctor(?:ate|al\sdegree)\b|d\.?phil\b)|\bEdD\b|\bDBA\b",
    "master": r"(?i:master(?:['’]?s\b|(?=\sof|\sin|\sdegree))(?:\sdegree)?|m\.?\s?sc\b\.?|m\.?b\.?a\b\.?|m\.?tech\b|m\.?eng\b"
        r"|m\.?phil\b|m\.?ed\b)|\bM\.?[AS]\b\.?(?!\w|\s(?:Access|Azure|Dynamics|Excel|Office|Outlook|PowerPoint|Project|SQL|Teams|Visio|Windows|Word)\b)"
        r"|\bLLM\b|\bMCA\b",
    "bachelor": r"(?i:bachelor(?:['’]?s)?\b(?:\sdegree)?|b\.?\s?sc\b\.?|b\.?tech\b|b\.?eng\b|b\.?com\b|b\.?ed\b|b\.?b\.?a\b\.?)"
        r"|\bB\.?[AES]\b\.?(?!\w)|\bLLB\b|\bBCA\b",
    "associate": r"(?i:associate['’]?s?\sdegree)",
    "diploma": r"(?i:(?:level\s\d+\s)?(?:post-?graduate\s|national\s)?diploma)",
    "school": r"(?i:a[\s-]levels?|gcses?|btec|hnd|hnc|nvq|pgce|foundation\sdegree)(?i:\slevel\s\d+)?|\bGED\b|\bMD\b|\bJD\b",
    "degree": r"(?i:(?:honou?rs\s)?degree)",
}  # fmt: skip
_FROM_SCHOOL = r"from\san?\s[\w-]+(?:\s[\w-]+)?\s(?:university|school|college|institute)\b"
_SUBJECT = (
    r"(?:\s(?:degree|Hons?\b\.?|\(Hons?\)))?(?:\s(?:(?:in|of)\s(?:an?\s)?|(?=[A-Z]))(?P<subject>(?-i:(?:(?:(?:the|of|and"
    r"|&)\s)?[A-Z][\w&+-]*)(?:,?\s(?:(?:and|of|&|in|with)\s)?(?!I\b)[A-Z][\w&+-]*){0,5}"
    r"|[a-z][\w-]+(?:\s(?!from|at|with|and|which|that|has|have|is|was|by|to|for)[a-z][\w-]+){0,2})))?"
)
DEGREE = re.compile("(?:" + "|".join(rf"(?<![\w.])(?P<{name}>{spellings})" for name, spellings in _LEVELS.items()) + ")" + _SUBJECT)
VAGUE_SCHOOL = re.compile(_FROM_SCHOOL)
LEGAL_FORMS = frozenset("ltd limited inc incorporated llc llp plc corp gmbh ag co pvt pty the".split())
SMALL_WORDS = frozenset("""a an and are as at be been by for from had has have i in into is it its me my of on or our over such that
    the their these
    this those through to under up using was we were which while who with within without you your also both more most other than am i
    can may""".split())  # fmt: skip


@dataclass(frozen=True)
class Word:
    """One word of a text: where it stands, and the form it is compared by."""

    start: int
    end: int
    key: str


def words(text: str) -> list[Word]:
    return [Word(m.start(), m.end(), key(m.group(0))) for m in _WORD.finditer(text)]


@functools.lru_cache(maxsize=20_000)  # words only, never a text
def key(word: str) -> str:
    """Lower case, no accents, no possessive, no inner dots, singular; digits for number words and amounts."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c)).casefold()
    plain = re.sub(r"['’]s?$", "", plain.replace("’", "'")).replace("'", "")
    plain = re.sub(r"\.(?!\d)", "", plain)
    if plain in _NUMBER_WORDS:
        return str(_NUMBER_WORDS[plain])
    if plain.endswith(("sses", "xes", "ches", "shes")):
        return plain[:-2]
    if len(plain) > 3 and plain.endswith("s") and not plain.endswith(("ss", "us", "is", "js")):
        return plain[:-3] + "y" if plain.endswith("ies") and len(plain) > 4 else plain[:-1]
    return plain


def keys(text: str) -> list[str]:
    return [w.key for w in words(text)]


def content(text: str) -> list[str]:
    """The keys that say something: small words and legal forms dropped, but not "IT"."""
    said = [w.key for w in words(text) if w.key not in SMALL_WORDS or w.end - w.start > 1 and text[w.start : w.end].isupper()]
    return [k for k in said if k not in LEGAL_FORMS]


def alike(one: str, other: str) -> bool:
    """Whether two keys are forms of one word ("analyst", "analysis"): a common beginning that is most of the shorter one."""
    if one == other:
        return True
    shorter = min(len(one), len(other))
    if shorter < 4 or one[:4] != other[:4]:
        return False
    common = next((i for i in range(shorter) if one[i] != other[i]), shorter)
    return common >= max(5, 0.7 * shorter) and max(len(one), len(other)) - common <= 6


@dataclass(frozen=True)
class Number:
    """An amount in a text, its scale applied. `percent` tells 20 % from 20."""

    start: int
    end: int
    value: float
    percent: bool
    spelled: bool


def value_of(written: str) -> float:
    """The value of digits or of number words ("1,200", "twenty-five", "a")."""
    if written[0].isdigit():
        return float(written.replace(",", "") or 0)
    return sum(_NUMBER_WORDS.get(part, 1) for part in re.split(r"[\s-]+", written.casefold()))


def numbers(text: str) -> list[Number]:
    found = []
    for m in NUMBER.finditer(text):
        scale = _SCALES.get((m.group("scale") or "").casefold(), 1)
        spelled = not m.group("value")[0].isdigit()
        found.append(Number(m.start(), m.end(), value_of(m.group("value")) * scale, bool(m.group("percent")), spelled and scale == 1))
    return found


@dataclass(frozen=True)
class Duration:
    """A span of time in a text, in years. `least`: "over five years", "5+ years"."""

    start: int
    end: int
    years: float
    least: bool


def durations(text: str) -> list[Duration]:
    found = []
    for m in DURATION.finditer(text):
        unit = m.group("unit").casefold()
        years = value_of(m.group("value")) * (10 if unit.startswith("dec") else 1) / (12 if unit.startswith("mo") else 1)
        bound = (m.group("bound") or "").strip().casefold()
        start = m.start() if bound else m.start("value")
        found.append(Duration(start, m.end(), years, bool(m.group("plus")) or bound in ("over", "more than", "at least")))
    return found


@dataclass(frozen=True)
class Date:
    """A year, or a month of a year (month 0: not said)."""

    start: int
    end: int
    year: int
    month: int


def dates(text: str) -> list[Date]:
    found = []
    for m in DATE.finditer(text):
        month = MONTHS[m.group("month")[:3].casefold()] if m.group("month") else int(m.group("digits") or 0)
        found.append(Date(m.start(), m.end(), int(m.group("year")), month if month <= 12 else 0))
    return found


@dataclass(frozen=True)
class Span:
    """How long something may have lasted, in years: a year alone leaves room on both sides."""

    low: float
    high: float


def span(start: str, end: str, today: datetime.date | None = None) -> Span | None:
    """The length of a position from its dates as written ("Mar 2019", "present"), or None when they do not give one."""
    today = today or datetime.date.today()
    first, last = dates(start), dates(end)
    if not first or not (last or end):
        return None
    begin = first[0]
    stop = last[0] if last else Date(0, 0, today.year, today.month)
    if begin.month and stop.month:
        years = stop.year - begin.year + (stop.month - begin.month + 1) / 12
        return Span(max(0.0, years - 1), years + 0.5)
    return Span(max(0, stop.year - begin.year - 1), stop.year - begin.year + 1)


def sums(spans: list[Span]) -> list[Span]:
    """Every sum of some of the spans: three years here and four there are seven. At most ten spans are combined."""
    return [
        Span(sum(s.low for s in some), sum(s.high for s in some))
        for count in range(1, min(len(spans), 10) + 1)
        for some in combinations(spans[:10], count)
    ]


def degree_level(m: re.Match[str]) -> str:
    """Which of the levels a match of `DEGREE` names."""
    return next(name for name in _LEVELS if m.group(name))
