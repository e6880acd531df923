"""Rows and everything that points at them: found through the foreign keys of models.py, deleted together. Knows no meaning.

A table that is added later and points at one of these is found without a change here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Table, delete, select, tuple_, update
from sqlmodel import Session, SQLModel

PAGE = 400
Rows = dict[str, set[Any]]  # a table's name -> its rows' primary keys; tuples where a key has several columns


def pointing_at(session: Session, start: Mapping[str, Iterable[Any]], but: Iterable[str] = ()) -> Rows:
    """The rows of `start` {table: ids} and all rows that point at them, directly or through others; none of the tables `but`."""
    found: Rows = {name: set(ids) for name, ids in start.items()}
    waiting = [(name, list(ids)) for name, ids in found.items()]
    while waiting:
        name, ids = waiting.pop()
        for table, column in ((table, column) for table, column in _pointers(name) if table.name not in but):
            new = {key for page in _pages(ids) for key in _keys(session, table, column.in_(page))} - found.get(table.name, set())
            if new:
                found.setdefault(table.name, set()).update(new)
                waiting.append((table.name, list(new)))
    return {name: ids for name, ids in found.items() if ids}


def remove(session: Session, rows: Mapping[str, Iterable[Any]]) -> int:
    """Delete rows found by `pointing_at`; returns how many. What points at them must be among them."""
    number = 0
    session.flush()
    for table in reversed(SQLModel.metadata.sorted_tables):
        keys = list(rows.get(table.name, ()))
        for key in (key for key in table.foreign_keys if key.column.table is table):  # rows that point at each other
            for page in _pages(keys):
                session.connection().execute(update(table).where(_among(table, page)).values({key.parent.name: None}))
        for page in _pages(keys):
            number += session.connection().execute(delete(table).where(_among(table, page))).rowcount
    session.expire_all()
    return number


def _pointers(name: str) -> list[tuple[Table, Any]]:
    tables = SQLModel.metadata.sorted_tables
    return [(table, key.parent) for table in tables for key in table.foreign_keys if key.column.table.name == name]


def _keys(session: Session, table: Table, where: Any) -> list[Any]:
    found = session.connection().execute(select(*table.primary_key.columns).where(where)).all()
    return [row[0] if len(row) == 1 else tuple(row) for row in found]


def _among(table: Table, keys: list[Any]) -> Any:
    columns = list(table.primary_key.columns)
    return columns[0].in_(keys) if len(columns) == 1 else tuple_(*columns).in_(keys)


def _pages(keys: Iterable[Any]) -> list[list[Any]]:
    listed = list(keys)
    return [listed[at : at + PAGE] for at in range(0, len(listed), PAGE)]
