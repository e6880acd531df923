"""The bundled model taught the letters of `cover_letter_dataset.jsonl`, in five folds by company, beside the published 7B figures.

Every letter is written by an adapter that saw no letter to the same company. ROUGE-L F1 and repetition are those of `metrics`; the
published ones are means over the 349 rows of the whole test split, of which the file holds 209, and the mean over the same 209 rows is
printed too. Nothing that is trained here is kept.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import batch, voice
from benchmarks.kept import Kept
from ftapp import config, metrics, prompts
from ftapp.profiles import Experience, JobPosting, ResumeProfile

FOLDS = 5
PUBLISHED = {"base 7B": (0.314, 0.428), "fine-tuned 7B": (0.519, 0.361)}  # ROUGE-L F1, repetition
WORDS = 120  # asked of every letter: the length of a reference is not known to whoever writes
RECIPE = config.Recipe(  # chosen on one fold of `tuning_half`: 8 epochs gave .31, 16 gave .40
    name="sft_dataset", method="sft", scope="letter", parent="none", r=32, alpha=64, learning_rate=1e-3, epochs=16, batch_size=4,
    scheduler="cosine",
)  # fmt: skip
_AT = re.compile(r"^(?P<title>.+?) (?:at|with|in) (?P<employer>.+?)(?:\s*[,(]?\s*(?:for |from )?(?P<time>\(?\d[^,]*))?$")


def held(text: str) -> Experience | None:
    """"Data Analyst at ABC for 2 years" as a position; what has no such form is a line of its own."""
    text = prompts.one_line(text)
    match = _AT.match(text)
    if match and len(match["title"].split()) <= 8:
        return Experience(title=match["title"], employer=match["employer"].strip(" ,.("), end=(match["time"] or "").strip("() "))
    return Experience(achievements=[text]) if text else None


def lines(text: str) -> list[str]:
    return [line.strip(" -•*;.") for line in re.split(r"\n|;|(?<=[a-z])\. ", text) if line.strip(" -•*;.")]


def prompt(row: Mapping[str, Any], backend: Any) -> prompts.Prompt:
    """The row's fields as the app's own prompt; the reference is not looked at."""
    skills = [part.strip(" .") for part in re.split(r"[,\n;]|(?i:(?:hard|soft) skills:)", row["skills"]) if part.strip(" .")]
    profile = ResumeProfile(
        name=row["applicant_name"], skills=skills, education=lines(row["qualifications"]),
        experience=[e for e in (held(row["current_experience"]), held(row["past_experience"])) if e],
    )  # fmt: skip
    job = JobPosting(title=row["job_title"], company=row["company"], requirements=lines(row["preferred_qualifications"]))
    return prompts.build(profile, job, words=WORDS, count_tokens=backend.count_tokens, special_tokens=backend.special_tokens)


def fold(company: str) -> int:
    return int(hashlib.sha256(company.strip().casefold().encode()).hexdigest(), 16) % FOLDS


def tuning_half(row: Mapping[str, Any]) -> bool:
    return int(hashlib.sha256(row["id"].encode()).hexdigest(), 16) % 2 == 0


def folds(
    backend: Any, kept: Kept, file: Path, work: Path, teach: voice.Teach, recipe: config.Recipe = RECIPE, only: str = ""
) -> None:
    """Five trainings and their letters; `only` "tuning" looks at that half of the rows alone, to choose a recipe by."""
    with file.open(encoding="utf-8") as opened:
        rows = [row for row in map(json.loads, opened) if not only or tuning_half(row)]
    asked = [prompt(row, backend) for row in rows]
    base = kept.get(f"dataset base {only}", lambda: [x.text for x in batch.write(backend, asked, voice.sampling(backend))])
    written: dict[int, str] = {}
    for number in range(FOLDS):
        texts = kept.get(f"dataset {only} {recipe.model_dump_json(exclude_defaults=True)} fold {number}",
                         functools.partial(one_fold, backend, rows, asked, number, recipe, work, teach))  # fmt: skip
        written |= {int(at): text for at, text in texts.items()}
        reached = mean_rouge([rows[int(at)] for at in texts], list(texts.values()))
        print(f"  fold {number}: {len(texts)} letters, ROUGE-L {reached:.3f}", flush=True)
    after = [written[at] for at in range(len(rows))]
    halves = {"all rows": list(range(len(rows))), "reporting half": [at for at, row in enumerate(rows) if not tuning_half(row)]}
    for name, part in halves.items() if not only else [("tuning half", list(range(len(rows))))]:
        some = [rows[at] for at in part]
        told = {"bundled, base": [base[at] for at in part], "bundled, fine-tuned": [after[at] for at in part],
                "7B base, same rows": [row["base_output"] for row in some],
                "7B fine-tuned, same rows": [row["finetuned_output"] for row in some],
                "references": [row["reference_letter"] for row in some]}  # fmt: skip
        print(f"{name}: {len(some)} letters, {len({row['company'] for row in some})} companies")
        for who, texts in told.items():
            print(f"  {who:<26} ROUGE-L {mean_rouge(some, texts):.3f}  repetition {statistics.fmean(map(metrics.repetition, texts)):.3f}  "
                  f"{statistics.fmean(len(text.split()) for text in texts):.0f} words")  # fmt: skip
    for who, (rouge, repetition) in PUBLISHED.items():
        print(f"  {who + ', published, 349 rows':<26} ROUGE-L {rouge:.3f}  repetition {repetition:.3f}", flush=True)


def one_fold(backend: Any, rows: Sequence[Mapping[str, Any]], asked: Sequence[prompts.Prompt], number: int, recipe: config.Recipe,
             work: Path, teach: voice.Teach) -> dict[int, str]:  # fmt: skip
    """Row -> letter for the companies of one fold, by an adapter taught on all others."""
    mine = [at for at, row in enumerate(rows) if fold(row["company"]) == number]
    others = [at for at in range(len(rows)) if at not in set(mine)]
    lessons = [{"id": rows[at]["id"], "prompt": list(asked[at].messages), "completion": rows[at]["reference_letter"].strip(),
                "split_key": rows[at]["company"]} for at in others]  # fmt: skip
    adapter = teach(lessons, recipe, work / f"{recipe.name}-{number}-{len(rows)}")
    letters = batch.write(backend, [asked[at] for at in mine], voice.sampling(backend), adapter)
    return {at: letter.text for at, letter in zip(mine, letters, strict=True)}


def mean_rouge(rows: Sequence[Mapping[str, Any]], texts: Sequence[str]) -> float:
    return statistics.fmean(metrics.rouge_l_f1(text, row["reference_letter"]) for row, text in zip(rows, texts, strict=True))
