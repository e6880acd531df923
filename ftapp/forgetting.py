"""Everything of one owner, deleted: rows of every table, and the folders of the owner's trainings. Knows no screen.

Backups made before keep what they hold: they are files of the whole home, and a person deletes them knowingly.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlalchemy import Engine, delete
from sqlmodel import SQLModel, select

from db.engine import write
from db.models import ACTIVE_STATES, TrainingRun
from ftapp.errors import UserError


def forget(engine: Engine, owner: str, runs: Path) -> int:
    """Delete all that belongs to the owner, in one transaction; returns how many rows. Raises UserError while a training is active."""
    with write(engine) as opened:
        found = opened.exec(select(TrainingRun).where(TrainingRun.owner_id == owner)).all()
        if any(row.state in ACTIVE_STATES for row in found):
            raise UserError("A training is active, and it reads what would go. Nothing was deleted. Stop it first, then delete.")
        tables = [table for table in reversed(SQLModel.metadata.sorted_tables) if "owner_id" in table.c]
        number = sum(opened.connection().execute(delete(table).where(table.c.owner_id == owner)).rowcount for table in tables)
    for row in found:
        shutil.rmtree(runs / row.id, ignore_errors=True)
    return number
