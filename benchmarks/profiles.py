"""How much of real postings and résumés reaches the fields: `python -m benchmarks.profiles --data DIR [--half report]`.

Reads `job_descriptions.jsonl` and `resumes_text.jsonl` from DIR. Rows are split by the parity of sha256(id), so that
rules are tuned on one half ("tune") and believed on the other ("report"). Every figure is printed with its denominator.

A title or company counts as *exact* when it equals the label once case, punctuation, brackets and legal forms are
gone, and as *found* when one of the two holds the words of the other (a letter may say "Nurse" for "Nurse - Band 5").
Employers and skills are recalled against entity labels; a label counts when a parsed value holds it or is held by it.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import json
import random
import re
from pathlib import Path

from ftapp import prompts
from ftapp.profiles import JobPosting, ResumeProfile, parse_job, parse_resume

CONTACT = re.compile(r"[\w.+-]+@[\w-]+\.\w+|\[(?:EMAIL|PHONE|PROFILE_URL|REDACTED)\]|https?://|\+?(?:\d[\s-]*){9,}")


def half(row: dict) -> str:
    return "report" if int(hashlib.sha256(row["id"].encode()).hexdigest(), 16) % 2 else "tune"


def rows(folder: Path, name: str, which: str) -> list[dict]:
    with (folder / name).open(encoding="utf-8") as lines:
        return [r for r in map(json.loads, lines) if which in ("both", half(r))]


def plain(text: str) -> list[str]:
    """Words for comparison: lower case, entities resolved, brackets and legal forms gone."""
    text = re.sub(r"\([^)]*\)", " ", html.unescape(text or "")).casefold()
    return [w for w in re.findall(r"[^\W_]+", text) if w not in ("the", "inc", "ltd", "limited", "llc", "plc", "co", "cic")]


def exact(parsed: str, label: str) -> bool:
    return bool(parsed) and plain(parsed) == plain(label)


def found(parsed: str, label: str) -> bool:
    """Every word of the shorter stands in the longer, and it is at least half as long."""
    a, b = sorted((set(plain(parsed)), set(plain(label))), key=len)
    return bool(a) and a <= b and (2 * len(a) >= len(b) or len(a) >= 2)


def share(hits: list[bool]) -> str:
    return f"{sum(hits)} of {len(hits)} ({100 * sum(hits) / len(hits):.0f} %)" if hits else "0 of 0"


def postings(given: list[dict]) -> dict[str, str]:
    parsed = [(r, parse_job(r["text"])) for r in given]
    titled = [(p.title, r["title"]) for r, p in parsed if r.get("title")]
    owned = [(p.company, r["company"], r["text"]) for r, p in parsed if r.get("company")]
    named = [(c, label) for c, label, text in owned if " ".join(plain(label.split(",")[0])) in " ".join(plain(text))]
    return {
        "title found": share([found(t, label) for t, label in titled]),
        "title exact": share([exact(t, label) for t, label in titled]),
        "title empty": share([not t for t, _ in titled]),
        "company found": share([found(c, label) for c, label, _ in owned]),
        "company found, where the text names it": share([found(c, label) for c, label in named]),
        "company exact": share([exact(c, label) for c, label, _ in owned]),
        "company wrong (not empty, not found)": share([bool(c) and not found(c, label) for c, label, _ in owned]),
        "three requirements or more": share([len(p.requirements) >= 3 for _, p in parsed]),
        "no requirement and no duty": share([not p.requirements and not p.duties for _, p in parsed]),
    }


def labels(row: dict, key: str) -> list[str]:
    return [v for v in (row.get("entities") or {}).get(key, []) if v.strip()]


def skill_items(text: str) -> list[str]:
    """A skills label as single items: brackets and category names gone, split at commas, bullets and lines."""
    text = re.sub(r"\([^)]*\)", "", text)
    items = (re.sub(r"^[^:]{2,40}:", "", i).strip(" .-\n").lower() for i in re.split(r"[,•;\n●❖]", text))
    return [i for i in items if i and len(i.split()) <= 5]


def held(label: str, values: list[str]) -> bool:
    want = " ".join(plain(label)) or label.strip().lower()
    have = [" ".join(plain(v)) or v.strip().lower() for v in values]
    return any(want == h or f" {want} " in f" {h} " or len(h) > 2 and f" {h} " in f" {want} " for h in have if h)


def resumes(given: list[dict]) -> dict[str, str]:
    parsed = [(r, parse_resume(r["text"])) for r in given]
    named = [(r, p) for r, p in parsed if r.get("pseudonym")]
    nameless = [p for r, p in parsed if "names absent" in str(r.get("anonymised", ""))]
    labelled = [(r, p) for r, p in parsed if r.get("entities")]
    employers = [(v, p) for r, p in labelled for v in labels(r, "Companies worked at")]
    roles = [(v, p) for r, p in labelled for v in labels(r, "Designation")]
    skills = [(i, p) for r, p in labelled for v in labels(r, "Skills") for i in skill_items(v)]
    claimed = [(e.employer, r) for r, p in labelled for e in p.experience if e.employer and labels(r, "Companies worked at")]
    return {
        "name exact, of those that hold one": share([p.name.casefold() == r["pseudonym"].casefold() for r, p in named]),
        "name wrong (not empty, not exact)": share([bool(p.name) and p.name.casefold() != r["pseudonym"].casefold() for r, p in named]),
        "name invented where none stands": share([bool(p.name) for p in nameless]),
        "an employer or achievement": share([any(e.employer or e.achievements for e in p.experience) for _, p in parsed]),
        "employers recalled": share([held(v, [e.employer for e in p.experience]) for v, p in employers]),
        "parsed employers that a label names": share([held(v, labels(r, "Companies worked at")) for v, r in claimed]),
        "job titles recalled": share([held(v, [e.title for e in p.experience] + [p.headline]) for v, p in roles]),
        "skills recalled": share([held(v, p.skills) for v, p in skills]),
        "contact data in a field": share([bool(CONTACT.search(p.model_dump_json())) for _, p in parsed]),
    }


def show(jobs: list[dict], people: list[dict], count: int, seed: int) -> None:
    """Prompts as a model gets them, for reading with one's own eyes."""
    rng = random.Random(seed)
    for n in range(count):
        job: JobPosting = parse_job(rng.choice(jobs)["text"])
        profile: ResumeProfile = parse_resume(rng.choice(people)["text"])
        print(f"---- prompt {n + 1}\n{prompts.build(profile, job).messages[-1]['content']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with job_descriptions.jsonl and resumes_text.jsonl")
    parser.add_argument("--half", choices=("tune", "report", "both"), default="report")
    parser.add_argument("--show", type=int, default=0, help="print this many prompts (of the tuning half only)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    jobs, people = (rows(arguments.data, name, arguments.half) for name in ("job_descriptions.jsonl", "resumes_text.jsonl"))
    for what, figures in ((f"{len(jobs)} postings", postings(jobs)), (f"{len(people)} résumés", resumes(people))):
        print(f"{what}, half: {arguments.half}")
        for name, value in figures.items():
            print(f"  {name:42} {value}")
    if arguments.show:
        tuning = (rows(arguments.data, name, "tune") for name in ("job_descriptions.jsonl", "resumes_text.jsonl"))
        show(*tuning, arguments.show, arguments.seed)


if __name__ == "__main__":
    main()
