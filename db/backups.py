"""Copies of a SQLite database: made by SQLite itself while others write, checked before they count, ten kept; and put back.

Knows files and tables by name; what stands in them is models.py's.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine

from db.engine import writer

KEPT = 10
STALE_SECONDS = 3600  # no copy takes that long
_MADE = re.compile(r"[a-z0-9_-]+-(\d{8}T\d{12})\.db")
_TABLES = "SELECT name FROM {}sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"


class BackupFailed(Exception):
    """A backup could not be made, or does not hold what the database holds."""


def backup(engine: Engine, folder: Path, name: str, spare: Path | None = None) -> Path | None:
    """A checked copy, named and dated, of which the newest `KEPT` stay; `spare` is not deleted though it be older.

    Returns None for a server's database, which has its own backups. Raises BackupFailed.
    """
    if engine.dialect.name != "sqlite":
        return None
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = copy(engine, folder / f"{name}-{datetime.now(UTC).strftime('%Y%m%dT%H%M%S%f')}.db")
    for old in made(folder)[KEPT:]:
        if old != spare:
            old.unlink(missing_ok=True)
    for cut_off in folder.glob(".*.db.tmp"):  # killed in the middle of a copy
        if time.time() - cut_off.stat().st_mtime > STALE_SECONDS:
            cut_off.unlink(missing_ok=True)
    return path


def made(folder: Path) -> list[Path]:
    """The backups of a folder, newest first. A file of any other name is nobody's business here."""
    found = [path for path in folder.glob("*.db") if _MADE.fullmatch(path.name)]
    return sorted(found, key=lambda path: (_MADE.fullmatch(path.name)[1], path.name), reverse=True)


def made_at(path: Path) -> datetime:
    """When a backup of `made` was made."""
    return datetime.strptime(_MADE.fullmatch(path.name)[1], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)


def copy(engine: Engine, path: Path) -> Path:
    """A consistent copy made with VACUUM INTO, also while others write, checked, then named. Raises BackupFailed."""
    fresh = path.with_name(f".{path.name}.tmp")
    try:
        with closing(sqlite3.connect(str(engine.url.database), timeout=10, isolation_level=None)) as source:
            fresh.unlink(missing_ok=True)
            source.execute("VACUUM INTO ?", (str(fresh),))
            _verify(source, fresh)
        fresh.chmod(0o600)
        with fresh.open("rb+") as file:
            os.fsync(file.fileno())
        return fresh.replace(path)
    except (sqlite3.Error, OSError) as error:
        raise BackupFailed(getattr(error, "strerror", None) or str(error)) from error
    finally:
        fresh.unlink(missing_ok=True)


def check(path: Path) -> None:
    """Raises BackupFailed unless the file is a sound SQLite database whose every row can be read."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as copied:
            if (said := copied.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
                raise BackupFailed(said)
            for (table,) in copied.execute(_TABLES.format("")).fetchall():
                deque(copied.execute(f'SELECT * FROM "{table}"'), maxlen=0)
    except sqlite3.Error as error:
        raise BackupFailed(str(error)) from error


def _verify(source: sqlite3.Connection, path: Path) -> None:
    """The copy is sound and has every table of its source."""
    check(path)
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as copied:
        tables, found = ({row[0] for row in c.execute(_TABLES.format(""))} for c in (source, copied))
    if missing := sorted(tables - found):
        raise BackupFailed(f"the copy has no table {missing[0]}")


def refill(engine: Engine, fresh: Path, before: Callable[[Connection], Path | None]) -> Path | None:
    """Put the rows of `fresh`, a database of the same revision, in the place of all rows; all or none. Returns what `before` returned.

    Nobody else can write from before `before(connection)` until the end, so nothing acknowledged falls in between; whoever has the
    database open simply reads the new rows afterwards. Raises what `before` raises, and BackupFailed.
    """
    with writer(engine).connect() as connection:
        raw = connection.connection.dbapi_connection
        raw.execute("PRAGMA foreign_keys=OFF")  # inside a transaction it would be ignored; checked as a whole below
        raw.execute("ATTACH DATABASE ? AS fresh", (str(fresh),))
        try:
            with connection.begin():
                saved = before(connection)
                for (table,) in connection.exec_driver_sql(_TABLES.format("main.")).fetchall():
                    columns = ", ".join(f'"{row[1]}"' for row in connection.exec_driver_sql(f'PRAGMA main.table_info("{table}")'))
                    connection.exec_driver_sql(f'DELETE FROM main."{table}"')
                    connection.exec_driver_sql(f'INSERT INTO main."{table}" ({columns}) SELECT {columns} FROM fresh."{table}"')
                if connection.exec_driver_sql("PRAGMA main.foreign_key_check").first():
                    raise BackupFailed("it has rows that point nowhere")
            return saved
        finally:
            raw.execute("DETACH DATABASE fresh")
            raw.execute("PRAGMA foreign_keys=ON")
