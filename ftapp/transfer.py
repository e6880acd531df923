"""Preferences in and out: a file's rows into the home, and everything chosen or brought into a file, a few hundred rows at a time.

No more than a page of rows is in memory, and no transaction is open while a file is read or written. Formats are the business of
formats.py and format_readers.py, files of rowfiles.py, personal data of masking.py.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import json
import os
import re
import secrets
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlmodel import col, select

from db.engine import session, write
from db.models import Comparison, Document, Letter, Preference, Prompt
from ftapp import config, examples, format_readers, formats, hosted, imported, letters, preferences, rowfiles
from ftapp.backends.pair import SERVED
from ftapp.errors import UserError
from ftapp.formats import BadRow, Row
from ftapp.masking import Mask

PAGE = 500
MOST_LISTED = 10_000  # bad rows named one by one; the others are counted
MOST_RESUMES = 200  # whose names and contact data are masked
FORMATS = tuple(formats.WRITERS)
_FREE = ("base", "reasons", "more")  # what of a row's provenance a person may have worded
_WRITERS = ("chosen_by", "rejected_by", "written_by")
_PSEUDONYM = re.compile(r"labeler_[0-9a-f]{8}")


@dataclass
class Brought:
    """What an import did. `rejected` are {line, reason}; `formats` counts the rows that were understood."""

    added: int = 0
    duplicates: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)
    formats: Counter[str] = field(default_factory=Counter)
    unlisted: int = 0

    def reject(self, line: int, reason: str) -> None:
        if len(self.rejected) < MOST_LISTED:
            self.rejected.append({"line": line, "reason": reason})
        else:
            self.unlisted += 1
            if self.unlisted == 1:
                self.rejected.append({})
            self.rejected[-1] = {"line": line, "reason": f"this and {self.unlisted - 1} more rows before it: the list is full"}


@dataclass
class Taken:
    """What an export wrote, and how many rows it left out under each reason."""

    rows: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


class Transfer:
    """Import and export of one home. Every method takes the owner first and touches nobody else's rows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def bring(self, owner: str, source: BinaryIO, use: bool = False, progress: Callable[[int], None] = lambda rows: None) -> Brought:
        """Store the rows of a file in any known format; what is there already, chosen here or imported, is not stored twice.

        `use` lets the new pairs train. Raises UserError for a file without rows and for a full disk; pages before it are kept.
        """
        done, page = Brought(), []
        digests, receipts = self._own(owner)
        for line, raw in rowfiles.read(source):
            try:
                if isinstance(raw, str):
                    raise BadRow(raw)
                name, row = format_readers.read(raw)
                _encodable(row.provenance)
                digest = row.digest
            except BadRow as error:
                done.reject(line, str(error))
                continue
            done.formats[name] += 1
            if digest in digests or row.provenance.get("id", "").partition(".")[0] in receipts:
                done.duplicates += 1
                continue
            page.append((name, row, digest))
            if len(page) == PAGE:
                self._store(owner, page, use, done)
                progress(done.added + done.duplicates)
        self._store(owner, page, use, done)
        return done

    def _store(self, owner: str, page: list[tuple[str, Row, str]], use: bool, done: Brought) -> None:
        try:
            with write(self._engine) as opened:
                added = imported.add(opened, owner, page, use)
        except OperationalError:
            raise UserError(
                f"The disk is full, or the database is held by another program. The first {done.added + done.duplicates:,} rows are kept. "
                "Make room and import the file again: nothing comes in twice."
            ) from None
        done.added += added
        done.duplicates += len(page) - added
        page.clear()

    def _own(self, owner: str) -> tuple[set[str], set[str]]:
        """What is of this home: the digests of everything that an export makes of choices and own letters, and the receipts of choices."""
        digests, receipts = set(), set()
        for row in self._chosen(owner):
            receipts.add(row.provenance["id"].partition(".")[0])
            digests.update(one.digest for kind in ("pair", "label", "example") for one in formats.as_kind(row, kind))
        digests.update(row.digest for row in self._letters(owner))
        return digests, receipts

    def take(self, owner: str, name: str, out: Path, masked: bool = True) -> Taken:
        """Write everything that fits the format into a file, whole or not at all. Raises UserError.

        `masked` puts masks in the place of personal data. Choices come first, then what was imported, then own letters that teach, which
        only a format of single good answers has a place for; each in its order.
        """
        if name not in formats.WRITERS:
            raise UserError(f"There is no format {str(name)[:20]!r}. Nothing was written. Choose one of {', '.join(FORMATS)}.")
        fresh = out.with_name(f".{out.name}.part")
        try:
            with fresh.open("w", encoding="utf-8", newline="") as file:
                done = self._write(owner, name, file, masked)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(out)
        except OSError as error:
            why = (error.strerror or type(error).__name__).lower()
            raise UserError(f"The file could not be written ({why}). Nothing was exported. Make room or name another place.") from None
        finally:
            fresh.unlink(missing_ok=True)
        return done

    def check(self, owner: str, name: str, masked: bool = True, price: float | None = None) -> dict[str, Any]:
        """What hosted fine-tuning would say of an export, without making one: `hosted.Check.report`, and {left_out}. Raises UserError."""
        if name not in hosted.FORMATS:
            raise UserError(
                f"{name} is no format of hosted fine-tuning. There are no rules to check it by. Choose one of {', '.join(hosted.FORMATS)}."
            )
        done, check = Taken(), hosted.Check(name, config.server_config().hosted)
        for fields in self._fields(owner, name, masked, done):
            check.add(fields)
        return check.report(price) | {"left_out": dict(done.left_out)}

    @staticmethod
    def price() -> float | None:
        """What a million tokens of hosted fine-tuning cost, as it is set."""
        return config.server_config().hosted.price_per_million_tokens

    def _write(self, owner: str, name: str, file: TextIO, masked: bool) -> Taken:
        done, put = Taken(), _putter(file, formats.WRITERS[name][2])
        for fields in self._fields(owner, name, masked, done):
            put(fields)
        put(None)
        return done

    def _fields(self, owner: str, name: str, masked: bool, done: Taken) -> Iterator[dict[str, Any]]:
        """Everything that fits a format, row by row as it is written; `done` counts it, and what was left out."""
        _, kind, _, writer = formats.WRITERS[name]
        seen, clean = _Seen(), self._masker(owner) if masked else (lambda row: row)
        for source in self._all(owner, kind):
            for row in formats.as_kind(source, kind):
                row = clean(row)
                fields = None if (why := formats.fault(row)) else writer(row)
                if fields is None:
                    done.left_out[why or "the format has no place for this kind of conversation"] += 1
                elif not seen.add(row.digest):
                    done.left_out["the same again"] += 1
                else:
                    done.rows += 1
                    yield fields
        seen.close()

    # ---- rows ---------------------------------------------------------------------------------------------------

    def _all(self, owner: str, kind: str) -> Iterator[Row]:
        yield from self._chosen(owner)
        yield from self._brought(owner)
        if kind == "example":
            yield from self._letters(owner)

    def _letters(self, owner: str) -> Iterator[Row]:
        """The person's own letters that teach, each with the prompt that writing would make for it."""
        after = ""
        while True:
            with session(self._engine) as opened:
                rows = examples.answered(opened, owner, after, PAGE)
            yield from rows
            if len(rows) < PAGE:
                return
            after = rows[-1].provenance["id"]

    def _brought(self, owner: str) -> Iterator[Row]:
        after = 0
        while True:
            with session(self._engine) as opened:
                rows = imported.page(opened, owner, after, PAGE)
            if not rows:
                return
            yield from (row for _, row in rows)
            after = rows[-1][0]

    def _chosen(self, owner: str) -> Iterator[Row]:
        """What the choices made here teach, oldest first."""
        after = None
        while True:
            with session(self._engine) as opened:
                rows = preferences.choices(opened, owner, after=after, most=PAGE)
            for found in rows:
                yield from rows_of(*found)
            if len(rows) < PAGE:
                return
            after = rows[-1][0]

    def _masker(self, owner: str) -> Callable[[Row], Row]:
        with session(self._engine) as opened:
            resumes = select(Document).where(Document.owner_id == owner, Document.kind == "resume")
            found = opened.exec(resumes.order_by(col(Document.created_at).desc()).limit(MOST_RESUMES)).all()
            oldest = select(Comparison.id).where(Comparison.owner_id == owner).order_by(col(Comparison.created_at)).limit(1)
            salt = opened.exec(oldest).first() or secrets.token_hex()
        mask = Mask([str((one.fields or {}).get("name") or "") for one in found], [one.text for one in found])

        again = functools.lru_cache(maxsize=64)(mask)  # rows in a row share a system message, and often the prompt

        def clean(row: Row) -> Row:
            told = row.provenance | {name: mask.everything(row.provenance[name]) for name in _FREE if name in row.provenance}
            for name in _WRITERS:  # a server's model may be named after its owner
                if str((by := told.get(name) or {}).get("model")).startswith(SERVED):
                    told[name] = by | {"model": SERVED + mask.everything(by["model"].removeprefix(SERVED))}
            if (labeler := told.get("labeler", "")) and not _PSEUDONYM.fullmatch(labeler):
                told["labeler"] = _pseudonym(labeler, salt)
            prompt = [{"role": m["role"], "content": again(m["content"])} for m in row.prompt]
            rejected = None if row.rejected is None else mask(row.rejected)
            made = replace(row, prompt=prompt, chosen=mask(row.chosen), rejected=rejected, provenance=told)
            return _unsigned(made) if told.get("applicant") else made

        return clean

    # ---- what was brought ---------------------------------------------------------------------------------------

    def counts(self, owner: str) -> dict[str, int]:
        """{pair, label, example, used} of what was imported."""
        with session(self._engine) as opened:
            return imported.counts(opened, owner)

    def choose(self, owner: str, use: bool) -> int:
        """Let all imported pairs train, or none; returns how many this changed."""
        with write(self._engine) as opened:
            return imported.choose(opened, owner, use)

    def remove(self, owner: str) -> int:
        """Delete everything that was imported; choices made here stay. Returns how many rows."""
        with write(self._engine) as opened:
            return imported.remove(opened, owner)


def _unsigned(row: Row) -> Row:
    """An own letter without the name that it is signed with, which no résumé of the owner may hold. Names of hundreds of letters are not
    masked in all of them: among them are words."""
    mask = Mask([row.provenance["applicant"]])
    prompt = [{"role": m["role"], "content": mask(m["content"])} for m in row.prompt]
    return replace(row, prompt=prompt, chosen=mask(row.chosen))


def rows_of(stored: Preference, left: Letter, right: Letter, prompt: Prompt) -> list[Row]:
    """A choice as rows: its pairs, or for a tie two good answers and for neither two bad ones."""
    told = {
        "id": stored.id, "kind": prompt.kind, "template_hash": prompt.template_hash,
        "prompt_hash": prompt.prompt_hash, "split_key": prompt.split_key, "labeler": stored.labeler, "verdict": stored.verdict,
        "side": stored.edited_from or (stored.verdict if stored.verdict in ("left", "right") else ""),
        "edited": stored.edited_text is not None, "reasons": ", ".join(map(str, stored.reasons or ())),
        "seconds": float(stored.seconds or 0), "at": stored.created_at.isoformat(),
    }  # fmt: skip
    sides = {"left": left, "right": right}
    if stored.edited_text is None and stored.verdict in ("tie", "both_bad"):
        return [
            Row("label", prompt.messages, letter.text, None, stored.verdict == "tie",
                told | _base(letter) | {"id": f"{stored.id}.{side}", "finished": letter.finished, "written_by": _written_by(letter)})
            for side, letter in sides.items()
        ]  # fmt: skip
    made = []
    for pair in preferences.pairs_of(stored, left, right, prompt):
        better = None if stored.edited_text is not None else sides[stored.verdict]
        worse = sides[pair.id.rpartition(".")[2]] if better is None else left if better is right else right
        by = {"chosen_by": _written_by(better), "rejected_by": _written_by(worse)}
        by |= _base(worse if better is None or better.base_id != pair.base_id else better)
        made.append(Row("pair", pair.prompt, pair.chosen, pair.rejected, None, told | by | {"id": pair.id, "finished": pair.finished}))
    return made


def _base(letter: Letter) -> dict[str, str]:
    return {"base": letter.base_id, "base_hash": letter.base_hash}


def _written_by(letter: Letter | None) -> dict[str, Any]:
    """What wrote a text: a person, or a model with its adapter, seed and sampling."""
    if letter is None:
        return formats.WRITER | {"model": "person"}
    return {
        "model": "adapter" if letter.adapter_sha256 else letters.writer(None, letter.base_id), "adapter": letter.adapter_id or "",
        "seed": letter.seed, "adapter_sha256": letter.adapter_sha256 or "", "sampling": json.dumps(letter.sampling, sort_keys=True),
    }  # fmt: skip


def _pseudonym(labeler: str, salt: str) -> str:
    """The same person keeps one name in all exports of a home. The salt is an id that no export holds: no list of names gives it away."""
    return "labeler_" + hashlib.sha256(f"{salt} {labeler}".encode()).hexdigest()[:8]


def _encodable(told: dict[str, Any]) -> None:
    try:
        json.dumps(told, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):  # a UnicodeEncodeError is a ValueError
        raise BadRow("a column beside the answers cannot be stored") from None


class _Seen:
    """Digests met before, in a temporary file of SQLite's own: memory does not grow with the rows."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._file.execute("CREATE TABLE seen (digest BLOB PRIMARY KEY) WITHOUT ROWID")
        self._file.execute("BEGIN")

    def add(self, digest: str) -> bool:
        """False when it was there."""
        return self._file.execute("INSERT OR IGNORE INTO seen VALUES (?)", (bytes.fromhex(digest)[:16],)).rowcount == 1

    def close(self) -> None:
        self._file.close()


def _putter(file: TextIO, ending: str) -> Callable[[dict[str, Any] | None], None]:
    """Writes one row after the other; None is the end."""
    if ending == "csv":
        table = csv.DictWriter(file, formats.CSV_COLUMNS, quoting=csv.QUOTE_ALL, lineterminator="\n")
        table.writeheader()
        return lambda row: row and table.writerow({name: rowfiles.harmless(cell) for name, cell in row.items()})
    if ending == "jsonl":
        return lambda row: row and file.write(json.dumps(row, ensure_ascii=False) + "\n")
    first = ["["]

    def element(row: dict[str, Any] | None) -> None:
        if row is None:
            file.write("[]\n" if first else "\n]\n")
        else:
            file.write((first.pop() if first else ",") + "\n" + json.dumps(row, ensure_ascii=False))

    return element
