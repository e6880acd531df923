"""The rows that a person brought in files: stored once, paged, counted, let train or not. Knows rows, not files.

They stand apart from the choices made here: nobody compared these answers in this app, and most belong to no posting.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from db.models import Imported, TrainingRun, now
from ftapp import letters, masking
from ftapp.formats import Row

_KEY = re.compile(r"[0-9a-f]{64}")
_COMPANY = re.compile(r"(?m)^company: (.+)$")  # as prompts.build writes it
_MASKS = (masking.NAME, masking.MAIL, masking.PHONE, masking.ADDRESS)


def add(session: Session, owner: str, rows: Sequence[tuple[str, Row, str]], use: bool = False) -> int:
    """Store rows (format, row, digest) that are not there yet; returns how many were new.

    Pairs that an ftapp wrote for a posting train at once, unless they are masked; all others only with `use` or after `choose`.
    """
    insert = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert(Imported)
    values = [_columns(owner, *row, use) for row in rows]
    return session.connection().execute(insert.on_conflict_do_nothing(), values).rowcount if values else 0


def _columns(owner: str, name: str, row: Row, digest: str, use: bool) -> dict[str, Any]:
    told = row.provenance
    posting = bool(_KEY.fullmatch(told.get("split_key", ""))) and not any(mask in row.chosen for mask in _MASKS)
    return {
        "owner_id": owner, "created_at": now(), "format": name, "kind": row.kind, "prompt": row.prompt, "chosen": row.chosen,
        "rejected": row.rejected, "label": row.label, "finished": told.get("finished", True), "base_id": told.get("base", ""),
        "provenance": told, "content_hash": digest, "split_key": split_key(row),
        "used_at": now() if row.kind == "pair" and (use or posting) else None,
    }  # fmt: skip


def split_key(row: Row) -> str:
    """By the permanent rule: the key it was exported with, else that of the company its prompt names, else of the whole prompt."""
    told = row.provenance.get("split_key", "")
    company = _COMPANY.search(row.prompt[-1]["content"])
    return told if _KEY.fullmatch(told) else letters.split_key(company.group(1) if company else "", prompt=_whole(row.prompt))


def _whole(prompt: list[dict[str, str]]) -> str:
    return json.dumps(prompt, ensure_ascii=False)


def page(session: Session, owner: str, after: int, most: int) -> list[tuple[int, Row]]:
    """The next rows in the order of their arrival, each with its number."""
    wanted = (Imported.id, Imported.kind, Imported.prompt, Imported.chosen, Imported.rejected, Imported.label, Imported.provenance)
    query = select(*wanted).where(Imported.owner_id == owner, col(Imported.id) > after).order_by(col(Imported.id)).limit(most)
    return [(number, Row(*values)) for number, *values in session.exec(query)]


def used(session: Session, owner: str, base_id: str | None = None) -> list[tuple[Any, ...]]:
    """The pairs that may train, as the values of a `preferences.PreferencePair`; with `base_id` none that another model wrote."""
    query = select(Imported).where(Imported.owner_id == owner, *_training(base_id)).order_by(col(Imported.id))
    return [
        (f"imp_{row.content_hash[:16]}", "", row.prompt, row.chosen, row.rejected, row.split_key, row.finished, row.base_id,
         hashlib.sha256(_whole(row.prompt).encode()).hexdigest(), [], [])
        for row in session.exec(query)
    ]  # fmt: skip


def _training(base_id: str | None) -> list[Any]:
    return [Imported.kind == "pair", col(Imported.used_at).is_not(None), *([col(Imported.base_id).in_(("", base_id))] if base_id else [])]


def new_count(session: Session, owner: str, base_id: str | None = None) -> int:
    """How many pairs that may train came, or were let train, since the last training that succeeded. Counted by an index alone."""
    runs = select(func.max(TrainingRun.created_at)).where(TrainingRun.owner_id == owner, TrainingRun.state == "succeeded")
    last = session.exec(runs.where(TrainingRun.base_id == base_id) if base_id else runs).one()
    query = select(func.count()).select_from(Imported).where(Imported.owner_id == owner, *_training(base_id))
    return session.exec(query if last is None else query.where(col(Imported.used_at) > last)).one()


def counts(session: Session, owner: str) -> dict[str, int]:
    """{pair, label, example, used}: how many rows of each kind, and how many pairs may train."""
    query = select(Imported.kind, func.count(), func.count(col(Imported.used_at))).where(Imported.owner_id == owner)
    found = {kind: (number, training) for kind, number, training in session.exec(query.group_by(Imported.kind))}
    return {kind: found.get(kind, (0, 0))[0] for kind in ("pair", "label", "example")} | {"used": found.get("pair", (0, 0))[1]}


def choose(session: Session, owner: str, use: bool) -> int:
    """Let all of the owner's imported pairs train, or none; returns how many this changed."""
    change = update(Imported).where(Imported.owner_id == owner, Imported.kind == "pair", col(Imported.used_at).is_(None) == use)
    return session.connection().execute(change.values(used_at=now() if use else None)).rowcount


def remove(session: Session, owner: str) -> int:
    """Delete everything that the owner imported; returns how many rows."""
    return session.connection().execute(delete(Imported).where(Imported.owner_id == owner)).rowcount
