"""A list that had become one line -> its entries again. Pure; knows how entries of requirements begin, in English.

Entries are recognised by bullets and numbers left inside a line, by a full stop glued to a capital, and, where nothing at all was left
between them, by the words that entries begin with ("experience with", "5+ years", "excellent"). A text is changed only when
at least three entries come out and none is longer than a sentence.
"""

from __future__ import annotations

import re

LEAST, LEAST_WORDS, MOST_WORDS = 3, 2, 45  # entries, and words of one

_BULLET = re.compile(r"[•·▪▫◦●○■□◆❖➢➤►▶✓✔✅∙]|(?<=\s)[*–—-]\s(?=\s?[A-Za-z\d(])|^[*–—-]\s(?=\s?[A-Za-z\d(])")
_NUMBERED = re.compile(r"(?:^|(?<=\s))\(?(\d{1,2})[.)]\s+(?=[A-Za-z])")
_GLUED = re.compile(r"(?<=[a-z)]{2}[.;])(?=[A-Z][a-z]+ )")
_PROSE = re.compile(r"\b(?:I|my|me|we|We|our|Our|you|You|your|will be|they|she|he)\b|[.!?]\s+[A-Z]")

_PRAISE = (
    r"(?:excellent|strong|solid|proven|good|great|outstanding|exceptional|demonstrated|demonstrable|deep|extensive|advanced|expert|"
    r"effective|thorough|superior|in-?depth|hands-?on|prior|previous|relevant|significant|sound|exemplary|basic|intermediate)"
)
_NOUN = (
    r"(?:experience|knowledge|proficiency|familiarity|ability|understanding|expertise|fluency|fluent|proficient|familiar|comfortable|"
    r"skilled|capable|able|passion|passionate|willingness|commitment|competency|competence|exposure|background|degree|"
    r"certification|certified|track record|attention)"
)
_DEGREE = (
    r"(?:(?:under)?graduate degree|bachelor(?:['’]?s)?|master(?:['’]?s)?|ph\.?d|m\.?sc|b\.?sc|mba|diploma|post-?secondary|"
    r"university degree)"
)
_YEARS = r"(?:(?:at least |minimum (?:of )?|over |more than )?(?:\d{1,2}\s?(?:[-–]|to)\s?)?\d{1,2}\s?\+?\s?(?:or more )?(?:years?|yrs?)\b)"
_FOLLOWED = r"(?:with|within|in|of|using|as|on|at|to|and|working|\w+ing)"
_HELD = r"(?:experience|knowledge|expertise|background|exposure|understanding)"
_KIND = (
    r"(?:industry|work|working|programming|coding|professional|leadership|teaching|research|management|practical|academic|technical|"
    r"demonstrable|commercial|related)"
)
# What an entry begins with; "experience" alone ends entries as often as it begins them, so what follows it decides.
_START = re.compile(
    rf"(?i)(?<![\w-])(?:{_PRAISE}(?:,|\s)|(?:very|highly)\s\w+|"
    rf"(?:a )?minimum\s(?:of\s)?(?=\w+\s)|{_YEARS}|(?:{_KIND}\s)?{_HELD}\s{_FOLLOWED}\b|"
    rf"(?!{_HELD}\b){_NOUN}\s(?:with|in|of|to|for|about)\b|{_DEGREE}(?:\s|$))"
)
_HELD_START = re.compile(rf"(?i){_HELD}\b")
# Words that an entry cannot end with, so that what follows them begins none.
_OPEN = frozenset(
    "a an the and or of in on at to for with without by from as your our their its this that these those is are be being have has having "
    "including such like eg ie etc. plus minimum least over than about both either very highly more most proven strong solid deep work "
    "excellent good great relevant previous prior extensive demonstrated advanced significant hands-on handson working professional any "
    "practical industry some other related equivalent technical years' years using possess possesses requires must intermediate "
    "basic outstanding exceptional superior effective thorough sound expert bachelor's master's bachelors masters bachelor master "
    "associate's undergraduate graduate university college postgraduate applied validated & and/or or/and /".split()
)
_MODIFIED = frozenset("years year months yrs year's years'".split())  # "5+ years experience" is one entry


def restore(text: str) -> str:
    """The text with each collapsed line as lines that begin with "- "; other lines, and a text without any, come back as they are."""
    lines = text.split("\n")
    made = [_restored(line) for line in lines]
    return "\n".join(made) if made != lines else text


def _restored(line: str) -> str:
    for cut in (_by_bullets, _by_numbers, _by_words):
        head, entries = cut(line)
        if len(entries) >= LEAST and all(LEAST_WORDS <= len(e.split()) <= MOST_WORDS or len(e.split()) == 1 and cut is not _by_words
                                         for e in entries):  # fmt: skip
            return "\n".join([*([head] if head else []), *(f"- {entry}" for entry in entries)])
    return line


def _by_bullets(line: str) -> tuple[str, list[str]]:
    """At bullets inside the line. What stands before the first one introduces the list."""
    marks = {m.group().strip() for m in _BULLET.finditer(line)}
    head, *entries = _BULLET.split(line)
    aside = marks <= set("*–—-") and head.strip() and not head.rstrip().endswith(":")  # dashes may also set off a thought
    if len(marks) != 1 or aside:
        return "", []
    if len(entries) >= 2 and head.strip() and not head.rstrip().endswith(":"):
        head, entries = "", [head, *entries]
    return head.strip(), [e.strip() for e in entries if e.strip()]


def _by_numbers(line: str) -> tuple[str, list[str]]:
    """At 1. 2. 3. when they count up from one."""
    found = list(_NUMBERED.finditer(line))
    if [int(m[1]) for m in found] != list(range(1, len(found) + 1)):
        return "", []
    if not found:
        return "", []
    ends = [m.start() for m in found[1:]] + [len(line)]
    return line[: found[0].start()].strip(), [line[m.end() : end].strip() for m, end in zip(found, ends, strict=True)]


def _by_words(line: str) -> tuple[str, list[str]]:
    """Where an entry ends and the next begins with nothing between them. Prose is left alone."""
    glued = _GLUED.split(line)
    if len(glued) >= LEAST and not _PROSE.search(line):
        return "", [g.strip() for g in glued]
    if _PROSE.search(line) or len(line.split()) < 3 * LEAST:
        return "", []
    edges = [0]
    for m in _START.finditer(line):
        if m.start() and _ends(line[edges[-1] : m.start()], m.group()):
            edges.append(m.start())
    entries = [line[a:b].strip(" ,;") for a, b in zip(edges, [*edges[1:], len(line)], strict=True)]
    return "", entries if _START.match(entries[0]) or len(entries) > LEAST else []


def _ends(before: str, start: str) -> bool:
    """Whether the entry `before` can end where one begins with `start`: it is no single word, and no open word, comma or bracket
    stands last. "demonstrated leadership" goes on with "experience in"."""
    words = before.split()
    last = words[-1].casefold().strip("(") if words else ""
    if len(words) < (LEAST_WORDS + 1 if _HELD_START.match(start) else LEAST_WORDS) or last in _OPEN:
        return False
    if before.count("(") > before.count(")") or before.rstrip()[-1] in ",/&-–—:(":
        return False
    return not (last in _MODIFIED and re.match(r"(?i)experience|of", start))
