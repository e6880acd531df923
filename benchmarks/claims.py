"""How well the claim ledger finds what no source holds: `python -m benchmarks.claims --data DIR [--half report]`.

Two measurements. *Planted*: letters whose fields support them, each with one fact swapped for another person's (number,
date, employer, skill, degree, title) or an invented award; the unplanted letter gives the false alarms. Letters come from
the bundled generator and from `cover_letter_dataset.jsonl` in DIR. *Gold*: 60 letters of that file marked by hand
(`claims_gold.jsonl`: row, offsets, kind; no text), rows with an even sha256(id) for tuning, the others for the report.

Faults are planted in letters of the data set in which nothing is marked by hand; `claims_cases` says which swaps are faults.
An alarm in a letter is counted once for each fault planted in it.

With the embedding model, also: whether the source line shown beside a planted fault is the one that holds the true value, by
words and by meaning, and whether meaning changed any verdict (it must not).

A marked span counts as found when a reported span overlaps it, and a reported span as right when it overlaps a marked one.
Baselines in the same run: sentences whose TF-IDF cosine to every source line is below a threshold (the threshold with the
best F1 on the tuning half), and numbers and capitalised words that no source has letter by letter.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.claims_cases import LETTERS, Case, Span, from_row, generated, gold, half, plant, soft_skills
from ftapp import claims, config, embeddings
from ftapp.errors import ModelError
from ftapp.metrics import Similar

# finders: a case -> spans ----------------------------------------------------------------------------------------


def traced(case: Case, similar: Similar | None = None) -> list[claims.Sentence]:
    return claims.ledger(case.letter, case.profile, case.job, sources_text=case.texts, similar=similar)


def by_ledger(case: Case) -> list[Span]:
    return [(c.start, c.end) for c in claims.unsupported(traced(case))]


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


def meaning() -> Similar | None:
    """Sentence embeddings, loaded; None, with the reason printed, where there are none."""
    encoder = embeddings.load(config.settings())
    try:
        encoder.encode([""])
    except ModelError as error:
        print(error)
        return None
    return encoder.similar


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


def lines_shown(cases: list[Case], similar: Similar) -> None:
    """How often the line beside a planted fault is the one that holds what stood there, by words and by meaning."""
    count: dict[str, Counter] = {"words": Counter(), "meaning": Counter()}
    moved = 0
    for case in [c for c in cases if c.old]:
        holds = re.compile(rf"(?<!\w){re.escape(case.old)}(?!\w)")
        by_words, by_meaning = traced(case), traced(case, similar)
        facts_of = [[(c.start, c.end, c.kind, c.supported) for s in t for c in s.claims] for t in (by_words, by_meaning)]
        moved += facts_of[0] != facts_of[1]
        for name, found in (("words", by_words), ("meaning", by_meaning)):
            for s in found:
                for c in s.claims:
                    if not c.supported and overlap((c.start, c.end), case.marked[0]):
                        count[name] += Counter(of=1, hit=bool(holds.search(c.nearest or s.support)))
    print("  nearest line is the true one: " + ", ".join(f"by {name} {n['hit']}/{n['of']}" for name, n in count.items()))
    print(f"  letters where meaning changed a verdict: {moved}")


def with_meaning(prepared: bool) -> Callable[[Case], float]:
    """A look at a letter as the page looks, by a model that knows no text yet, or knows the lines of its sources."""
    encoder = embeddings.load(config.settings())
    meaning = embeddings.Meaning(encoder, 60)
    encoder.encode([""])

    def look(case: Case) -> float:
        meaning.prepare(claims.lines(case.profile, case.job, case.texts) if prepared else []).join()
        begun = time.perf_counter()
        traced(case, meaning)
        return time.perf_counter() - begun

    return look


def rules_alone(case: Case) -> float:
    begun = time.perf_counter()
    by_ledger(case)
    return time.perf_counter() - begun


def timed(cases: list[Case], look: Callable[[Case], float]) -> str:
    taken = [1000 * look(case) for case in cases]
    return f"median {statistics.median(taken):.1f} ms, most {max(taken):.1f} ms"


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
    made, similar = generated(arguments.generated, seed), meaning()
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
        report(f"a true title or deed moved to another employer ({name})", plant(cases, seed, ["place"]), {"ledger": by_ledger})
        report(f"the same letters without a fault ({name})", clean(cases), {"ledger": by_ledger})
        if similar:
            lines_shown(faults, similar)
        if arguments.show and arguments.half == "tune":
            show(faults + plant(cases, seed, ["place"]))
    print(f"time a letter: {timed(made, rules_alone)}")
    if similar:
        print(f"time a letter with meaning: {timed(made, with_meaning(False))}, prepared: {timed(made, with_meaning(True))}")
    if arguments.data:
        for column in LETTERS:
            spans = [by_ledger(from_row(r, column)) for r in rows.values()]
            print(f"{column}: {sum(map(len, spans)) / len(spans):.2f} unsupported claims a letter, "
                  f"{100 * sum(map(bool, spans)) / len(spans):.0f} % of {len(spans)} letters with at least one")  # fmt: skip


if __name__ == "__main__":
    main()
