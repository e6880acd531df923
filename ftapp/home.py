"""The home: the folder where everything a person gave and got is kept. Opens its database; knows no table."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy.exc import DatabaseError

from db import migrate
from db.backups import BackupFailed
from db.engine import open_engine
from ftapp.config import Settings
from ftapp.errors import Damaged, UserError


def damaged(error: BaseException | None) -> bool:
    """Whether SQLite said that a file is malformed or no database. That a file is locked or a disk full is something else."""
    return type(error) is sqlite3.DatabaseError


def open_database(settings: Settings) -> Any:
    """The home's database, brought up to date. Raises UserError."""
    try:
        engine = open_engine(settings.database)
        migrate.upgrade(engine, settings.folder("backups"))
    except migrate.NewerDatabase as error:
        raise UserError(
            f"The data in {settings.home} is of a newer ftapp (revision {error}). This one cannot read it. Update ftapp."
        ) from None
    except BackupFailed as error:
        raise UserError(
            f"No backup could be made before an update of the data ({error}). Nothing was changed. Make room and start again."
        ) from None
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise UserError(
            f"The data folder {settings.home} cannot be written ({why}). Nothing can be stored. Choose another with --home."
        ) from None
    except (DatabaseError, sqlite3.DatabaseError) as error:
        if damaged(getattr(error, "orig", error)):
            raise Damaged() from None
        raise
    return engine
