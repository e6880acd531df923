"""Bring a database to this code's tables: Alembic at start, after a verified backup of a file that holds anything.

Knows revisions and files; the tables' meaning stands in models.py.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from db.backups import BackupFailed, backup
from db.engine import writer

MIGRATIONS = Path(__file__).resolve().parent / "migrations"


class NewerDatabase(Exception):
    """The file was written by a newer version of the app; this one must not touch it."""


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
