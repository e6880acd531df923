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
