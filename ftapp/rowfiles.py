"""A file of rows, one row at a time: JSON lines, a JSON array, CSV, each also gzipped. Knows files, not what a row means.

Only one row is in memory. What cannot be read is told by its line, and reading goes on with the next row.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from ftapp.errors import UserError

MOST_ROW = 4_000_000  # characters of one row: two letters and a prompt have a few thousand
MOST_FILE = 8_000_000_000  # characters of one file, unpacked
_CHUNK = 1 << 18
_GAP = re.compile(r"[\s,\[\]]*")
_MAGIC = {
    b"PAR1": "a Parquet file", b"PK\x03\x04": "a ZIP archive or an Office file", b"%PDF": "a PDF", b"\x89PNG": "a picture",
    b"SQLite format 3": "a database", b"BZh": "a bzip2 archive", b"\xfd7zXZ": "an xz archive", b"\x28\xb5\x2f\xfd": "a zstd archive",
}  # fmt: skip
WHAT_GOES = "JSON lines, a JSON array or CSV, also gzipped"
TOO_LONG = f"the row is longer than {MOST_ROW:,} characters"
NOT_TEXT = "the text is not UTF-8"
NOT_OBJECT = "not a JSON object with named fields"

csv.field_size_limit(MOST_ROW)
Found = tuple[int, dict[str, Any] | str]  # a line and its row, or why there is none
Fits = Callable[[set[str]], Any]  # whether the names of a table's columns, in small letters, are those of rows that are looked for
_ANSWERS = {"chosen", "completion", "output", "response", "answer"}


def read(source: BinaryIO, fits: Fits = _ANSWERS.intersection, columns: str = "prompt, chosen, rejected") -> Iterator[Found]:
    """(line, row) for each row of the file, or (line, reason); lines count from 1, a row over several lines has its first.

    Raises UserError when the file is empty, of a kind that holds no rows, or a table whose columns do not fit; `columns` are named then.
    """
    stream = io.BufferedReader(source) if not hasattr(source, "peek") else source
    if stream.peek(2)[:2] == b"\x1f\x8b":
        stream = io.BufferedReader(gzip.GzipFile(fileobj=stream))
    try:
        head = stream.peek(4096)[:4096]
    except (OSError, EOFError, zlib.error):
        raise UserError("The gzipped file is damaged. Nothing was imported. Copy or download it again.") from None
    text = io.TextIOWrapper(stream, _encoding(head), errors="surrogateescape", newline="\n")
    yield from _safely(text, fits, columns)


def _encoding(head: bytes) -> str:
    """Raises UserError for a file that is not text."""
    kind = next((name for magic, name in _MAGIC.items() if head.startswith(magic)), "")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if kind or b"\0" in head:
        what = kind or "no text file"
        raise UserError(f"This is {what}. It holds no rows that ftapp can read, and nothing was imported. Give {WHAT_GOES}.")
    return "utf-8-sig"


def _safely(text: io.TextIOWrapper, fits: Fits, columns: str) -> Iterator[Found]:
    """The rows in the way their first line asks for; a file that breaks off keeps the rows before."""
    line = 0
    try:
        line, first = next(((n, one) for n, one in _lines(text) if one is None or one.strip()), (0, ""))
        if first == "":
            raise UserError("The file is empty. There is nothing to import. Choose another file.")
        start = (first or "").lstrip()
        if first is not None and (start[0] == "[" or start.rstrip() == "{"):
            found = _elements(text, first, line)
        elif first is None or start[0] in '{"' and _is_json(start):
            found = _objects(text, first, line)
        else:
            found = _table(text, first, line, fits, columns)
        for line, row in found:
            yield line, row
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeError):
        yield line + 1, "the file breaks off or is damaged here; the rows before were read"


def _is_json(line: str) -> bool:
    return line.startswith("{") or line.lstrip().startswith('"') and "," not in line and line.rstrip().endswith('"')


def _lines(text: io.TextIOWrapper, number: int = 0) -> Iterator[tuple[int, str | None]]:
    """Each line with its number, None for one that is too long."""
    read = 0
    while line := text.readline(MOST_ROW + 1):
        number += 1
        read += len(line)
        if len(line) > MOST_ROW and not line.endswith("\n"):
            while (rest := text.readline(_CHUNK)) and not rest.endswith("\n"):
                read += len(rest)
            yield number, None
        else:
            yield number, line
        if read > MOST_FILE:
            raise EOFError


def _objects(text: io.TextIOWrapper, first: str | None, begin: int) -> Iterator[Found]:
    """JSON lines."""
    yield begin, _object(first)
    for number, line in _lines(text, begin):
        if line is None or line.strip():
            yield number, _object(line)


def _object(line: str | None) -> dict[str, Any] | str:
    if line is None:
        return TOO_LONG
    if not line.isascii() and not _is_utf8(line):
        return NOT_TEXT
    try:
        value = json.loads(line, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        cut = error.pos >= len(line.rstrip()) or error.msg.startswith("Unterminated")
        return "the JSON is cut off" if cut else f"not JSON (at character {error.pos + 1})"
    except RecursionError:
        return "the JSON is nested too deeply"
    except ValueError:
        return "holds a number that JSON does not know or that is too long"
    return value if isinstance(value, dict) else NOT_OBJECT


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
        return True
    except UnicodeEncodeError:
        return False


def _elements(text: io.TextIOWrapper, held: str, line: int) -> Iterator[Found]:
    """The elements of an array, or objects one after the other. After a broken one it goes on where a line begins as the first did."""
    decode = json.JSONDecoder(parse_constant=_refuse).raw_decode
    at = read = 0
    again: re.Pattern[str] | None = None
    while True:
        gap = _GAP.match(held, at)
        if again is None and gap.end() < len(held):
            indent = gap.group().rpartition("\n")[2]
            again = re.compile(rf"\n{indent}\{{") if not indent.strip() else re.compile(r"\n\{")
        line, at = line + held.count("\n", at, gap.end()), gap.end()
        if at == len(held):
            held, at = text.read(_CHUNK), 0
            if not held:
                return
            continue
        try:
            value, end = decode(held, at)
        except (ValueError, RecursionError) as error:
            more = text.read(_CHUNK) if len(held) - at <= MOST_ROW else ""
            read += len(more)
            if more and isinstance(error, ValueError) and read <= MOST_FILE:
                held, at = held[at:] + more, 0
                continue
            next_one = again.search(held, at + 1) if again else None
            yield line, "not JSON, or cut off" + ("" if next_one else "; nothing after it could be read")
            if next_one is None:
                return
            line, at = line + held.count("\n", at, next_one.start()), next_one.start()
            continue
        row = value if isinstance(value, dict) else NOT_OBJECT
        yield line, NOT_TEXT if not held.isascii() and not _is_utf8(held[at:end]) else row
        line, at = line + held.count("\n", at, end), end


def _table(text: io.TextIOWrapper, header: str, number: int, fits: Fits, columns: str) -> Iterator[Found]:
    """CSV whose first row names the columns. Raises UserError when that row names none that are looked for."""
    cut = max(",;\t", key=header.count)
    try:
        names = [name.strip().casefold() for name in next(csv.reader([header], delimiter=cut), [])]
    except csv.Error:
        names = []
    if not fits(set(names)):
        raise UserError(
            f"This is a text that holds no rows ftapp knows. Nothing was imported. Give {WHAT_GOES}; the first row of a CSV names its "
            f"columns: {columns}."
        )
    seen = [number, number]

    def lines() -> Iterator[str]:
        for seen[1], line in _lines(text, number):
            yield "" if line is None else line

    rows = csv.reader(lines(), delimiter=cut)
    while True:
        seen[0] = seen[1] + 1
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield seen[0], "a quotation mark is never closed"
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(names):
            yield seen[0], f"the row has {len(cells)} cells, the first row {len(names)}"
        elif not all(cell.isascii() or _is_utf8(cell) for cell in cells):
            yield seen[0], NOT_TEXT
        else:
            yield seen[0], {name: restored(cell) for name, cell in zip(names, cells, strict=True)}


# A spreadsheet takes a cell for a formula when it begins so (OWASP, "CSV Injection"); full-width signs count in East Asian versions.
_FORMULA = re.compile(r"(?:['\s]*[=+\-@＝＋－＠]|['\s]*[\t\r\n])")


def harmless(cell: str) -> str:
    """A cell that no spreadsheet computes: an apostrophe before what looks like a formula. `restored` takes it back."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def restored(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell[1:]) else cell
