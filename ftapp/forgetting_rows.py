"""What one deletion reaches in the tables: the thing itself, everything made from it, and copies of it. Knows rows, no files.

A résumé takes the prompts that hold it with it, and so their letters and the choices between them; a person every résumé under their
name, and the own letters linked to one; a letter its pair, since a pair of one is none; a labeler their choices; an own example what was
given with it. Own letters outlive a résumé that they were linked to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from db import closure
from db.models import Adapter, Comparison, Document, Example, Imported, Labeler, Letter, Preference, Prompt, QueueItem, RunPair, Turn
from ftapp import example_rows
from ftapp.errors import NotFound

KINDS = ("resume", "person", "letter", "labeler", "example")
NAMES = {"resume": "résumé", "person": "person", "letter": "letter", "labeler": "labeler", "example": "own example"}
FIRST = 50  # characters of a résumé that has no name
PAGE = 400


@dataclass(frozen=True)
class Reach:
    """`rows` are to be deleted; `loosened` examples stay and lose the résumé; `sources` are the ids, up to the first dot, of the rows
    that run folders hold of all this."""

    rows: closure.Rows
    loosened: frozenset[str]
    sources: frozenset[str]


def listing(session: Session, owner: str, kind: str) -> list[dict[str, str]]:
    """[{kind, id, title, at}] of what can be deleted, newest first."""
    return [{"kind": kind, "id": id, "title": title, "at": at.isoformat(timespec="seconds")}
            for id, title, at in _LISTED[kind](session, owner)]  # fmt: skip


def reach(session: Session, owner: str, kind: str, ids: Sequence[str]) -> Reach:
    """Everything that goes with things of one kind; a person's id is that of any of their résumés. Raises NotFound for an id that is
    missing or another owner's."""
    table = {"letter": Letter, "labeler": Labeler, "example": Example}.get(kind, Document)
    found = {row.id for row in _rows(session, table, set(ids)) if row.owner_id == owner and (table is not Document or row.kind == "resume")}
    if missing := [id for id in ids if id not in found]:
        raise NotFound(
            f"There is no {NAMES[kind]} {str(missing[0])[:24]!r} here. Nothing was deleted. See python -m ftapp forget list for their ids."
        )
    if kind == "person":
        found = {id for person in _people(session, owner) if found & set(person) for id in person} | found
    rows = closure.pointing_at(session, _start(session, owner, kind, found), but=("example",) if kind == "resume" else ())
    _other_letters(session, rows)
    _copies(session, owner, rows)
    _texts(session, rows, of_example=kind in ("example", "person"))
    loosened = _ids(session, Example.id, Example.resume_document_id, rows.get("document", ())) - rows.get("example", set())
    copied = _pick(session, Imported.content_hash, Imported.id, rows.get("imported", ()))
    sources = rows.get("preference", set()) | rows.get("example", set()) | loosened | {f"imp_{digest[:16]}" for digest in copied}
    return Reach(rows, frozenset(loosened), frozenset(sources))


def remove(session: Session, reached: Reach) -> int:
    """Delete it; returns how many rows."""
    for page in _pages(reached.loosened):
        session.connection().execute(update(Example).where(col(Example.id).in_(page)).values(resume_document_id=None))
    return closure.remove(session, reached.rows)


def runs_of(session: Session, reached: Reach) -> set[str]:
    """Trainings that looked at its choices: what is known of a run whose folder is gone."""
    return set(_pick(session, RunPair.run_id, RunPair.preference_id, reached.rows.get("preference", ())))


def adapters_of(session: Session, owner: str, runs: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for page in _pages(runs):
        found |= set(session.exec(select(Adapter.id).where(Adapter.owner_id == owner, col(Adapter.run_id).in_(page))))
    return found


# ---- from one thing to all of it ----------------------------------------------------------------------------------


def _start(session: Session, owner: str, kind: str, ids: set[str]) -> closure.Rows:
    if kind != "labeler":
        return {"document" if kind in ("resume", "person") else kind: ids}
    items = select(QueueItem.id, QueueItem.comparison_id).where(QueueItem.owner_id == owner, col(QueueItem.labeler).in_(ids))
    asked = session.exec(items).all()
    chosen = session.exec(select(Preference.id).where(Preference.owner_id == owner, col(Preference.labeler).in_(ids))).all()
    turns = session.exec(select(Turn.id).where(Turn.owner_id == owner, col(Turn.labeler).in_(ids))).all()
    again = {pair for _, pair in asked if pair}  # pairs that were asked a second time, of them only
    return {"labeler": ids, "preference": set(chosen), "turn": set(turns), "queue_item": {item for item, _ in asked}, "comparison": again}


def _other_letters(session: Session, rows: closure.Rows) -> None:
    """The other letter of each pair, and prompts of which no letter is left once `rows` are gone."""
    pairs = _rows(session, Comparison, rows.get("comparison", ()))
    letters = {id for pair in pairs for id in (pair.left_letter_id, pair.right_letter_id)} - rows.get("letter", set())
    used = _standing(session, Comparison, rows, (Comparison.left_letter_id, Comparison.right_letter_id), letters)
    rows.setdefault("letter", set()).update(letters - used)
    prompts = {row.prompt_id for row in [*pairs, *_rows(session, Letter, rows["letter"])]} - rows.get("prompt", set())
    used = _standing(session, Letter, rows, (Letter.prompt_id,), prompts)
    rows.setdefault("prompt", set()).update(prompts - used)


def _texts(session: Session, rows: closure.Rows, of_example: bool) -> None:
    """Postings (of an example also its résumé) that nothing points at any more once `rows` are gone."""
    holders = [*_rows(session, Prompt, rows["prompt"]), *_rows(session, Example, rows.get("example", ()))]
    holders += _rows(session, QueueItem, rows.get("queue_item", ()))
    texts = {row.job_document_id for row in holders} | ({row.resume_document_id for row in holders} if of_example else set())
    texts -= {None} | rows.get("document", set())
    for table in (Prompt, Example, QueueItem):
        texts -= _standing(session, table, rows, (table.job_document_id, table.resume_document_id), texts)
    rows.setdefault("document", set()).update(texts)


def _copies(session: Session, owner: str, rows: closure.Rows) -> None:
    """Examples that were made of an edit that goes, and imported rows that hold a prompt or text that goes."""
    prompts = {_same(row.messages) for row in _rows(session, Prompt, rows["prompt"])}
    edits = {row.edited_text.strip() for row in _rows(session, Preference, rows.get("preference", ())) if row.edited_text}
    texts = edits | {row.text.strip() for row in _rows(session, Letter, rows["letter"])} - {""}
    made = session.exec(select(Example).where(Example.owner_id == owner, Example.source == "edited").execution_options(yield_per=PAGE))
    taken = {row.id for row in made if _same(row.messages) in prompts or edits & {row.letter.strip(), row.before.get("letter", "").strip()}}
    rows.setdefault("example", set()).update(taken)
    brought = session.exec(select(Imported).where(Imported.owner_id == owner).execution_options(yield_per=PAGE))
    held = {row.id for row in brought if _same(row.prompt) in prompts or texts & {row.chosen.strip(), (row.rejected or "").strip()}}
    rows.setdefault("imported", set()).update(held)


def _same(messages: Any) -> str:
    return json.dumps([[m.get("role"), m.get("content")] for m in messages], ensure_ascii=False)


def _standing(session: Session, table: Any, rows: closure.Rows, columns: tuple[Any, ...], ids: Iterable[str]) -> set[str]:
    """Of `ids` those that a row outside `rows` still points at."""
    going, found = rows.get(table.__tablename__, set()), set()
    for column in columns:
        for page in _pages(ids):
            found |= {target for id, target in session.exec(select(table.id, column).where(col(column).in_(page))) if id not in going}
    return found


def _rows(session: Session, table: Any, ids: Iterable[Any]) -> list[Any]:
    return [row for page in _pages(ids) for row in session.exec(select(table).where(col(table.id).in_(page)))]


def _pick(session: Session, wanted: Any, by: Any, ids: Iterable[Any]) -> list[Any]:
    return [value for page in _pages(ids) for value in session.exec(select(wanted).where(col(by).in_(page)))]


def _ids(session: Session, wanted: Any, by: Any, ids: Iterable[Any]) -> set[Any]:
    return set(_pick(session, wanted, by, ids))


def _pages(ids: Iterable[Any]) -> list[list[Any]]:
    listed = sorted(ids)
    return [listed[at : at + PAGE] for at in range(0, len(listed), PAGE)]


def _people(session: Session, owner: str) -> list[dict[str, tuple[str, Any]]]:
    """Résumés that say whose they are, by name: {id: (name as it is written, when)} of each person, newest first."""
    query = select(Document.id, Document.fields, Document.created_at).where(Document.owner_id == owner, Document.kind == "resume")
    people: dict[str, dict[str, tuple[str, Any]]] = {}
    for id, fields, at in session.exec(query.order_by(col(Document.created_at).desc(), col(Document.id))):
        if name := " ".join(str((fields or {}).get("name") or "").split()):
            people.setdefault(name.casefold(), {})[id] = name, at
    return list(people.values())


# ---- the lists ----------------------------------------------------------------------------------------------------


def _resumes(session: Session, owner: str) -> list[tuple[str, str, Any]]:
    start = func.substr(Document.text, 1, FIRST)
    query = select(Document.id, Document.fields, Document.created_at, start).where(Document.owner_id == owner, Document.kind == "resume")
    found = session.exec(query.order_by(col(Document.created_at).desc(), col(Document.id)))
    return [(id, str((fields or {}).get("name") or f"no name: {' '.join(text.split())}…"), at) for id, fields, at, text in found]


def _persons(session: Session, owner: str) -> list[tuple[str, str, Any]]:
    listed = []
    for person in _people(session, owner):
        (id, (name, at)), number = next(iter(person.items())), len(person)
        listed.append((id, f"{name} ({number} résumé{'s' * (number > 1)})", at))
    return listed


def _letters(session: Session, owner: str) -> list[tuple[str, str, Any]]:
    query = (
        select(Letter.id, Letter.adapter_id, Letter.created_at, Document.fields)
        .join(Prompt, col(Letter.prompt_id) == Prompt.id)
        .outerjoin(Document, col(Prompt.job_document_id) == Document.id)
        .where(Letter.owner_id == owner)
        .order_by(col(Letter.created_at).desc(), col(Letter.id))
    )
    return [(id, f"{_job(fields)}, by {adapter or 'the base model'}", at) for id, adapter, at, fields in session.exec(query)]


def _job(fields: dict[str, Any] | None) -> str:
    told = fields or {}
    return " at ".join(filter(None, (told.get("title"), told.get("company")))) or "no posting"


def _labelers(session: Session, owner: str) -> list[tuple[str, str, Any]]:
    query = select(Labeler).where(Labeler.owner_id == owner).order_by(col(Labeler.created_at).desc(), col(Labeler.id))
    return [(row.id, row.name + (" (has left)" if row.gone_at else ""), row.created_at) for row in session.exec(query)]


def _examples(session: Session, owner: str) -> list[tuple[str, str, Any]]:
    query = select(Example).where(Example.owner_id == owner).order_by(col(Example.created_at).desc(), col(Example.id))
    rows = session.exec(query).all()
    known = example_rows.documents_of(session, rows)
    return [(row.id, example_rows.name_of(row, known), row.created_at) for row in rows]


_LISTED = {"resume": _resumes, "person": _persons, "letter": _letters, "labeler": _labelers, "example": _examples}
