"""Connections: pragmas, BEGIN IMMEDIATE for writers, journal mode by SQLite version; a file or a URL.

Two processes (app and command line) may open one file at once. Readers use `session`, writers `write`; a
write is committed, and on disk, when its `with` block has ended.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlmodel import Session

BUSY_MILLISECONDS = 10_000


def wal_is_safe(version: tuple[int, int, int] = sqlite3.sqlite_version_info) -> bool:
    """Older versions have a WAL-reset bug that can lose an acknowledged commit (sqlite.org/wal.html, fixed in
    3.51.3 and in the 3.50.7 and 3.44.6 branches)."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51, 0) or (3, 44, 6) <= version < (3, 45, 0)


def journal_mode(engine: Engine) -> str:
    """The journal mode in force: "wal", "delete", or "server" for a database that is not SQLite."""
    if engine.dialect.name != "sqlite":
        return "server"
    with engine.connect() as connection:
        return str(connection.exec_driver_sql("PRAGMA journal_mode").scalar())


def open_engine(where: str | Path) -> Engine:
    """An engine for a SQLite file (made when missing) or a SQLAlchemy URL.

    Writers begin IMMEDIATE: a plain BEGIN that reads before it writes fails when another process wrote between.
    """
    text = str(where)
    if "://" in text and not text.startswith("sqlite"):
        return create_engine(text, pool_pre_ping=True)
    path = Path(text.split("sqlite:///", 1)[-1])
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # résumés: for this user only
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_MILLISECONDS / 1000, "check_same_thread": False})
    wal = wal_is_safe()
    event.listen(engine, "connect", lambda connection, _: _prepare(connection, wal))
    event.listen(engine, "begin", _begin)
    with engine.connect() as connection:
        raw: Any = connection.connection.dbapi_connection
        raw.rollback()
        raw.execute(f"PRAGMA journal_mode={'WAL' if wal else 'DELETE'}")
    return engine


def _prepare(connection: sqlite3.Connection, wal: bool) -> None:
    connection.isolation_level = None  # sqlite3 must not begin transactions of its own; `_begin` does
    connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA secure_delete=ON")  # what is deleted is overwritten in the file, not only let go
    # FULL leaves a gap with DELETE: the directory entry of the journal; EXTRA closes it (about 20 ms a commit)
    connection.execute(f"PRAGMA synchronous={'FULL' if wal else 'EXTRA'}")


def _begin(connection: Any) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def writer(engine: Engine) -> Engine:
    """The same pool, whose transactions take the write lock at once."""
    return engine.execution_options(immediate=True)


@contextmanager
def session(engine: Engine) -> Iterator[Session]:
    """A session to read with; nothing is committed."""
    with Session(engine, expire_on_commit=False, autoflush=False) as opened:
        yield opened


@contextmanager
def write(engine: Engine) -> Iterator[Session]:
    """A session that commits when the block ends well and rolls back when it raises."""
    with Session(writer(engine), expire_on_commit=False) as opened:
        yield opened
        opened.commit()


def scrub(engine: Engine) -> bool:
    """Rewrite the file without its free pages and empty its write-ahead log, so that nothing deleted is left in either.

    False when another program was in the way or there was no room; a server's database has its own ways (True).
    """
    if engine.dialect.name != "sqlite":
        return True
    try:
        with closing(sqlite3.connect(str(engine.url.database), timeout=BUSY_MILLISECONDS / 1000, isolation_level=None)) as raw:
            raw.execute("PRAGMA secure_delete=ON")
            raw.execute("VACUUM")
            return not raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.OperationalError:
        return False
