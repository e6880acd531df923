"""Backups of the home: made, listed, put back. A copy of the database; everything that an app holds open goes on with the rows put back.

Restoring is one transaction of the database itself, so a crash in the middle leaves what was there. Only a database that is too damaged
for that is replaced as a file, by the command line, while no app is open.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError
from sqlmodel import select

from db import backups, migrate
from db.engine import open_engine
from db.models import ACTIVE_STATES, TrainingRun
from ftapp import adapters, forgetting_files
from ftapp.config import Settings
from ftapp.errors import Damaged, UserError
from ftapp.home import damaged
from ftapp.training import lock

HOLDS = (
    "A backup holds the database: texts, letters, choices, labels, imported rows and the list of trainings and adapters; the adapters' "
    "own files, under runs, are not in it."
)
ELSEWHERE = "Another ftapp is open on this data, and it may be writing. Nothing was changed. Restore on its Data tab, or end it first."


class Backups:
    """The verbs of one home. `studio` has the database, the settings and the supervisor."""

    def __init__(self, studio: Any) -> None:
        self._studio = studio
        standing = lambda: adapters.standing(studio.engine, studio.settings.folder("runs"))  # noqa: E731
        with contextlib.suppress(UserError), forgetting_files.alone(studio.settings.home):
            forgetting_files.finish(studio.settings.home, standing)  # a deletion that was cut off
        forgetting_files.expire(self.folder)

    @property
    def folder(self) -> Path:
        return self._studio.settings.folder("backups")

    def make(self, out: Path | None = None) -> dict[str, Any]:
        """Back up now, into the home's own folder, or over the file `out`: {file, bytes, at}. Raises UserError."""
        engine = self._studio.engine
        if engine.dialect.name != "sqlite":
            raise UserError("The data is on a database server, which has its own backups. Nothing was made. Ask who runs it.")
        if out is not None and (out.is_dir() or out.resolve() == Path(engine.url.database).resolve()):
            raise UserError("A backup cannot take the place of the database or of a folder. Nothing was made. Name another file.")
        try:
            made = backups.copy(engine, out) if out is not None else backups.backup(engine, self.folder, "by-hand")
        except backups.BackupFailed as error:
            raise UserError(f"No backup could be made ({error}). What is stored is as it was. Make room, or name another place.") from None
        forgetting_files.expire(self.folder)
        return _told(made)

    def listing(self) -> list[dict[str, Any]]:
        """The home's backups, newest first: [{file, bytes, at}], `at` in UTC."""
        forgetting_files.expire(self.folder)
        return [_told(path) | {"at": backups.made_at(path).isoformat()} for path in backups.made(self.folder)]

    def named(self, name: str) -> Path:
        """A backup of the home's own folder by its file name. Raises UserError."""
        found = next((path for path in backups.made(self.folder) if path.name == name), None)
        if found is None:
            raise UserError("This backup is no longer there. Nothing was changed. Choose another one.")
        return found

    def restore(self, file: Path) -> dict[str, Any]:
        """Put a backup in the place of everything stored, after a backup of that: {restored, saved}.

        Raises UserError while letters are written, a training is active or another app is open, and for a file that is no sound
        backup; Damaged when what is there cannot be read.
        """
        studio = self._studio
        if not studio.supervisor.poll():
            raise UserError(ELSEWHERE)
        if studio.busy():
            raise UserError("Letters are being written, and they would be lost. Nothing was changed. Wait for them, or stop them.")
        with tempfile.TemporaryDirectory(prefix=".restore-", dir=self.folder) as aside:
            fresh = _prepared(file, Path(aside) / "fresh.db")

            def before(connection: Connection) -> Path | None:
                if connection.execute(select(TrainingRun.id).where(TrainingRun.state.in_(ACTIVE_STATES))).first():
                    raise UserError("A training is active, and it reads what would go. Nothing was changed. Stop it first, then restore.")
                return backups.backup(studio.engine, self.folder, "before-restore", spare=file)

            try:
                saved = backups.refill(studio.engine, fresh, before)
            except (backups.BackupFailed, DatabaseError, sqlite3.Error) as error:
                if damaged(error.__cause__ or error) or damaged(getattr(error, "orig", None)):
                    raise Damaged() from None
                why = getattr(error, "orig", None) or error
                raise UserError(f"The backup could not be put back ({why}). Nothing was changed. Make room or choose another.") from None
        adapters.rehome(studio.engine, studio.settings.folder("runs"))
        return {"restored": str(file), "saved": str(saved)}


def replace_damaged(settings: Settings, file: Path) -> dict[str, Any]:
    """As `Backups.restore`, where the database cannot be opened: its file is put aside under backups and stays. Raises UserError."""
    at, folder = settings.database, settings.folder("backups")
    try:
        with lock.hold(settings.home / "supervisor.lock"), tempfile.TemporaryDirectory(prefix=".restore-", dir=folder) as aside:
            fresh = _prepared(file, Path(aside) / "fresh.db")
            kept = Path(tempfile.mkdtemp(prefix="damaged-", dir=folder))
            at, kept = Path(at), kept / "ftapp.db"
            for more in ("-wal", "-shm", "-journal"):  # left beside the new file they would be taken for its own
                if (side := at.with_name(at.name + more)).exists():
                    side.replace(kept.with_name(side.name))
            shutil.copy2(at, kept)
            fresh.replace(at)
    except lock.Busy:
        raise UserError(ELSEWHERE) from None
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise UserError(f"The backup could not be put back ({why}). What was there is kept. Make room and try again.") from None
    return {"restored": str(file), "saved": str(kept)}


def _prepared(file: Path, fresh: Path) -> Path:
    """A sound copy of a backup, brought up to this code's tables. Raises UserError; the backup itself is only read."""
    said = "Nothing was changed. Choose another backup."
    try:
        if not file.is_file():
            raise UserError(f"There is no file {file}. {said}")
        backups.check(file)
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as given, closing(sqlite3.connect(fresh)) as copied:
            given.backup(copied)
        engine = open_engine(fresh)
        try:
            if migrate.revision(engine) is None:
                raise UserError(f"{file.name} is a database, but not one of ftapp's. {said}")
            migrate.upgrade(engine)
        finally:
            engine.dispose()
        backups.check(fresh)
    except migrate.NewerDatabase:
        raise UserError(f"{file.name} was made by a newer ftapp. This one cannot read it. Nothing was changed. Update ftapp.") from None
    except (backups.BackupFailed, DatabaseError, sqlite3.Error, OSError):
        raise UserError(f"{file.name} is no sound backup, or there is no room to unpack it. {said}") from None
    return fresh


def _told(path: Path) -> dict[str, Any]:
    return {"file": str(path), "bytes": path.stat().st_size}
