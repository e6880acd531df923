"""The one tree of errors a person may read. Anything else that is raised is a bug.

A `UserError` is written as: *what happened - what it means - what to do.* It never carries a
posting's, a résumé's or a letter's text, because errors reach logs and toasts.
"""


class UserError(Exception):
    """Something a person can understand and mend; `str(error)` is shown as it is."""


class NotAllowed(UserError):
    """The person asked for something that belongs to another owner or needs another role."""


class NotFound(UserError):
    """An id names nothing that this owner can see (missing and foreign read the same)."""


class ModelError(UserError):
    """A base model or adapter cannot be loaded, or its sides cannot be proved."""


class TrainingError(UserError):
    """A training cannot start, go on or be used."""


class Damaged(UserError):
    """The database's file cannot be read as one."""

    def __init__(self) -> None:
        super().__init__(
            "The database is damaged and cannot be read. Nothing was changed. End ftapp, list your backups in the folder backups of your "
            "data folder, and put one back: python -m ftapp restore FILE --yes"
        )


# What the database says when it cannot store, by the beginning of SQLite's names: what happened, and what to do
UNWRITTEN = {
    "SQLITE_FULL": ("The disk is full", "Make room on it"),
    "SQLITE_BUSY": ("Another program holds the database", "Wait for it, or end it"),
    "SQLITE_IOERR": ("The disk cannot be written", "See whether it is full or broken"),
    "SQLITE_READONLY": ("The disk can only be read", "Let it be written"),
    "SQLITE_CANTOPEN": ("The database cannot be opened", "See whether its disk is there, and not full"),
}


def unwritten(error: BaseException | None) -> tuple[str, str] | None:
    """(what happened, what to do) when an error, sqlite3's own or SQLAlchemy's around it, says that nothing can be stored now.

    On a full disk SQLite ends the transaction by itself, and what is met then (a savepoint that is gone) hides the first error."""
    while error is not None:
        name = getattr(getattr(error, "orig", error), "sqlite_errorname", "")
        if said := next((said for code, said in UNWRITTEN.items() if name.startswith(code)), None):
            return said
        error = error.__cause__ or error.__context__
    return None


def unwritten_sentence(error: BaseException) -> str:
    """The same for a person who waits for it; empty for any other error."""
    said = unwritten(error)
    return f"{said[0]}. This was not stored; what was stored before is safe. {said[1]}, then do it again." if said else ""
