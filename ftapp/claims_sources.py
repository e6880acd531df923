"""What a person's sources and a posting hold, ready to be asked. Knows no letter.

A source is a list of lines. `Evidence` answers: is this phrase there, these words, this number, this span of time?
Comparison is by words brought to one form (`claims_facts`), so accents, plurals and "Ltd" make no difference.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ftapp import claims_facts as facts
from ftapp.profiles import Experience, JobPosting, ResumeProfile


@dataclass(frozen=True)
class Position:
    """A position held: its line, how long it lasted where that is known, and the words of each deed told of it."""

    title: list[str]
    employer: list[str]
    line: str
    span: facts.Span | None
    deeds: tuple[list[str], ...] = ()


# Initials are taken of words that belong together: "AI" is no "Analyst at Ibex", nor "analysis, infrastructure".
_RUN_END = re.compile(r"[^\w\s&'’+#-]+|\b(?i:at|by|for|from|in|into|on|to|with|as|is|are|was|using)\b")


class Evidence:
    """The lines of one side (the person, or the posting) and what can be asked about them."""

    def __init__(self, lines: Sequence[str], positions: Sequence[Position] = ()):
        self.lines = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
        self.positions = list(positions)
        self.keys = [facts.keys(line) for line in self.lines]
        self.content = [frozenset(k for key in facts.content(line) for k in _also(key)) for line in self.lines]
        self.vocabulary = frozenset().union(*self.content)
        self._padded = [f" {' '.join(k for k in ks if k not in facts.LEGAL_FORMS)} " for ks in self.keys]
        runs = [facts.keys(run) for line in self.lines for run in _RUN_END.split(line)]
        self._initials = " ".join("".join(k[0] for k in run if k not in facts.SMALL_WORDS) for run in runs)
        self._numbers = [facts.numbers(line) for line in self.lines]
        self._dates = [d for line in self.lines for d in facts.dates(line)]
        self._alike: dict[str, bool] = {}
        stated = [d for line in self.lines for d in facts.durations(line)]
        held = [p.span for p in self.positions if p.span]
        self._spans = facts.sums(held) + [facts.Span(d.years, d.years + 0.5) for d in stated]
        seen = Counter(k for line in self.content for k in line)
        self._weight = {k: math.log(1 + len(self.lines) / n) for k, n in seen.items()}

    def phrase(self, text: str) -> str:
        """The line that holds the phrase word by word, or ""."""
        wanted = " ".join(k for k in facts.keys(text) if k not in facts.LEGAL_FORMS)
        return next((line for line, p in zip(self.lines, self._padded, strict=True) if wanted and f" {wanted} " in p), "")

    def together(self, wanted: Sequence[str]) -> str:
        """The line that holds all of these keys, in any order, or ""."""
        return next((line for line, own in zip(self.lines, self.content, strict=True) if wanted and own.issuperset(wanted)), "")

    def in_one_line(self, wanted: Sequence[str]) -> str:
        """The line that has each of these words or another form of it, or ""."""
        for line, own in zip(self.lines, self.content, strict=True):
            if wanted and all(k in own or any(facts.alike(k, o) for o in own) for k in wanted):
                return line
        return ""

    def knows(self, key: str) -> bool:
        """Whether any line has the word or another form of it, as initials ("NLP") or written out."""
        if key not in self._alike:
            self._alike[key] = key in self.vocabulary or any(facts.alike(key, own) for own in self.vocabulary)
        return self._alike[key] or self.initials(key)

    def initials(self, key: str) -> bool:
        """Whether some words in a row begin with the letters of the key: "nlp" for "natural language processing"."""
        return 2 <= len(key) <= 5 and key.isalpha() and key in self._initials

    def written_out(self, wanted: Sequence[str]) -> bool:
        """Whether a line has the initials of these words: "natural language processing" for "NLP"."""
        return len(wanted) >= 2 and "".join(k[0] for k in wanted) in self.vocabulary

    def number(self, number: facts.Number, around: Sequence[str]) -> str:
        """The line with this amount. Small whole numbers stand in many lines, so there another word must agree."""
        for line, own, content in zip(self.lines, self._numbers, self.content, strict=True):
            if any(math.isclose(n.value, number.value, rel_tol=1e-6) and n.percent == number.percent for n in own):
                if number.value > 12 or any(facts.alike(a, b) for a in around for b in content if not b.isdigit()):
                    return line
        return ""

    def date(self, date: facts.Date) -> bool:
        return any(d.year == date.year and (not date.month or date.month == d.month) for d in self._dates)

    def lasted(self, duration: facts.Duration) -> bool:
        """Whether positions, alone or added up, or a stated span cover this one."""
        if duration.least:
            return any(duration.years <= s.high + 1e-6 for s in self._spans)
        return any(s.low - 1e-6 <= duration.years <= s.high + 1e-6 for s in self._spans)

    def nearest(self, text: str) -> tuple[str, float]:
        """The line that shares most of the text's rarer words, and that share (0 to 1, inverse document frequency)."""
        wanted = set(facts.content(text))
        if not wanted or not self.lines:
            return "", 0.0
        rare = math.log(1 + len(self.lines))
        total = sum(self._weight.get(k, rare) for k in wanted)
        score, at = max((sum(self._weight[k] for k in wanted & own), -i) for i, own in enumerate(self.content))
        return (self.lines[-at], score / total) if score else ("", 0.0)


def _also(key: str) -> tuple[str, ...]:
    """A key and what people call the same for short: "node" for "nodejs"."""
    return (key, key[:-2]) if key.endswith("js") and len(key) > 4 else (key,)


def _position(e: Experience) -> Position:
    line = ", ".join(filter(None, [" at ".join(filter(None, [e.title, e.employer])), " to ".join(filter(None, [e.start, e.end]))]))
    lasted = facts.span(e.start, e.end)
    if lasted is None:  # "Engineer at Northwind for 3 years" says it in words
        stated = [d for a in [e.employer, e.title, *e.achievements[:1]] for d in facts.durations(a)]
        lasted = facts.Span(stated[0].years, stated[0].years + 0.5) if stated else None
    employer, title = facts.content(e.employer), facts.content(e.title)
    deeds = tuple([k for k in facts.content(a) if k not in employer] for a in e.achievements)
    return Position(title, employer, line, lasted, deeds)


def of_person(profile: ResumeProfile, passages: Sequence[str]) -> Evidence:
    """Everything that says something about the applicant: the résumé's fields and passages of the portfolio."""
    positions = [_position(e) for e in profile.experience]
    lines = [profile.name, profile.headline, *(p.line for p in positions)]
    lines += [a for e in profile.experience for a in e.achievements]
    lines += [*profile.education, *profile.certificates, *profile.skills]
    lines += [part for passage in passages for part in re.split(r"\n+|(?<=[.!?])\s+(?=[A-Z])", passage)]
    return Evidence(lines, positions)


def of_posting(job: JobPosting) -> Evidence:
    return Evidence([job.title, job.company, job.location, *job.requirements, *job.duties, job.question])
