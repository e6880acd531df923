"""Letters with their sources for `benchmarks.claims`: rows of a data set, letters marked by hand, and faults planted in letters.

Knows no finder and no score. Which swaps are faults: a value is not planted when the fields hold it in another form ("Tern Corp"
for "Tern Corporation", "B.S." for "Bachelor's degree", "data analysis" beside "data analyst"), when it only says more about a
skill or degree that they hold ("Python programming" beside "Python"; a title of more words is a fault), when it is a skill that
the data itself lists as soft (by hand those are not marked either: they are opinions), or when a degree's field holds no degree.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ftapp import claims
from ftapp import claims_facts as facts
from ftapp.profiles import Experience, JobPosting, ResumeProfile

GOLD = Path(__file__).with_name("claims_gold.jsonl")
LETTERS = ("reference_letter", "base_output", "finetuned_output")
Span = tuple[int, int]


@dataclass(frozen=True)
class Case:
    """A letter with its sources and the spans that no source holds."""

    id: str
    letter: str
    profile: ResumeProfile
    job: JobPosting
    texts: tuple[str, ...] = ()
    marked: tuple[Span, ...] = ()
    kind: str = ""
    old: str = ""  # what stood where the fault was planted
    soft: frozenset[str] = frozenset()  # skills that the data calls soft, lower-cased

    def sources(self) -> list[str]:
        e = [line for x in self.profile.experience for line in (f"{x.title} {x.employer} {x.start} {x.end}", *x.achievements)]
        return [*e, *self.profile.education, *self.profile.certificates, *self.profile.skills, self.profile.name, *self.texts]

    def posting(self) -> list[str]:
        j = self.job
        return [j.title, j.company, j.location, *j.requirements, *j.duties]


def half(row_id: str) -> str:
    return "report" if int(hashlib.sha256(row_id.encode()).hexdigest(), 16) % 2 else "tune"


def position(text: str) -> Experience:
    """ "Analyst at Northwind for 3 years" as a position; the sentence itself stays as its first line."""
    turned = re.match(r"\d+ years at (?P<employer>.+?) as (?P<title>.+)$", text)
    m = turned or re.match(r"(?P<title>[^,]+?) at (?P<employer>.+?)(?: for .*| \(.*\))?$", text)
    return Experience(title=m["title"], employer=m["employer"], achievements=[text]) if m else Experience(achievements=[text])


def pieces(text: str) -> list[str]:
    text = re.sub(r"(?im)^\s*(?:hard|soft)\s+skills\s*:", "", text)
    return [p.strip() for p in re.split(r"[\n;]|,(?![^(]*\))", text) if p.strip() and p.strip() != "None"]


def soft_skills(rows: Iterable[dict]) -> frozenset[str]:
    """Every skill that some row lists as a soft one."""
    listed = (row["skills"].casefold().partition("soft skills:")[2] for row in rows)
    return frozenset(skill for text in listed for skill in pieces(text))


def from_row(row: dict, column: str) -> Case:
    past = [position(p) for p in pieces(row["past_experience"])]
    profile = ResumeProfile(name=row["applicant_name"], experience=[position(row["current_experience"]), *past],
                            education=pieces(row["qualifications"]), skills=pieces(row["skills"]))  # fmt: skip
    job = JobPosting(title=row["job_title"], company=row["company"], requirements=pieces(row["preferred_qualifications"]))
    return Case(row["id"], row[column], profile, job)


# gold ----------------------------------------------------------------------------------------------------------------


def gold(rows: dict[str, dict]) -> list[Case]:
    found = []
    for line in GOLD.read_text(encoding="utf-8").splitlines():
        mark = json.loads(line)
        spans = tuple((c["start"], c["end"]) for c in mark["claims"])
        found.append(replace(from_row(rows[mark["id"]], mark["letter"]), marked=spans, kind=mark["letter"]))
    return found


# planted faults ----------------------------------------------------------------------------------------------------

AWARDS = ("I won the Golden Lantern Award for my work.", "I was named Employee of the Year in my department.",
          "I received the Halvorsen Prize for excellence.", "In my last role I was awarded the President's Medal.")  # fmt: skip


def swap(case: Case, old: str, new: str, kind: str) -> Case | None:
    """The letter with the first `old` replaced, or None when it does not stand there or other sources hold `new`."""
    body = re.match(r"(?:Subject:.*\n)?", case.letter).end()  # a subject line claims nothing
    m = re.compile(rf"(?<![\w]){re.escape(old)}(?!\w)").search(case.letter, body)
    held = " ".join([*case.sources(), *case.posting()]).casefold()
    if not m or len(old) < 1 or new.casefold() in held or old.casefold() in " ".join(case.posting()).casefold():
        return None
    letter = case.letter[: m.start()] + new + case.letter[m.end() :]
    return replace(case, letter=letter, marked=((m.start(), m.start() + len(new)),), kind=kind, old=old)


def moved(case: Case) -> Iterator[Case]:
    """The letter with one employer replaced by another one of the applicant's, in a sentence that tells a title or deed (four words
    in a row) of the first that the second has not."""
    def told(e: Experience, sentence: str) -> bool:
        spoken = f" {' '.join(words(sentence))} "
        return any(f" {run} " in spoken for text in (e.title, *e.achievements) for run in runs(words(text)))

    places = [e for e in case.profile.experience if e.employer]
    for here in places:
        for start, end in claims.sentences(case.letter):
            at = case.letter.find(here.employer, start, end)
            named = [e for e in places if e.employer in case.letter[start:end]]
            others = [e for e in places if not plain(e.employer) & plain(here.employer)]
            rest = case.letter[start:end].replace(here.employer, "")
            if at < 0 or len(named) != 1 or not told(here, rest):
                continue
            for other in others:
                if not any(told(e, rest) for e in places if e.employer == other.employer):
                    letter = case.letter[:at] + other.employer + case.letter[at + len(here.employer) :]
                    yield replace(case, letter=letter, marked=((at, at + len(other.employer)),), kind="place", old=here.employer)


def words(text: str) -> list[str]:
    return re.findall(r"[\w+#]+", text.casefold())


def runs(of: list[str]) -> list[str]:
    """Four words in a row, or all of a shorter text."""
    n = min(4, len(of))
    return [" ".join(of[i : i + n]) for i in range(len(of) - n + 1)] if n else []


def first(options: Iterator[Case | None]) -> Case | None:
    return next((o for o in options if o), None)


def plain(value: str) -> frozenset[str]:
    """A value's words in one form: a degree by its level, endings cut, the legal forms of firms dropped."""
    value = facts.DEGREE.sub(lambda m: f"{facts.degree_level(m)} {m.groupdict().get('subject') or ''}", value)
    said = frozenset(re.findall(r"[\w+#]+", value.casefold())) - FORMS
    return frozenset(word.rstrip("s")[:6] for word in said)


def fresh(values: list[str], case: Case, kind: str) -> list[str]:
    """Another person's values that are a fault of this kind here: see the module's docstring for what is left out."""
    known = [plain(line) for line in case.sources()]
    fit = [v for v in values if v.casefold() not in case.soft and (kind != "degree" or facts.DEGREE.search(v))]
    own = {"skill": case.profile.skills, "degree": case.profile.education}.get(kind, [])
    return [v for v in fit if not any(plain(v) <= k for k in known) and not any(plain(o) <= plain(v) for o in own)]


def planted(case: Case, other: Case, kind: str, rng: random.Random) -> Case | None:
    """The case with one fault of a kind, or None when the letter has nothing of that kind to swap."""
    mine, theirs = case.profile, other.profile
    spread = lambda values: [v for v in values if v]  # noqa: E731
    if kind == "award":
        stops = [b for a, b in claims.sentences(case.letter) if re.search(r"\bI\b", case.letter[a:b]) and case.letter[b - 1] == "."]
        if not stops:
            return None
        text, at = rng.choice(AWARDS), rng.choice(stops)
        return replace(case, letter=f"{case.letter[:at]} {text}{case.letter[at:]}", marked=((at + 1, at + 1 + len(text)),), kind=kind)
    if kind == "place":
        return first(moved(case))
    if kind in ("number", "date"):
        year = r"(?:19|20)\d\d"
        source = " ".join(case.sources())
        wanted = [
            m.group(0)
            for m in re.finditer(r"(?<![\w.,])\d[\d,]*(?![\w.,]\w)", case.letter)
            if bool(re.fullmatch(year, m.group(0))) == (kind == "date")
        ]
        wanted = [w for w in wanted if re.search(rf"(?<!\w){re.escape(w)}(?!\w)", source)]
        made = lambda: str(rng.randint(1961, 1988)) if kind == "date" else str(rng.randint(13, 97))  # noqa: E731
        return first(swap(case, w, made(), kind) for w in wanted)
    values = {
        "employer": (spread(e.employer for e in mine.experience), spread(e.employer for e in theirs.experience)),
        "title": (spread(e.title for e in mine.experience), spread(e.title for e in theirs.experience)),
        "skill": (spread(mine.skills), spread(theirs.skills)),
        "degree": (spread(mine.education), spread(theirs.education)),
    }[kind]
    return first(swap(case, old, new, kind) for old in values[0] for new in fresh(values[1], case, kind))


FORMS = facts.LEGAL_FORMS | facts.SMALL_WORDS | {"company", "corporation"}  # say nothing of which firm it is
FAULTS = ("number", "date", "employer", "skill", "degree", "title", "award")


def plant(cases: list[Case], seed: int, kinds: Sequence[str] = FAULTS) -> list[Case]:
    rng, found = random.Random(seed), []
    for case in cases:
        for kind in kinds:
            tries = (planted(case, rng.choice(cases), kind, rng) for _ in range(6))
            if fault := first(tries):
                found.append(fault)
    return found


def generated(count: int, seed: int) -> list[Case]:
    from ftapp.bundled import generator  # reads its lexicon

    made = [generator.example(seed, i, clean=True) for i in range(count)]
    return [Case(f"made-{seed}-{i}", e.letter, e.profile, e.job, _hook(e))
            for i, e in enumerate(made)]  # fmt: skip


def _hook(example) -> tuple[str, ...]:
    hook = re.search(r"(?m)^hook: (.+)$", example.prompt.messages[-1]["content"])
    portfolio = re.findall(r"(?ms)^portfolio:\n(.+)\Z", example.prompt.messages[-1]["content"])
    return tuple(filter(None, [hook and hook.group(1), *portfolio]))
