"""How well does the bundled model write? `python -m benchmarks.bundled [--data DIR]`

Greedy letters, the text exactly the decoded tokens, judged against what their prompts say. Generated prompts use
names, employers, skills and input sentences that training never saw; real ones (with `--data`) pair postings with
résumés of the reporting half of the rows (by hash of the id). Every rate is printed with its denominator.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import itertools
import json
import random
import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks.batch import Letter, write
from ftapp import claims, prompts
from ftapp.bundled import generator
from ftapp.profiles import JobPosting, ResumeProfile

LENGTH_BAND = 0.25  # a letter may miss the asked number of words by a quarter
RUN = 4  # this many words in a row count as taken from a line


def words(text: str) -> list[str]:
    return re.findall(r"[\w+#]+", text.lower())


def takes_from(letter: list[str], line: str) -> bool:
    """Does the letter hold a run of the line's words (all of them when the line is short)?"""
    own = words(line)
    n = min(RUN, len(own))
    runs = {tuple(letter[i : i + n]) for i in range(len(letter) - n + 1)}
    return n > 0 and any(tuple(own[i : i + n]) in runs for i in range(len(own) - n + 1))


@functools.cache
def vocabulary() -> frozenset[str]:
    """Words of the letter patterns: what the model may say without being told."""

    def texts(node: object) -> list[str]:
        return (
            [node] if isinstance(node, str) else [t for child in (node.values() if isinstance(node, dict) else node) for t in texts(child)]
        )

    advice = [a for f in generator.lexicon().values() for a in f["advice"]]
    return frozenset(words(" ".join([*texts(generator.patterns()), *advice, "i im subject"])))


def strangers(letter: Letter) -> list[str]:
    """Capitalised words that neither the prompt nor the letter patterns hold: made-up names and employers."""
    known = set(words(letter.prompt.messages[1]["content"])) | vocabulary()
    return [w for w in re.findall(r"\b[A-Z][\w]+", letter.text) if w.lower() not in known]


def unknown_employers(letter: Letter) -> list[str]:
    """Employers that the input does not name, as the claim ledger finds them."""
    slots, given = letter.prompt.slots, letter.prompt.messages[1]["content"]
    found = claims.unsupported(claims.ledger(letter.text, slots.profile, slots.job, sources_text=[given]))
    return [c.text for c in found if c.kind == "employer" and c.text not in given]


def sentences(letter: Letter) -> list[str]:
    """The letter's sentences with its names masked."""
    s = letter.prompt.slots
    text = letter.text
    for name in sorted([s.job.title, s.job.company, s.profile.name, *(e.employer for e in s.profile.experience)], key=len, reverse=True):
        if name:
            text = text.replace(name, "X")
    return [x for x in re.split(r"(?<=[.!?,])\n+|(?<=[.!?])\s+|\n+", text) if x.strip()]


def judge(letters: Sequence[Letter]) -> dict[str, tuple[int, int]]:
    """Each rate as (hits, denominator)."""
    counts: dict[str, list[int]] = {}

    def note(what: str, holds: bool) -> None:
        row = counts.setdefault(what, [0, 0])
        row[0] += holds
        row[1] += 1

    for letter in letters:
        s, own = letter.prompt.slots, words(letter.text)
        for what, value in (("title copied", s.job.title), ("company copied", s.job.company), ("name copied", s.profile.name)):
            if value:
                note(what, value in letter.text)
        employers = [e.employer in letter.text for e in s.profile.experience if e.employer]
        achievements = [takes_from(own, a) for e in s.profile.experience for a in e.achievements]
        others = [takes_from(own, x) for x in (*s.profile.skills, *s.profile.education, *s.profile.certificates)]
        if employers + achievements and len(employers + achievements + others) >= 2:
            note("two facts of the résumé", any(employers + achievements) and sum(employers + achievements + others) >= 2)
        if s.job.requirements:
            note("one requirement", any(takes_from(own, r) for r in s.job.requirements))
        note("ends by itself", letter.ended)
        note("inside its length band", abs(len(letter.text.split()) - letter.prompt.words) <= LENGTH_BAND * letter.prompt.words)
        said = sentences(letter)
        note("no sentence twice", len(set(said)) == len(said))
        note("no employer the input lacks", not unknown_employers(letter))
        note("no capitalised word the input lacks", not strangers(letter))
    sets = [set(sentences(letter)) for letter in letters]
    for a, b in itertools.combinations(sets, 2):
        note("pairs sharing at most half their sentences", len(a & b) <= min(len(a), len(b)) / 2)
    return {what: (hits, n) for what, (hits, n) in counts.items()}


def generated(backend, n: int, seed: int) -> list[prompts.Prompt]:
    return [generator.example(seed, i, unseen=True, clean=True, count_tokens=backend.count_tokens).prompt for i in range(n)]


def reporting_half(row: dict) -> bool:
    return int(hashlib.sha256(row["id"].encode()).hexdigest(), 16) % 2 == 1


def real(backend, folder: Path, n: int, seed: int) -> tuple[list[prompts.Prompt], dict[str, tuple[int, int]]]:
    """Prompts from postings x résumés of the reporting half, and how many fields were parsed."""
    from ftapp.profiles import parse_job, parse_resume

    def rows(name: str) -> list[dict]:
        with (folder / name).open(encoding="utf-8") as lines:
            return [r for r in map(json.loads, lines) if reporting_half(r)]

    postings = [(r, parse_job(r["text"])) for r in rows("job_descriptions.jsonl")]
    resumes = [(r, parse_resume(r["text"])) for r in rows("resumes_text.jsonl")]
    parsed = {
        "postings with a title": (sum(bool(j.title) for _, j in postings), len(postings)),
        "postings with a company": (sum(bool(j.company) for _, j in postings), len(postings)),
        "résumés with a name, of those that hold one": (
            sum(bool(p.name) for r, p in resumes if r.get("pseudonym")),
            sum(bool(r.get("pseudonym")) for r, _ in resumes),
        ),
    }
    rng = random.Random(seed)
    asked = []
    for i in range(n):
        job: JobPosting = rng.choice(postings)[1]
        profile: ResumeProfile = rng.choice(resumes)[1]
        kind = prompts.KINDS[i % 3]
        lengths = [80, 120, 160] if kind == "cover_letter" else [80, 100, 120]
        asked.append(prompts.build(profile, job, kind=kind, tone=rng.choice(prompts.TONES), words=rng.choice(lengths),
                                   count_tokens=backend.count_tokens, special_tokens=backend.special_tokens))  # fmt: skip
    return asked, parsed


def main() -> None:
    from ftapp.backends.local import LocalBackend
    from ftapp.backends.pair import Sampling
    from ftapp.config import model_spec

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with job_descriptions.jsonl and resumes_text.jsonl")
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--generated", type=int, default=200)
    parser.add_argument("--real", type=int, default=100)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--show", type=int, default=0, help="print this many letters")
    parser.add_argument("--misses", action="store_true", help="print the failing letters of each rate")
    arguments = parser.parse_args()
    backend = LocalBackend.load(model_spec(arguments.model))
    parts = [("generated", generated(backend, arguments.generated, arguments.seed), {})]
    if arguments.data:
        parts.append(("real", *real(backend, arguments.data, arguments.real, arguments.seed)))
    for name, asked, parsed in parts:
        letters = write(backend, asked, Sampling(greedy=True, max_new_tokens=420))
        print(f"{name}: {len(letters)} letters")
        for what, (hits, n) in {**parsed, **judge(letters)}.items():
            print(f"  {what}: {hits} of {n} ({100 * hits / max(n, 1):.1f} %)")
        for letter in letters[: arguments.show]:
            print("-" * 60, letter.prompt.messages[1]["content"], "·" * 30, letter.text, sep="\n")
        if arguments.misses:
            for letter in letters:
                bad = [what for what, (hits, n) in judge([letter]).items() if hits < n]
                if bad:
                    print("=" * 60, bad, strangers(letter), letter.prompt.messages[1]["content"], "·" * 30, letter.text, sep="\n")


if __name__ == "__main__":
    main()
