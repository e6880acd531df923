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
TITLE_ENDS = "Part Time|Maternity Cover|II|Remote".split("|")
TEAMS = "sales|finance|support|clinical|site|data|night|field|front desk|research".split("|")
TONGUES = "German|French|Spanish|Polish|Welsh|Urdu|Portuguese|Arabic".split("|")
REQUIREMENT_LEADS = (  # how the lines of real postings begin
        "Experience of |Experience with |Experience in |Experience |Knowledge of |Good understanding of |Proven skills in |"
        "A background in |Skills in |Interest in |Ability to |Excellent |Strong |Demonstrated |Proven |Valid |A |Familiarity with |"
        "Proficiency in |Minimum {n} years of |"
        "{n}+ years of |{n} years' experience of |Bachelor's degree in |A degree in |Master's in |Basic |Advanced |Working knowledge of |"
        "Commitment to |Good |Expertise in |Track record of |At least {n} years of |Must have |You will have |Minimum of {n} years' |"
        "Excellent skills in |Possess |Ability to |Demonstrated ability to |Experience |Strong knowledge of |Valid |"
        "Able to |Willing to |Comfortable with |Highly |Proficient in |Experienced in |Committed to |Familiar with |Passionate about |"
        "Confident in |Qualified in |Skilled in |Used to |Must be able to |You are "
    ).split("|")  # fmt: skip
JOINTS = (" and ", ", including ", " with ", " to support ", ", such as ", " (", " that ")  # how real requirement lines run on
BETWEEN = "and of for in with to the on by from a an as at or &".split()
DOTTED = (  # marks inside a line that are neither its end nor a word
    "Pvt. Ltd.|e.g.|U.S.|B.E.|B.Tech.|No. 3|Inc.|etc.|i.e.|St. |Dr. |Co.|approx.|C++|C#|.NET|ASP .NET|#1|24/7|\u201cC\u201d|R&D|24*7|(8-5)|"
    "can't|workers’"
).split("|")
# First and last letter of writing that is not Latin, by how often it is drawn: kana, CJK, Hangul, Cyrillic, Greek, Arabic, Hebrew,
# Devanagari, Thai. A model that never met their bytes can copy no name in them.
SCRIPTS = [("ぁ", "ん"), ("ァ", "ヶ"), ("一", "鿋"), ("一", "鿋"), ("가", "힣"), ("а", "я"), ("α", "ω"), ("ا", "ي"), ("א", "ת"),
           ("अ", "ह"), ("ก", "ฮ")]  # fmt: skip
SHOUTED = "ABCDEFGHIKLMNOPRSTUVW"
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
def _plain_words(unseen: bool) -> tuple[str, ...]:
    """Words of all fields and of a dictionary, for phrases that no field would say."""
    text = " ".join(" ".join(f["duties"] + f["requirements_noun"] + f["nouns"]) for f in lexicon().values())
    lines = (HERE / "words.txt").read_text(encoding="utf-8").splitlines()
    known = {w for w in re.findall(r"\b[a-z]{4,}\b", text)} | {w for line in lines if not line.startswith("#") for w in line.split()}
    return _split(tuple(sorted(known)), unseen)


@functools.cache
def _verbs() -> tuple[tuple[str, str, str], ...]:
    """(past, present, gerund) of all fields."""
    found = {tuple(a.split("|")[:3]) for f in lexicon().values() for a in f["achievements"] if a.count("|") >= 3}
    return tuple(sorted(v for v in found if not any("{" in form for form in v)))


class Inputs:
    """Draws one person and one posting of one field of work."""

    def __init__(self, rng: random.Random, unseen: bool, size: float):
        self.rng, self.unseen, self.size = rng, unseen, size
        self.said: list[str] = []
        self.lines: list[str] = []
        self.field = lexicon()[rng.choice(sorted(lexicon()))]

    def pick(self, key: str) -> str:
        return self.rng.choice(_split(tuple(self.field[key]), self.unseen))

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

    def word(self) -> str:
        """Any word at all: of the dictionary, made up, or said before. One that stands in two lines goes on in two ways, so a
        model that copies must look further back than the last word."""
        r = self.rng
        if self.said and r.random() < 0.22:
            return r.choice(self.said)
        self.said.append(r.choice(_plain_words(self.unseen)) if r.random() < 0.9 else names.word(r).lower())
        return self.said[-1]

    def run(self, least: int, most: int) -> str:
        """Some words as they stand in real lines: joined, listed, shouted, numbered. Copying must not depend on having met them."""
        r, said = self.rng, []
        for _ in range(r.randint(least, most)):
            kind, word = r.random(), self.word()
            if kind < 0.06:
                word = "".join(r.choice(SHOUTED) for _ in range(r.randint(2, 5)))
            elif kind < 0.16:
                word = word.capitalize()
            elif kind < 0.20:
                word = r.choice([str(r.randint(2, 99)), f"{r.randint(2, 99)}%", str(r.randint(1990, 2026)), f"{r.random() * 10:.1f}"])
            elif kind < 0.23:
                word = f"{word}{r.choice('/-')}{self.word()}"
            elif kind < 0.25:
                word = f"({word})"
            elif kind < 0.28:
                word = r.choice(DOTTED)
            elif kind < 0.2815:
                word = self.foreign()
            said.append(word)
        text = said[0]
        if self.lines and most > 3 and r.random() < 0.12:  # begins as another line does
            text = " ".join(r.choice(self.lines).split()[: r.randint(2, 4)])
        for word in said[1:]:
            joint = r.random()
            text += (f" {r.choice(BETWEEN)} " if joint < 0.35 else ", " if joint < 0.45 else "," if joint < 0.46 else " ") + word
        if most > 3:
            self.lines.append(text)
        return text

    def phrase(self) -> str:
        return self.run(1, 4)

    def foreign(self) -> str:
        """A few letters of one writing; the same few hundred characters of it again and again, so that each is met."""
        r = self.rng
        first, last = r.choice(SCRIPTS)
        span = min(ord(last) - ord(first), 800)
        return "".join(chr(ord(first) + r.randint(0, span)) for _ in range(r.randint(2, 7)))

    def capitals(self, least: int, most: int) -> str:
        return " ".join(self.word().capitalize() for _ in range(self.rng.randint(least, most)))

    def employer(self) -> str:
        r = self.rng
        if r.random() < 0.01:
            return self.foreign() + r.choice(["", "株式会社", " " + r.choice(names.GENERIC_EMPLOYER)])
        if r.random() < 0.7:
            return names.employer(r, self.field["employer_words"], self.unseen)
        place = names.place(r, self.unseen)
        place += r.choice(["", "", f" and {names.place(r, self.unseen)}", f" & {self.word().capitalize()}"])
        kind = r.choice(names.GENERIC_EMPLOYER + self.field["employer_words"])
        return r.choice([f"{place} {self.capitals(0, 3)} {kind}", f"{self.capitals(1, 3)} {kind}",
                         f"{self.capitals(1, 2)} {self.skill()} {kind}"]).replace("  ", " ")  # fmt: skip

    def title(self) -> str:
        r = self.rng
        if r.random() < 0.015:
            return self.foreign() + r.choice(["", " " + self.foreign(), " " + r.choice(ROLES), "・" + self.foreign()])
        title = self.pick("titles")
        if r.random() < 0.15:
            title = f"{r.choice(LEVELS)} {title}"
        if r.random() < 0.25:
            title = f"{self.capitals(1, 4)} {r.choice(ROLES)}"
        if r.random() < 0.20:
            more = r.choice([self.capitals(1, 3), self.capitals(1, 4), names.place(r, self.unseen), r.choice(TITLE_ENDS),
                             f"{r.choice(DOTTED).strip()} {self.capitals(1, 2)}"])  # fmt: skip
            title += r.choice([" ({})", " - {}", " – {}", ", {}", " / {}", " & {}", " -{}", " {}", " - {} Only", ": {}"]).format(more)
        return title

    def skill(self) -> str:
        r = self.rng
        kind = r.random()
        if kind < 0.45:
            return self.pick("skills")
        if kind < 0.65:
            return names.tool(r, self.unseen)
        plain = self.run(1, 3).replace(", ", " ")
        version = f"{self.word().capitalize()} {r.randint(2, 20)}{r.choice(['', '.0', 'g'])}"
        return r.choice([plain, _upper(plain), self.capitals(1, 3), version])

    def achievement(self) -> str:
        """A line of a résumé, in one of the forms that people use."""
        r = self.rng
        if r.random() < 0.12:
            return _upper(self.fill(self.pick("nouns")) if r.random() < 0.5 else self.run(2, 7))
        if r.random() < 0.5:
            past, present, gerund, rest = (self.fill(self.pick("achievements")).split("|") + ["", "", ""])[:4]
            if r.random() < 0.20:
                rest += r.choice([" across ", " for ", " with ", " and ", " during "]) + self.phrase()
        else:
            past, present, gerund = r.choice(_verbs())
            if r.random() < 0.3:
                stem = self.word()
                past, present, gerund = f"{stem}ed", f"{stem}ed", f"{stem}ed"
            rest = self.run(2, 11)
        form = r.choices([past, gerund, present, f"Responsible for {gerund}"], [50, 22, 22, 6])[0]
        return _upper(f"{form} {rest}")

    def requirement(self) -> str:
        """A line of a posting."""
        r = self.rng
        kind = r.random()
        if kind < 0.12:
            return self.fill(self.pick("requirements_adjective"))
        if kind < 0.50:
            return self.fill(self.pick("requirements_noun"))
        if kind < 0.57:
            return _upper(f"{r.choice(_verbs())[1]} {self.run(2, 9)}")
        lead = r.choice(REQUIREMENT_LEADS).replace("{n}", str(r.randint(1, 10)))
        text = f"{r.choice(_verbs())[1]} {self.run(1, 8)}" if lead.endswith(" to ") and r.random() < 0.8 else self.run(1, 9)
        return _upper(lead + text)

    def education(self) -> str:
        r = self.rng
        if r.random() < 0.55:
            return self.fill(self.pick("education"))
        degree = r.choice("B.Sc|BA|MSc|M.Tech|Diploma|BTEC|Certificate|MBA|A levels|PhD".split("|"))
        school = names.school(r, self.unseen)
        subject = self.capitals(1, 3)
        return r.choice([f"{degree} {subject}, {school}", f"{degree} {subject} {names.place(r, self.unseen)} {school}",
                         f"{degree} in {subject} from {school}", f"{degree}, {school}, {r.randint(1985, 2025)}"])  # fmt: skip

    def location(self) -> str:
        place = names.place(self.rng, self.unseen)
        return self.rng.choice([place, place, f"{place}, {names.place(self.rng, self.unseen)}", f"{self.capitals(1, 3)}, {place}"])

    def headline(self) -> str:
        return self.fill(self.pick("headlines")) if self.rng.random() < 0.5 else self.title()

    def duty(self) -> str:
        return self.fill(self.pick("duties")) if self.rng.random() < 0.5 else f"{self.rng.choice(_verbs())[1]} {self.run(2, 10)}"

    def many(self, make: Callable[[], Any], least: int, most: int) -> list[Any]:
        return [make() for _ in range(self.rng.randint(least, max(least, round(most * self.size))))]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


class Case:
    """The person and the posting of one example."""

    def __init__(self, rng: random.Random, unseen: bool, size: float, kind: str):
        self.rng = rng
        source = Inputs(rng, unseen, size)
        self.source = source

        def absent(share: float) -> bool:
            return rng.random() < share

        def achievement() -> str:
            line = source.achievement()
            return rng.choice([line, line, line, line + ".", "• " + line, line.upper() if rng.random() < 0.05 else line])

        def requirement() -> str:
            line = source.requirement()
            if rng.random() < 0.18:  # real postings run on
                line += rng.choice(JOINTS) + source.phrase()
            return rng.choice([line, line, line + ".", line.lower(), line + ";", "* " + line])

        held: list[Experience] = []

        def position() -> Experience:
            start = rng.randint(1990, 2023)
            month = rng.random() < 0.35
            begin = f"{rng.choice(MONTHS)} {start}" if month else str(start)
            end = rng.choice(["present", "Present", "now", str(start + rng.randint(1, 6)), str(start + rng.randint(1, 6))])
            if absent(0.25):
                begin = end = ""
            title, employer = "" if absent(0.18) else source.title(), "" if absent(0.06) else source.employer()
            if held and rng.random() < 0.12:  # promoted, or the same work elsewhere
                title, employer = (held[-1].title, employer) if rng.random() < 0.5 else (title, held[-1].employer)
            achievements = [] if absent(0.28) else source.many(achievement, 1, 3)
            held.append(Experience(title=title, employer=employer, start=begin, end=end, achievements=achievements))
            return held[-1]

        experience = [] if absent(0.09) else source.many(position, 1, 3)
        titles = [e.title for e in experience if e.title]
        self.profile = ResumeProfile(
            name="" if absent(0.15) else names.person(rng, unseen),
            headline="" if absent(0.45) else titles[0] if titles and rng.random() < 0.3 else source.headline(),
            experience=experience,
            education=[] if absent(0.3) else source.many(source.education, 1, 2),
            certificates=[] if absent(0.8) else source.many(lambda: source.fill(source.pick("certificates")), 1, 2),
            skills=[] if absent(0.12) else list(dict.fromkeys(source.many(source.skill, 2, 10))),
        )
        if kind == "answer":
            self.job = JobPosting(question=source.fill(source.pick("questions")))
            start = rng.randrange(len(source.field["advice"]))
            self.advice = (source.field["advice"] * 2)[start : start + len(source.field["advice"])]
        else:
            self.job = JobPosting(
                title="" if absent(0.03) else titles[0] if titles and rng.random() < 0.06 else source.title(),
                company="" if absent(0.13) else source.employer(),
                location="" if absent(0.45) else source.location(),
                requirements=[] if absent(0.22) else source.many(requirement, 1, 6),
                duties=[] if absent(0.5) else source.many(source.duty, 1, 3),
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
    words = rng.choice(range(60, 130 if kind == "linkedin_message" or size < 0.4 else 190, 10))
    tone = rng.choice(prompts.TONES)
    prompt = prompts.build(case.profile, case.job, kind=kind, tone=tone, words=words, hook=case.hook, hits=case.hits,
                           language=rng.choice(LANGUAGES), count_tokens=count_tokens)  # fmt: skip
    letter, defects = write(case, prompt, rng, clean=clean)
    return Example(prompt, letter, case.profile, case.job, defects)
