"""Synthetic postings, résumés and letters that the bundled model learns from. Knows nothing of training.

`example(seed, index)` is a pure function: the same numbers give the same example, so a build can stop and
resume anywhere. Inputs are as messy as real ones (missing fields, long lists, odd capitals); every prompt
goes through the app's own `prompts.build`, and a letter uses only what that prompt shows. A part of the
letters is written badly on purpose (`DEFECTS`), so that people's choices have something to teach.
"""

from __future__ import annotations

import functools
import hashlib
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ftapp import prompts
from ftapp.bundled import names
from ftapp.profiles import Experience, JobPosting, ResumeProfile

HERE = Path(__file__).resolve().parent
# Share of letters that show each defect. Together about 0.28: below one half at every decision a model makes,
# so that greedy writing stays clean while sampling shows people something to choose between.
DEFECTS = {"preamble": 0.05, "praise": 0.07, "padding": 0.07, "generic_opening": 0.05, "missed_requirements": 0.04,
           "weak_structure": 0.03, "invented": 0.015}  # fmt: skip
LANGUAGES = ["English"] * 18 + ["British English", "American English"]
MONTHS = (
    "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec January February March April June July August September October November December"
).split()
LEVELS = "Senior|Junior|Lead|Assistant|Deputy|Regional|Graduate|Interim|Trainee|Principal|Band 6".split("|")
ROLES = "Officer|Manager|Assistant|Coordinator|Specialist|Lead|Technician|Engineer|Adviser|Consultant".split("|")
TEAMS = "sales|finance|support|clinical|site|data|night|field|front desk|research".split("|")
TONGUES = "German|French|Spanish|Polish|Welsh|Urdu|Portuguese|Arabic".split("|")
PHRASES = ("{} {} and {}", "{} of {}", "{} {}", "{} {} for {} {}", "{} with {} {}")
REQUIREMENT_LEADS = ("Experience of ", "Experience with ", "Knowledge of ", "Good understanding of ", "Proven skills in ",
                     "A background in ",
                     "Skills in ", "Interest in ", "")  # fmt: skip
JOINTS = (" and ", ", including ", " with ", " to support ", ", such as ", " (", " that ")  # how real requirement lines run on
HOOKS = (
    "I have used {} as a customer since {}.", "My neighbour works with {} and speaks well of it.", "I heard your talk on {} in {}.",
    "My first summer job was {} near {}.", "A friend told me how your team handles {}.", "I grew up above a shop that sold {}.",
    "Last week I read your report on {}.", "I met two of your people at a fair in {}.", "{} has kept me curious since {}.",
)  # fmt: skip


@dataclass
class Example:
    """One prompt with its letter and what was used to make it."""

    prompt: prompts.Prompt
    letter: str
    profile: ResumeProfile
    job: JobPosting
    defects: list[str] = field(default_factory=list)


@functools.cache
def lexicon() -> dict[str, dict[str, list[str]]]:
    return {p.stem: yaml.safe_load(p.read_text(encoding="utf-8")) for p in sorted((HERE / "lexicon").glob("*.yaml"))}


@functools.cache
def patterns() -> dict[str, Any]:
    return {p.stem: yaml.safe_load(p.read_text(encoding="utf-8")) for p in sorted((HERE / "patterns").glob("*.yaml"))}


@functools.cache
def _split(entries: tuple[str, ...], unseen: bool) -> tuple[str, ...]:
    """Input sentences are split by hash as names are: training never sees a tenth of them."""
    side = tuple(e for e in entries if (int(hashlib.sha256(e.encode()).hexdigest(), 16) % 10 == 0) is unseen)
    return side or entries


@functools.cache
def _ordinary_words() -> tuple[str, ...]:
    """Plain words of all fields, for phrases that no field would say."""
    text = " ".join(" ".join(f["duties"] + f["requirements_noun"] + f["nouns"]) for f in lexicon().values())
    return tuple(sorted({w for w in re.findall(r"\b[a-z]{4,}\b", text)}))


class Inputs:
    """Draws one person and one posting of one field of work."""

    def __init__(self, rng: random.Random, unseen: bool, size: float):
        self.rng, self.unseen, self.size = rng, unseen, size
        self.field = lexicon()[rng.choice(sorted(lexicon()))]

    def pick(self, key: str) -> str:
        return self.rng.choice(_split(tuple(self.field[key]), self.unseen))

    def skill(self) -> str:
        return names.tool(self.rng, self.unseen) if self.rng.random() < 0.25 else self.pick("skills")

    def fill(self, text: str) -> str:
        """Replace the slots of a lexicon entry by fresh values."""
        r = self.rng
        amount = lambda: r.choice([f"{r.randint(2, 90)},000", f"{r.randint(2, 90)}k", f"{r.randint(1, 9)}.{r.randint(1, 9)} million"])  # noqa: E731
        small, large = lambda: str(r.randint(2, 40)), lambda: f"{r.randint(1, 60)},{r.randint(0, 999):03}"
        values: dict[str, Callable[[], str]] = {
            "skill": self.skill,
            "skill2": self.skill,
            "tool": lambda: names.tool(r, self.unseen),
            "city": lambda: names.place(r, self.unseen),
            "school": lambda: names.school(r, self.unseen),
            "percent": lambda: f"{r.randint(3, 95)}{r.choice([' %', '%', ' per cent'])}",
            "years": lambda: str(r.randint(2, 15)),
            "count": lambda: r.choice([small(), small(), str(r.randint(40, 990)), large()]),
            "money": lambda: r.choice("£$€") + amount(),
            "team": lambda: r.choice(TEAMS) + " team",
            "language": lambda: r.choice(TONGUES),
        }
        return re.sub(r"\{(\w+)\}", lambda m: values[m.group(1)]() if m.group(1) in values else m.group(0), text)

    def phrase(self) -> str:
        """A noun phrase from any words at all: copying must not depend on having met the phrase."""
        return self.rng.choice(PHRASES).format(*(self.rng.choice(_ordinary_words()) for _ in range(4)))

    def employer(self) -> str:
        r = self.rng
        if r.random() < 0.15:
            made = " ".join(w.capitalize() for w in r.sample(_ordinary_words(), r.randint(1, 3)))
            return f"{names.place(r, self.unseen) + ' ' if r.random() < 0.5 else ''}{made} {r.choice(names.GENERIC_EMPLOYER)}"
        return names.employer(r, self.field["employer_words"], self.unseen)

    def title(self) -> str:
        r = self.rng
        title = self.pick("titles")
        if r.random() < 0.15:
            title = f"{r.choice(LEVELS)} {title}"
        if r.random() < 0.12:
            made = r.sample(_ordinary_words(), 1 if r.random() < 0.6 else 2)
            title = " ".join(word.capitalize() for word in made) + " " + r.choice(ROLES)
        if r.random() < 0.10:
            place = f", {names.place(r, self.unseen)}"
            title += r.choice([" (Part Time)", " - Maternity Cover", place, " II", " (Remote)", f" - {self.phrase().title()}"])
        return title

    def achievement(self) -> tuple[str, str, str]:
        """(line in the résumé, form, text in a letter). The form says which sentences it fits."""
        r = self.rng
        if r.random() < 0.15:
            thing = self.fill(self.pick("nouns")) if r.random() < 0.7 else self.phrase()
            return _upper(thing), "thing", thing
        past, present, gerund, rest = (self.fill(self.pick("achievements")).split("|") + ["", "", ""])[:4]
        if r.random() < 0.10:
            rest += r.choice([" across ", " for ", " with ", " and ", " during "]) + self.phrase()
        kind = r.random()
        if kind < 0.62:
            return _upper(f"{past} {rest}"), "did", f"{past} {rest}"
        if kind < 0.76:
            return _upper(f"{gerund} {rest}"), "doing", f"{gerund} {rest}"
        if kind < 0.87:
            return _upper(f"{present} {rest}"), "do", f"{present} {rest}"
        return f"Responsible for {gerund} {rest}", "did", f"was responsible for {gerund} {rest}"

    def requirement(self) -> tuple[str, str]:
        """(line in the posting, form)."""
        r = self.rng
        kind = r.random()
        if kind < 0.18:
            return self.fill(self.pick("requirements_adjective")), "requirement_adjective"
        if kind < 0.34:
            lead = r.choice(REQUIREMENT_LEADS)
            return _upper(lead + (self.phrase() if r.random() < 0.6 else self.skill())), "requirement_noun"
        return self.fill(self.pick("requirements_noun")), "requirement_noun"

    def many(self, make: Callable[[], Any], least: int, most: int) -> list[Any]:
        return [make() for _ in range(self.rng.randint(least, max(least, round(most * self.size))))]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def lower_first(text: str) -> str:
    """Lower the first letter unless the word is a name or an abbreviation (SQL, NHS, iOS, A levels)."""
    head = text.split(" ", 1)[0]
    return (
        text
        if sum(c.isupper() for c in head) != 1 or len(head) == 1 and head != "A" or not head[:1].isupper()
        else text[:1].lower() + text[1:]
    )


class Case:
    """The person and the posting of one example, with the forms each line can take in a sentence."""

    def __init__(self, rng: random.Random, unseen: bool, size: float, kind: str):
        self.rng, self.forms = rng, {}
        source = Inputs(rng, unseen, size)
        self.source = source

        def achievement() -> str:
            line, form, text = source.achievement()
            line = rng.choice([line, line, line, line + ".", "• " + line, line.upper() if rng.random() < 0.05 else line])
            shown = prompts.condense(line)
            self.forms[shown] = (form, text if shown.lower().endswith(text.lower()[-12:]) else None)
            return line

        def requirement() -> str:
            line, form = source.requirement()
            if rng.random() < 0.18:  # real postings run on
                line += rng.choice(JOINTS) + source.phrase() + rng.choice(["", f" and {source.phrase()}", f", {source.phrase()}"])
            line = rng.choice([line, line, line + ".", line.lower(), line + ";"])
            self.forms[prompts.condense(line)] = (form, None)
            return line

        def position() -> Experience:
            start = rng.randint(1990, 2023)
            month = rng.random() < 0.35
            begin = f"{rng.choice(MONTHS)} {start}" if month else str(start)
            end = rng.choice(["present", "Present", "now", str(start + rng.randint(1, 6)), str(start + rng.randint(1, 6))])
            if rng.random() < 0.12:
                begin = end = ""
            return Experience(title=source.title() if rng.random() < 0.95 else "",
                              employer=source.employer() if rng.random() < 0.96 else "",
                              start=begin, end=end, achievements=source.many(achievement, 0 if rng.random() < 0.2 else 1, 3))  # fmt: skip

        absent = lambda p: rng.random() < p  # noqa: E731
        self.profile = ResumeProfile(
            name="" if absent(0.03) else names.person(rng, unseen),
            headline="" if absent(0.7) else source.fill(source.pick("headlines")),
            experience=[] if absent(0.03) else source.many(position, 1, 3),
            education=[] if absent(0.45) else source.many(lambda: source.fill(source.pick("education")), 1, 2),
            certificates=[] if absent(0.75) else source.many(lambda: source.fill(source.pick("certificates")), 1, 2),
            skills=[] if absent(0.06) else list(dict.fromkeys(source.many(source.skill, 2, 10))),
        )
        if kind == "answer":
            self.job = JobPosting(question=source.fill(source.pick("questions")))
            self.advice = [source.pick("advice") for _ in range(8)]
        else:
            self.job = JobPosting(
                title="" if absent(0.02) else source.title(),
                company="" if absent(0.04) else source.employer(),
                location="" if absent(0.6) else names.place(rng, unseen),
                requirements=[] if absent(0.04) else source.many(requirement, 1, 6),
                duties=[] if absent(0.5) else source.many(lambda: source.fill(source.pick("duties")), 1, 3),
            )
        self.hits = [] if absent(0.85) else source.many(self._hit, 1, 2)
        self.hook = "" if absent(0.88) else _hook(source)

    def _hit(self) -> prompts.Hit:
        title, _, text = self.source.fill(self.source.pick("portfolio")).partition("|")
        link = (
            ""
            if self.rng.random() < 0.5
            else f"https://{names.word(self.rng).lower()}.{self.rng.choice(['dev', 'org', 'io', 'net'])}/{names.word(self.rng).lower()}"
        )
        return prompts.Hit(title, text, link)


def _hook(source: Inputs) -> str:
    rng = source.rng
    what = source.phrase() if rng.random() < 0.7 else names.place(rng, source.unseen)
    when = rng.choice(["school", "2019", "spring", names.place(rng, source.unseen)])
    return rng.choice(HOOKS).replace("{}", what, 1).replace("{}", when)


def example(seed: int, index: int, *, unseen: bool = False, clean: bool = False, size: float = 1.0, kind: str | None = None,
            count_tokens: Callable[[Sequence[dict[str, str]]], int] | None = None) -> Example:  # fmt: skip
    """Example number `index` of stream `seed`. `unseen` draws names, employers, skills and input sentences that
    training never uses; `clean` plants no defect; `size` (0 to 1) shrinks the lists, for the first steps of a build."""
    from ftapp.bundled.writer import write  # the writer reads the patterns defined above

    rng = random.Random(f"{seed}/{index}")
    kind = kind or rng.choices(prompts.KINDS, weights=[60, 17, 12, 11])[0]
    case = Case(rng, unseen, size, kind)
    words = rng.choice(range(60, 100 if size < 0.4 else 130 if kind == "linkedin_message" or size < 0.7 else 190, 10))
    tone = rng.choice(prompts.TONES)
    prompt = prompts.build(case.profile, case.job, kind=kind, tone=tone, words=words, hook=case.hook, hits=case.hits,
                           language=rng.choice(LANGUAGES), count_tokens=count_tokens)  # fmt: skip
    letter, defects = write(case, prompt, rng, clean=clean)
    return Example(prompt, letter, case.profile, case.job, defects)
