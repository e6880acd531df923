"""What can be liked or disliked in a letter, as numbers. Knows no model and no database.

`PLANTED` are the defects that the generator writes on purpose; `OWN` are tastes it knows nothing of. The starter adapter
is taught by the planted ones alone; the simulated people of `benchmarks/learning.py` mix both.
Every measure maps (prompt, letter) to a small number; higher is more of it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping

from ftapp import prompts
from ftapp.bundled import generator


@functools.cache
def _said_badly(section: str) -> tuple[re.Pattern[str], ...]:
    """The patterns of one defect as expressions; their slots match anything short."""
    return tuple(re.compile(re.sub(r"\\\{\w+\\\}", ".{1,80}?", re.escape(p))) for p in generator.patterns()["defects"][section])


def _count(letter: str, *sections: str) -> float:
    return float(sum(bool(p.search(letter)) for section in sections for p in _said_badly(section)))


def _words(text: str) -> list[str]:
    return re.findall(r"[\w+#]+", text.lower())


def _runs(words: list[str], n: int) -> set[tuple[str, ...]]:
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}


def _taken(letter: str, lines: list[str]) -> float:
    """How many of `lines` give the letter a run of three words (or all of a shorter line)."""
    own = _words(letter)
    found = 0
    for line in lines:
        words = _words(line)
        n = min(3, len(words))
        found += n > 0 and bool(_runs(own, n) & _runs(words, n))
    return float(found)


def preamble(prompt: prompts.Prompt, letter: str) -> float:
    return min(1.0, _count(letter, "preamble", "postscript"))


def empty_words(prompt: prompts.Prompt, letter: str) -> float:
    """Praise, clichés, padding, stock openings."""
    return min(4.0, _count(letter, "praise", "cliche", "padding", "generic_opening"))


def requirements(prompt: prompts.Prompt, letter: str) -> float:
    """Requirements taken up, the first two of them counted."""
    return min(2.0, _taken(letter, prompt.slots.job.requirements))


def one_block(prompt: prompts.Prompt, letter: str) -> float:
    """1 when the letter has no paragraphs."""
    return float(letter.count("\n\n") < 1)


def invented(prompt: prompts.Prompt, letter: str) -> float:
    return min(1.0, _count(letter, "invented"))


def sound(prompt: prompts.Prompt, letter: str) -> float:
    """Title, company and name are there, letter by letter (0 to 3)."""
    slots = prompt.slots
    return float(sum(value in letter for value in (slots.job.title, slots.job.company, slots.profile.name) if value))


def skills_named(prompt: prompts.Prompt, letter: str) -> float:
    """Skills by name, up to four: a person may want more than the letter usually gives, or none."""
    return float(min(4, sum(s.lower() in letter.lower() for s in prompt.slots.profile.skills)))


def education(prompt: prompts.Prompt, letter: str) -> float:
    slots = prompt.slots.profile
    return min(1.0, _taken(letter, [*slots.education, *slots.certificates]))


def employers_named(prompt: prompts.Prompt, letter: str) -> float:
    return float(min(3, len({e.employer for e in prompt.slots.profile.experience if e.employer and e.employer in letter})))


def questions(prompt: prompts.Prompt, letter: str) -> float:
    return float(min(2, letter.count("?")))


def says_i_first(prompt: prompts.Prompt, letter: str) -> float:
    """Share of sentences that begin with I, My or Me."""
    begins = re.findall(r"(?:^|[.!?]\s+|\n)([A-Z]\w*)", letter)
    return sum(b in ("I", "My", "Me") for b in begins) / max(1, len(begins))


def long_sentences(prompt: prompts.Prompt, letter: str) -> float:
    """Mean sentence length over twenty words."""
    parts = [p for p in re.split(r"[.!?]\s+|\n+", letter) if p.strip()]
    return sum(len(p.split()) for p in parts) / max(1, len(parts)) / 20


def thanks(prompt: prompts.Prompt, letter: str) -> float:
    return float(bool(re.search(r"\b[Tt]hank", letter)))


def numbers(prompt: prompts.Prompt, letter: str) -> float:
    return float(min(3, len(re.findall(r"\d[\d,.]*", letter))))


def semicolons(prompt: prompts.Prompt, letter: str) -> float:
    return float(min(2, len(re.findall(r"[;:]", letter))))


PLANTED = {"preamble": -2.0, "empty_words": -1.0, "requirements": 0.7, "one_block": -1.5, "invented": -2.0}
OWN = {"skills_named": 0.4, "education": 0.9, "employers_named": 0.5, "questions": 0.6, "says_i_first": 2.0, "long_sentences": 2.0,
       "thanks": 0.9, "numbers": 0.4, "semicolons": 0.6}  # fmt: skip


def utility(taste: Mapping[str, float], prompt: prompts.Prompt, letter: str, ended: bool) -> float:
    """What a letter is worth to somebody: a weighted sum of measures. Everyone wants names right and an end."""
    worth = sum(weight * globals()[measure](prompt, letter) for measure, weight in taste.items())
    return worth + 0.8 * sound(prompt, letter) - (0.0 if ended else 3.0)
