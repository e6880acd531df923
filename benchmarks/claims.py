"""How well the claim ledger finds what no source holds: `python -m benchmarks.claims --data DIR [--half report]`.

Two measurements. *Planted*: letters whose fields support them, each with one fact swapped for another person's (number,
date, employer, skill, degree, title) or an invented award; the unplanted letter gives the false alarms. Letters come from
the bundled generator and from `cover_letter_dataset.jsonl` in DIR. *Gold*: 60 letters of that file marked by hand
(`claims_gold.jsonl`: row, offsets, kind; no text), rows with an even sha256(id) for tuning, the others for the report.

Which swaps are faults: letters of the data set are taken when nothing is marked in them by hand. A value is not planted when
the fields hold it in another form ("Tern Corp" for "Tern Corporation", "B.S." for "Bachelor's degree", "data analysis" beside
"data analyst"), when it is a skill that the data itself lists as soft (by hand those are not marked either: they are opinions),
or when a degree's field holds no degree. An alarm in a letter is counted once for each fault planted in it.

A marked span counts as found when a reported span overlaps it, and a reported span as right when it overlaps a marked one.
Baselines in the same run: sentences whose TF-IDF cosine to every source line is below a threshold (the threshold with the
best F1 on the tuning half), and numbers and capitalised words that no source has letter by letter.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer

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


# finders: a case -> spans ----------------------------------------------------------------------------------------


def by_ledger(case: Case) -> list[Span]:
    return [(c.start, c.end) for c in claims.unsupported(claims.ledger(case.letter, case.profile, case.job, sources_text=case.texts))]


def by_string(case: Case) -> list[Span]:
    held = " ".join([*case.sources(), case.job.title, case.job.company, case.job.location]).casefold()
    body = [
        (m.start(), m.end(), m.group(0)) for m in re.finditer(r"(?<![.!?]\s)(?<!^)(?<!\n)(?:\b[A-Z][\w+#.-]+|\$?\d[\d,.]*%?)", case.letter)
    ]
    return [(a, b) for a, b, word in body if word.rstrip(".,").casefold() not in held]


def by_cosine(threshold: float) -> Callable[[Case], list[Span]]:
    def find(case: Case) -> list[Span]:
        lines = [*case.sources(), *case.posting()]
        spans = claims.sentences(case.letter)
        matrix = TfidfVectorizer(ngram_range=(1, 2)).fit_transform(lines + [case.letter[a:b] for a, b in spans])
        best = (matrix[len(lines) :] @ matrix[: len(lines)].T).max(axis=1).toarray().ravel()
        return [s for s, score in zip(spans, best, strict=True) if score < threshold]

    return find


# scoring -----------------------------------------------------------------------------------------------------------


def overlap(a: Span, b: Span) -> bool:
    return a[0] < b[1] and b[0] < a[1]


@dataclass
class Score:
    """Spans counted over letters."""

    right: int = 0
    said: int = 0
    found: int = 0
    marked: int = 0
    alarms: int = 0  # reported spans in sentences where nothing is marked
    letters: int = 0

    def add(self, case: Case, spans: list[Span]) -> None:
        self.letters += 1
        self.said += len(spans)
        self.marked += len(case.marked)
        self.right += sum(any(overlap(s, m) for m in case.marked) for s in spans)
        self.found += sum(any(overlap(s, m) for s in spans) for m in case.marked)
        bad = [s for s in claims.sentences(case.letter) if any(overlap(s, m) for m in case.marked)]
        self.alarms += sum(not any(overlap(s, b) for b in bad) for s in spans)

    @property
    def precision(self) -> float:
        return self.right / self.said if self.said else 1.0

    @property
    def recall(self) -> float:
        return self.found / self.marked if self.marked else 1.0

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    def line(self) -> str:
        return (f"precision {self.precision:.3f} ({self.right}/{self.said})  recall {self.recall:.3f} ({self.found}/{self.marked})  "
                f"F1 {self.f1:.3f}  false alarms a letter {self.alarms / max(self.letters, 1):.2f}")  # fmt: skip


def score(cases: list[Case], find: Callable[[Case], list[Span]]) -> Score:
    total = Score()
    for case in cases:
        total.add(case, find(case))
    return total


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
    return replace(case, letter=letter, marked=((m.start(), m.start() + len(new)),), kind=kind)


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
    return [v for v in fit if not any(plain(v) <= k for k in known)]


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


def plant(cases: list[Case], seed: int) -> list[Case]:
    rng, found = random.Random(seed), []
    for case in cases:
        for kind in FAULTS:
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


def report(name: str, cases: list[Case], finders: dict[str, Callable[[Case], list[Span]]]) -> None:
    print(f"{name}: {len(cases)} letters, {sum(len(c.marked) for c in cases)} unsupported spans")
    for label, find in finders.items():
        print(f"  {label:16} {score(cases, find).line()}")


def faults_by_kind(cases: list[Case]) -> None:
    found: dict[str, Counter] = defaultdict(Counter)
    for case in cases:
        spans = by_ledger(case)
        found[case.kind]["of"] += 1
        found[case.kind]["hit"] += any(overlap(s, m) for s in spans for m in case.marked)
    print("  by kind: " + ", ".join(f"{k} {v['hit']}/{v['of']}" for k, v in sorted(found.items())))


def clean(cases: list[Case]) -> list[Case]:
    """Letters that their own fields support: what the ledger says of them are false alarms, counted beside the faults."""
    return [replace(c, marked=()) for c in cases]


def show(cases: list[Case]) -> None:
    """Errors in words, for tuning only."""
    for case in cases:
        spans = by_ledger(case)
        wrong = [case.letter[a:b] for a, b in spans if not any(overlap((a, b), m) for m in case.marked)]
        missed = [case.letter[a:b] for a, b in case.marked if not any(overlap((a, b), s) for s in spans)]
        if wrong or missed:
            print(f"  {case.id} {case.kind}: wrong {wrong} missed {missed}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with cover_letter_dataset.jsonl; without it, only generated letters")
    parser.add_argument("--half", choices=("tune", "report"), default="report")
    parser.add_argument("--generated", type=int, default=100, help="letters of the bundled generator")
    parser.add_argument("--seed", type=int, default=0, help="of the generated letters (default: another one for each half)")
    parser.add_argument("--show", action="store_true", help="print the errors (tuning half only)")
    arguments = parser.parse_args()
    seed = arguments.seed or {"tune": 101, "report": 202}[arguments.half]
    made = generated(arguments.generated, seed)
    groups = {"generated letters": made}
    finders: dict[str, Callable[[Case], list[Span]]] = {"ledger": by_ledger, "exact string": by_string}
    if arguments.data:
        with (arguments.data / "cover_letter_dataset.jsonl").open(encoding="utf-8") as lines:
            rows = {r["id"]: r for r in map(json.loads, lines)}
        every = gold(rows)
        tuning = [c for c in every if half(c.id) == "tune"]
        best = max((t / 50 for t in range(1, 46)), key=lambda t: score(tuning, by_cosine(t)).f1)
        finders[f"cosine < {best:.2f}"] = by_cosine(best)
        chosen = [c for c in every if half(c.id) == arguments.half]
        report(f"gold, {arguments.half} half", chosen, finders)
        if arguments.show and arguments.half == "tune":
            show(chosen)
        soft = soft_skills(rows.values())
        supported = [replace(c, soft=soft) for c in chosen if not c.marked]
        groups["letters of the data set"] = supported
    for name, cases in groups.items():
        faults = plant(cases, seed)
        report(f"planted faults in {name}", faults, finders)
        faults_by_kind(faults)
        report(f"the same letters without a fault ({name})", clean(cases), {"ledger": by_ledger})
        if arguments.show and arguments.half == "tune":
            show(faults)
    timed = []
    for case in made:
        begun = time.perf_counter()
        by_ledger(case)
        timed.append(1000 * (time.perf_counter() - begun))
    print(f"time a letter: median {statistics.median(timed):.1f} ms, most {max(timed):.1f} ms")
    if arguments.data:
        for column in LETTERS:
            spans = [by_ledger(from_row(r, column)) for r in rows.values()]
            print(f"{column}: {sum(map(len, spans)) / len(spans):.2f} unsupported claims a letter, "
                  f"{100 * sum(map(bool, spans)) / len(spans):.0f} % of {len(spans)} letters with at least one")  # fmt: skip


if __name__ == "__main__":
    main()
