"""Postings and résumés to fill the labelling queue with: the built-in fictional set, and files of postings.

A file is one posting in any format that `files.read` takes, or JSONL with one posting a line. Knows texts, not where they are kept.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from ftapp import config, files
from ftapp.errors import UserError

POSTING_KEYS = ("posting", "job", "job_posting", "job_description", "description", "text")
RESUME_KEYS = ("resume", "cv", "résumé", "resume_text")
MOST_FILES = 2000
Texts = tuple[str, str]  # a posting and a résumé; the résumé may be ""


@functools.cache
def fictional() -> tuple[Texts, ...]:
    """The forty pairs of configs/fictional.yaml; postings of one applicant do not follow each other."""
    people = yaml.safe_load((config.CONFIGS / "fictional.yaml").read_text(encoding="utf-8"))
    return tuple((person["postings"][n], person["resume"]) for n in (0, 1) for person in people)


def from_files(paths: Iterable[Path]) -> tuple[list[Texts], list[str]]:
    """(what could be read, a sentence for each file or line that could not). A folder gives its files, by name.

    A line of JSONL is a string, or an object with the posting under one of POSTING_KEYS and perhaps a résumé under RESUME_KEYS.
    Raises UserError for too many files.
    """
    found: list[Texts] = []
    refused: list[str] = []
    every = [file for path in paths for file in (sorted(path.iterdir()) if path.is_dir() else [path]) if not file.name.startswith(".")]
    if len(every) > MOST_FILES:
        raise UserError(f"{len(every)} files were given. No more than {MOST_FILES} are read at once. Put the postings into one JSONL file.")
    for file in every:
        try:
            if file.suffix.lower() in (".jsonl", ".ndjson"):
                _lines(file, found, refused)
            else:
                found.append((files.read(file.read_bytes(), "posting").text, ""))
        except (UserError, OSError) as error:
            why = str(error) if isinstance(error, UserError) else (error.strerror or "it cannot be read").lower()
            refused.append(f"{file.name}: {why}")
    return found, refused


def _lines(file: Path, found: list[Texts], refused: list[str]) -> None:
    with file.open(encoding="utf-8-sig", errors="replace") as rows:
        for number, row in enumerate(rows, 1):
            if not row.strip():
                continue
            try:
                found.append(_texts(json.loads(row)))
            except (ValueError, RecursionError):
                refused.append(f"{file.name}, line {number}: no posting was found in it")


def _texts(value: Any) -> Texts:
    """Raises ValueError when a line holds no posting."""
    if isinstance(value, str) and value.strip():
        return value, ""
    if not isinstance(value, dict):
        raise ValueError("no object")
    posting, resume = _first(value, POSTING_KEYS), _first(value, RESUME_KEYS)
    if not posting:
        raise ValueError("no posting")
    return posting, resume


def _first(row: dict[str, Any], keys: Sequence[str]) -> str:
    lower = {str(key).lower(): value for key, value in row.items()}
    return next((lower[key] for key in keys if isinstance(lower.get(key), str) and lower[key].strip()), "")
