"""The home: the folder where everything a person gave and got is kept. Opens its database; knows no table."""

from __future__ import annotations

from typing import Any

from db import migrate
from db.engine import open_engine
from ftapp.config import Settings
from ftapp.errors import UserError


def open_database(settings: Settings) -> Any:
    """The home's database, brought up to date. Raises UserError."""
    try:
        engine = open_engine(settings.database)
        migrate.upgrade(engine, settings.folder("backups"))
    except migrate.NewerDatabase as error:
        raise UserError(
            f"The data in {settings.home} is of a newer ftapp (revision {error}). This one cannot read it. Update ftapp."
        ) from None
    except migrate.BackupFailed as error:
        raise UserError(
            f"No backup could be made before an update of the data ({error}). Nothing was changed. Make room and start again."
        ) from None
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise UserError(
            f"The data folder {settings.home} cannot be written ({why}). Nothing can be stored. Choose another with --home."
        ) from None
    return engine
