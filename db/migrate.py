"""Bring a database to this code's tables: Alembic at start, after a verified backup of a file that holds anything.

Knows revisions and files; the tables' meaning stands in models.py.
"""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from db.engine import writer

MIGRATIONS = Path(__file__).resolve().parent / "migrations"


class NewerDatabase(Exception):
    """The file was written by a newer version of the app; this one must not touch it."""


class BackupFailed(Exception):
    """A backup could not be made or does not hold what the database holds."""


def upgrade(engine: Engine, backups: Path | None = None) -> Path | None:
    """Run the migrations that are missing, all or none. Returns the backup that was made first, if there was anything to save.

    Safe when two processes start at once: the second waits for the first and finds nothing left to do.
    Raises NewerDatabase, BackupFailed.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    current, head = revision(engine), scripts.get_current_head()
    if current == head:
        return None
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        raise NewerDatabase(current)
    saved = backup(engine, backups, f"before-{head}") if current is not None and backups is not None else None
    with writer(engine).connect() as connection:
        _foreign_keys(connection, False)  # a rebuilt table is dropped for a moment; checked as a whole below
        try:
            with connection.begin():
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                if engine.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise BackupFailed("the migration would leave rows that point nowhere; nothing was changed")
        finally:
            _foreign_keys(connection, True)
    return saved


def revision(engine: Engine) -> str | None:
    """The revision a database is at; None when it is empty."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _foreign_keys(connection: Connection, on: bool) -> None:
    """SQLite ignores this pragma inside a transaction, so it goes to the driver directly."""
    if connection.dialect.name == "sqlite":
        connection.connection.dbapi_connection.execute(f"PRAGMA foreign_keys={'ON' if on else 'OFF'}")


def backup(engine: Engine, folder: Path, name: str) -> Path | None:
    """A consistent copy of a SQLite database made with VACUUM INTO (also while others write), checked, then named.

    Returns None for a server's database, which has its own backups. Raises BackupFailed.
    """
    if engine.dialect.name != "sqlite":
        return None
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    at = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    fresh, path = folder / f".{name}-{at}.tmp", folder / f"{name}-{at}.db"
    source = sqlite3.connect(str(engine.url.database), timeout=10, isolation_level=None)
    try:
        source.execute("VACUUM INTO ?", (str(fresh),))
        _verify(source, fresh)
    except sqlite3.Error as error:
        fresh.unlink(missing_ok=True)
        raise BackupFailed(str(error)) from error
    except BackupFailed:
        fresh.unlink(missing_ok=True)
        raise
    finally:
        source.close()
    fresh.chmod(0o600)
    with fresh.open("rb+") as file:
        os.fsync(file.fileno())
    return fresh.rename(path)


def _verify(source: sqlite3.Connection, copy: Path) -> None:
    """The copy is sound and has at least every row that the source had when counted before."""
    copied = sqlite3.connect(f"file:{copy}?mode=ro", uri=True)
    try:
        if (said := copied.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
            raise BackupFailed(said)
        names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        tables, found = ([row[0] for row in c.execute(names)] for c in (source, copied))
        if missing := sorted(set(tables) - set(found)):
            raise BackupFailed(f"the copy has no table {missing[0]}")
        for table in found:
            copied.execute(f'SELECT * FROM "{table}"').fetchall()
    finally:
        copied.close()
