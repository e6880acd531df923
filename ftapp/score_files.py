"""A file of letters beside their reference letters -> the same file with a column a score, and a summary.

Knows JSON Lines and CSV, each in and out; metrics.py knows what the numbers mean. Knows no database and no screen. A line
that cannot be read ends the work with its number: a mean over the readable rest would look like a mean over all.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftapp import bertscore, metrics, structure
from ftapp.errors import UserError
from ftapp.profiles import JobPosting, ResumeProfile, parse_job

MOST_WORDS = 5_000  # of one text; the time of ROUGE-L grows with the square
_CSV_CELL = 10_000_000  # characters; the csv module's own limit is 131,072


@dataclass(frozen=True)
class Table:
    """A file's rows. `lines[i]` is the line on which row i ends; `layout` is "jsonl" or "csv"."""

    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    lines: tuple[int, ...]
    layout: str
    delimiter: str = ","


@dataclass(frozen=True)
class Scored:
    """`table` has a column a score more. `columns`: score -> its column. `summary`: what `--json` prints. `notes`: what was
    left out, a sentence each."""

    table: Table
    columns: dict[str, str]
    summary: dict[str, Any]
    notes: tuple[str, ...]


# --- reading -------------------------------------------------------------------------------------------------------------


def read(path: Path | str) -> Table:
    """The rows of a JSONL or CSV file in UTF-8, told apart by the first character. Raises UserError for anything else."""
    path = Path(path).expanduser()
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        why = (error.strerror or "no such file").lower()
        raise UserError(f"{path.name} could not be read ({why}) - nothing was scored - name a .jsonl or .csv file.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path.name} is not UTF-8 text - nothing was scored - save it as CSV UTF-8 or JSON Lines.") from None
    start = text.lstrip()[:1]
    if start == "[":
        raise UserError(f"{path.name} is one JSON list - nothing was scored - write one object a line (JSON Lines).")
    table = _from_jsonl(text, path.name) if start == "{" else _from_csv(text, path.name)
    if not table.rows:
        raise UserError(f"{path.name} holds no rows - nothing was scored - give a file with a letter a line.")
    return table


def _broken(name: str, line: int, what: str) -> UserError:
    return UserError(f"Line {line} of {name} {what} - nothing was scored - mend that line.")


def _from_jsonl(text: str, name: str) -> Table:
    rows, lines = [], []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise _broken(name, number, "is not JSON") from None
        if not isinstance(row, dict):
            raise _broken(name, number, "is not a JSON object")
        rows.append(row)
        lines.append(number)
    return Table(tuple(dict.fromkeys(key for row in rows for key in row)), tuple(rows), tuple(lines), "jsonl")


def _from_csv(text: str, name: str) -> Table:
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    csv.field_size_limit(_CSV_CELL)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    columns: list[str] = []
    rows, lines = [], []
    try:
        columns = next(reader, [])
        if len(set(columns)) < len(columns):
            raise _broken(name, 1, "names a column twice")
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(columns):
                raise _broken(name, reader.line_num, f"has {len(cells)} fields, and the first line names {len(columns)}")
            rows.append(dict(zip(columns, cells, strict=True)))
            lines.append(reader.line_num)
    except csv.Error:
        raise _broken(name, max(1, reader.line_num), "is not CSV (is a quotation mark left open?)") from None
    return Table(tuple(columns), tuple(rows), tuple(lines), "csv", delimiter)


def _texts(table: Table, column: str) -> list[str]:
    """A column's texts. Raises UserError when a row lacks it, holds something else than text, or more than a letter."""
    if column not in table.columns:
        there = ", ".join(table.columns[:20]) or "none"
        raise UserError(f"There is no column {column!r} - nothing was scored - the columns are: {there}.")
    for row, line in zip(table.rows, table.lines, strict=True):
        text = row.get(column)
        if not isinstance(text, str):
            raise _broken("the file", line, f"has no text in the column {column!r}")
        if len(text.split()) > MOST_WORDS:
            raise _broken("the file", line, f"has more than {MOST_WORDS:,} words in the column {column!r}, which is no letter")
    return [row[column] for row in table.rows]


# --- scoring -------------------------------------------------------------------------------------------------------------


def score(
    table: Table, prediction: str, reference: str, *, kind: str = "cover_letter", job: str | None = None,
    similar: metrics.Similar | None = None,
) -> Scored:  # fmt: skip
    """Every score of every row. `prediction`, `reference` and `job` (the posting's text, for relevance and specificity)
    name columns. A score without a value for a row is an empty cell and not part of the mean. `similar` finds requirements by
    meaning as well as by words.

    A column of the score's name is never written over: the score is then called `PREDICTION_SCORE`.
    Raises UserError for a missing column, a row without text, or an unknown kind.
    """
    written, references = _texts(table, prediction), _texts(table, reference)
    postings = [parse_job(text) for text in _texts(table, job)] if job else [JobPosting()] * len(written)
    notes = [] if job else ["Response Relevance and specificity were left out: no column of postings was named (--job)."]
    values: dict[str, list[float | None]] = {}
    for letter, right, posting in zip(written, references, postings, strict=True):
        for name, value in _row(letter, right, posting, kind, bool(job), similar):
            values.setdefault(name, []).append(value)
    if bertscore.available():
        values["bert_score_f1"] = list(bertscore.f1(written, references))
    else:
        notes.append(f"BERTScore was left out: its model {bertscore.MODEL} is not on this machine.")
    columns = {name: _free(name, table.columns, prediction) for name in values}
    rows = tuple(
        row | {columns[name]: column[at] if column[at] is None else round(column[at], 6) for name, column in values.items()}
        for at, row in enumerate(table.rows)
    )
    summary = {"rows": len(rows)} | {name: metrics.summary([v for v in column if v is not None]) for name, column in values.items()}
    summary["notes"] = notes
    more = Table((*table.columns, *columns.values()), rows, table.lines, table.layout, table.delimiter)
    return Scored(more, columns, summary, tuple(notes))


def _row(
    letter: str, reference: str, posting: JobPosting, kind: str, with_posting: bool, similar: metrics.Similar | None
) -> Iterator[tuple[str, float | None]]:
    yield "rouge_l_f1", metrics.rouge_l_f1(letter, reference)
    yield "repetition_ratio", metrics.repetition(letter)
    if not with_posting:
        yield "email_structure_quality", structure.check(letter, kind).share
        yield "words", len(letter.split())
        yield "characters", len(letter)
        return
    for found in metrics.scores(letter, kind, None, ResumeProfile(), posting, similar):
        if found.name not in ("groundedness", "repetition"):  # the first needs a résumé, the second stands above
            yield found.name.lower().replace(" ", "_"), found.value


def _free(name: str, taken: tuple[str, ...], prediction: str) -> str:
    for column in (name, f"{prediction}_{name}"):
        if column not in taken:
            return column
    raise UserError(f"The file has columns {name!r} and '{prediction}_{name}' already - nothing was scored - rename or remove one.")


# --- writing -------------------------------------------------------------------------------------------------------------


def write(table: Table, path: Path | str) -> None:
    """The table as `.csv` or `.jsonl` by the name's ending, else in the layout it was read in. Complete or not at all.

    Values that are no text become JSON in a CSV cell. Raises UserError when the file cannot be written.
    """
    path = Path(path).expanduser()
    layout = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}.get(path.suffix.lower(), table.layout)
    put: Callable[[Table, Any], None] = _put_csv if layout == "csv" else _put_jsonl
    half = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        # Half of a surrogate pair is legal in JSON and not in UTF-8: it is written as its escape again.
        with half.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            put(table, file)
        os.replace(half, path)
    except OSError as error:
        half.unlink(missing_ok=True)
        why = (error.strerror or "it cannot be opened").lower()
        raise UserError(f"{path.name} could not be written ({why}) - the scores are not in a file - name another place.") from None


def _put_jsonl(table: Table, file: Any) -> None:
    file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in table.rows)


def _put_csv(table: Table, file: Any) -> None:
    to = csv.writer(file, delimiter=table.delimiter)
    to.writerow(table.columns)
    to.writerows([_cell(row.get(column)) for column in table.columns] for row in table.rows)


def _cell(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def printed(scored: Scored) -> str:
    """The summary as a table for people: mean, standard deviation, median a score."""
    lines = [f"{'score':<26}{'mean':>10}{'std':>10}{'median':>10}"]
    for name in scored.columns:
        digits = 1 if name in ("words", "characters") else 4
        numbers = scored.summary[name]
        cells = ("-" if numbers[key] is None else f"{numbers[key]:.{digits}f}" for key in ("mean", "std", "median"))
        lines.append(f"{name:<26}" + "".join(f"{cell:>10}" for cell in cells))
    return "\n".join([*lines, f"{scored.summary['rows']} rows", *scored.notes])
