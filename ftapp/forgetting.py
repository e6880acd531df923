"""Delete means delete: one résumé, person, letter, labeler or own example, or everything of an owner, out of tables, files, free pages and,
in their time, backups; and the adapters that were taught with it off duty.

What is reached is found by forgetting_rows.py and forgetting_files.py. Knows no screen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

from sqlalchemy import Engine, delete
from sqlmodel import Session, SQLModel, col, select

from db import closure
from db.engine import scrub, session, write
from db.models import ACTIVE_STATES, Adapter, Evaluation, Promotion, TrainingRun, now
from ftapp import adapters, config, trials
from ftapp import forgetting_files as files
from ftapp import forgetting_rows as rows
from ftapp.errors import UserError

Policy = Literal["keep", "off", "delete"]
POLICIES = get_args(Policy)
ACTIVE = "A training is active, and it reads what would go. Nothing was deleted. Stop it first, then delete."
EVERYTHING = "everything"
WRITING = "Letters are being written, and they would bring back what goes. Nothing was deleted. Wait for them, or stop them."


def forget(engine: Engine, owner: str, runs: Path) -> int:
    """Delete all that belongs to the owner, in one transaction; returns how many rows. Raises UserError while a training of theirs is
    active."""
    with files.alone(runs.parent):
        with write(engine) as opened:
            _idle(opened, owner)
            folders = [runs / id for id in opened.exec(select(TrainingRun.id).where(TrainingRun.owner_id == owner))]
            folders += [] if owner.startswith("visitor_") else [runs / id for id in _rowless(opened, runs)]
            brought = map(Path, opened.exec(select(Adapter.path).where(Adapter.owner_id == owner)))
            folders += [folder for folder in brought if folder.is_relative_to(runs.parent)]
            tables = [table for table in reversed(SQLModel.metadata.sorted_tables) if "owner_id" in table.c]
            number = sum(opened.connection().execute(delete(table).where(table.c.owner_id == owner)).rowcount for table in tables)
            files.begin(runs.parent, owner, [EVERYTHING], config.app_config().forgotten_backup_days, folders=folders)
        files.finish(runs.parent, lambda: adapters.standing(engine, runs))  # files that went before the commit could not come back
    scrub(engine)
    return number


class Forgetting:
    """Single things of one home. `studio` has the database, the settings and the backups; the owner always first."""

    def __init__(self, studio: Any) -> None:
        self._studio = studio

    @property
    def _runs(self) -> Path:
        return self._studio.settings.folder("runs")

    @property
    def _backups(self) -> Path:
        return self._studio.settings.folder("backups")

    def listing(self, owner: str, kind: str = "") -> list[dict[str, str]]:
        """What can be deleted: [{kind, id, title, at}], newest first."""
        with session(self._studio.engine) as opened:
            return [row for one in ([kind] if kind else rows.KINDS) for row in rows.listing(opened, owner, one)]

    def plan(self, owner: str, kind: str, id: str) -> dict[str, Any]:
        """What a deletion would take: {kind, id, rows: {table: how many}, runs, adapters: [{id, state, from}], backups}.

        `runs` are trainings whose files hold some of it, `adapters` those that learned from it, `from` "" or the taught adapter that
        one stands on. Raises NotFound.
        """
        with session(self._studio.engine) as opened:
            return self._planned(opened, owner, kind, [id])[0]

    def _planned(self, opened: Session, owner: str, kind: str, ids: list[str]) -> tuple[dict[str, Any], rows.Reach]:
        reached = rows.reach(opened, owner, kind, ids)
        mine = self._folders(opened, owner)
        held = {run: files.held(self._runs / run, reached.sources) for run in mine} if reached.sources else {}
        known = rows.runs_of(opened, reached)
        taught = {run for run in mine if ((one := held.get(run)) and one.learned) or ((not one or one.unreadable) and run in known)}
        direct = rows.adapters_of(opened, owner, taught)
        every = adapters.descended(opened, owner, direct)
        found = opened.exec(select(Adapter).where(Adapter.owner_id == owner, col(Adapter.id).in_(every)).order_by(col(Adapter.created_at)))
        told = [{"id": row.id, "state": row.state, "from": "" if row.id in direct else row.parent_id} for row in found]
        counted = {table: len(keys) for table, keys in sorted(reached.rows.items()) if keys}
        touched = sorted(run for run, one in held.items() if one and one.learned + one.checked + one.unreadable)
        return {"kind": kind, "id": ", ".join(ids), "rows": counted, "runs": touched, "adapters": told,
                "backups": len(files.holding(self._backups))}, reached  # fmt: skip

    def forget(self, owner: str, kind: str, id: str | list[str], policy: Policy = "off", purge: bool = False) -> dict[str, Any]:
        """Delete it, or several of a kind: `plan` as it was done, with {removed, policy, wrote, scrubbed, due, purged}.

        `policy` is what becomes of adapters that learned from it: they are kept, taken off duty, or deleted; `wrote` are those that had
        been writing. `scrubbed` is False where
        another program kept the database's file from being written anew; `due` is when backups that still hold it go (None: none
        does), with `purge` they go now and a fresh one is made. Raises NotFound, and UserError while a training is active.
        """
        if policy not in POLICIES:
            raise UserError(f"There is no way {str(policy)[:20]!r} to treat adapters. Nothing was deleted. Choose {', '.join(POLICIES)}.")
        with files.alone(self._studio.settings.home):
            given = [id] if isinstance(id, str) else list(dict.fromkeys(id))
            with write(self._studio.engine) as opened:
                if self._studio.busy(owner):
                    raise UserError(WRITING)
                _idle(opened, owner)
                done, reached = self._planned(opened, owner, kind, given)
                ids = [row["id"] for row in done["adapters"]]
                wrote = trials.withdraw(opened, owner, ids) if policy != "keep" else set()
                folders = self._discard(opened, owner, ids) if policy == "delete" else []
                self._clean_reports(opened, [*done["runs"], *(self._without_folder(opened, owner) if reached.sources else ())])
                self._mark(opened, owner, ids)
                removed = rows.remove(opened, reached)
                voiced = self._folders(opened, owner) if reached.rows.get("example") else []
                days = 0 if purge else config.app_config().forgotten_backup_days
                files.begin(self._studio.settings.home, owner, given, days, runs=done["runs"], sources=reached.sources, folders=folders,
                            voiced=voiced)  # fmt: skip
            # Files that went before the commit could not come back.
            files.finish(self._studio.settings.home, lambda: adapters.standing(self._studio.engine, self._runs))
        if examples := reached.rows.get("example"):
            self._studio.examples.freed(owner, examples)
        told = {"removed": removed, "policy": policy, "wrote": sorted(wrote), "scrubbed": scrub(self._studio.engine)}
        return done | told | self._old_copies(given, purge)

    def everything(self, owner: str) -> int:
        """Delete all of the owner; returns how many rows. Raises UserError while something is being made from what is there."""
        if self._studio.busy(owner):
            raise UserError(WRITING)
        return forget(self._studio.engine, owner, self._runs)

    def purge(self) -> dict[str, Any]:
        """Delete every backup now and make a fresh one: {purged, due: None}. Raises UserError when none can be made."""
        return self._old_copies([EVERYTHING], True)

    def noted(self, id: str) -> str | None:
        """After everything was deleted: when the backups that still hold it go, or None where there are none."""
        return self._old_copies([id], False)["due"]

    def _old_copies(self, ids: list[str], purge: bool) -> dict[str, Any]:
        found = files.purge(self._backups) if purge else 0
        if found:
            self._studio.backups.make()
        files.expire(self._backups)
        return {"due": files.due(self._backups, ids), "purged": found}

    def _folders(self, opened: Session, owner: str) -> list[str]:
        """Run folders that may hold something of the owner: of their trainings, and those that no row knows any more."""
        return [*opened.exec(select(TrainingRun.id).where(TrainingRun.owner_id == owner)), *_rowless(opened, self._runs)]

    def _without_folder(self, opened: Session, owner: str) -> list[str]:
        """Trainings whose files are gone, so that nobody can say what they read: a backup, which has no files, was put back elsewhere."""
        return [id for id in self._folders(opened, owner) if not (self._runs / id).is_dir()]

    @staticmethod
    def _discard(opened: Session, owner: str, ids: list[str]) -> list[Path]:
        """Rows of adapters, and of all that points at them; returns their folders."""
        found = opened.exec(select(Adapter).where(Adapter.owner_id == owner, col(Adapter.id).in_(ids))).all()
        folders = [Path(row.path) for row in found]
        opened.connection().execute(delete(Promotion).where(Promotion.owner_id == owner, col(Promotion.adapter_id).in_(ids)))
        closure.remove(opened, closure.pointing_at(opened, {"adapter": ids}))
        return folders

    @staticmethod
    def _mark(opened: Session, owner: str, ids: list[str]) -> None:
        """Whoever lets one of these adapters write again is to know what it learned from."""
        made = select(TrainingRun).join(Adapter, col(Adapter.run_id) == TrainingRun.id)
        for run in opened.exec(made.where(Adapter.owner_id == owner, col(Adapter.id).in_(ids))):
            run.report = run.report | {"forgotten_on": now().date().isoformat()}
            opened.add(run)

    @staticmethod
    def _clean_reports(opened: Session, runs: list[str]) -> None:
        for run in opened.exec(select(TrainingRun).where(col(TrainingRun.id).in_(runs))):
            run.report = files.without_texts(run.report)
            opened.add(run)
        for checked in opened.exec(select(Evaluation).where(col(Evaluation.run_id).in_(runs))):
            checked.values = files.without_texts(checked.values)
            opened.add(checked)
        gates = SQLModel.metadata.tables.get("gate_report")
        if gates is not None:
            made = select(Adapter.id).where(col(Adapter.run_id).in_(runs))
            for id, values in opened.connection().execute(select(gates.c.id, gates.c["values"]).where(gates.c.adapter_id.in_(made))).all():
                kept = {"values": files.without_texts(values or {})}
                opened.connection().execute(gates.update().where(gates.c.id == id).values(kept))


def _rowless(opened: Session, runs: Path) -> list[str]:
    """Run folders without a row: a backup from before them was put back, or a start was cut off."""
    known = set(opened.exec(select(TrainingRun.id)))
    return sorted(path.name for path in runs.glob("run_*") if path.is_dir() and path.name not in known)


def _idle(opened: Session, owner: str) -> None:
    """Raises UserError while a training of the owner is active; another's reads nothing of theirs."""
    active = select(TrainingRun.id).where(TrainingRun.owner_id == owner, col(TrainingRun.state).in_(ACTIVE_STATES))
    if opened.exec(active).first():
        raise UserError(ACTIVE)


# ---- in words -----------------------------------------------------------------------------------------------------

_TABLES = {"document": "text", "prompt": "prompt", "letter": "letter", "comparison": "pair", "preference": "choice",
           "example": "own letter", "imported": "imported row", "queue_item": "place in the queue"}  # fmt: skip
_FATES = {"keep": "stay as they are", "off": "do not write any more", "delete": "are deleted"}


def planned(found: dict[str, Any]) -> list[str]:
    """What a deletion would take, a sentence a line."""
    parts = [_count(number, _TABLES[table]) for table, number in found["rows"].items() if table in _TABLES]
    lines = [f"Goes for good: the {rows.NAMES[found['kind']]}{', with ' if parts else ''}{', '.join(parts)}."]
    if found["runs"]:
        lines.append(f"The files of {_count(len(found['runs']), 'training')} lose it, and the letters in their reports.")
    for row in found["adapters"]:
        lines.append(f"{row['id']} {'writes now and ' if row['state'] == 'live' else ''}learned from it"
                     + (f", through {row['from']}." if row["from"] else "."))  # fmt: skip
    if found["backups"]:
        lines.append(f"{_count(found['backups'], 'backup')} made before may hold it.")
    return lines


def done(found: dict[str, Any]) -> list[str]:
    """What a deletion did, a sentence a line."""
    lines = [f"Deleted: the {rows.NAMES[found['kind']]} and what was made from it, {_count(found['removed'], 'row')} in all."]
    if found["adapters"]:
        lines.append(f"Adapters that learned from it {_FATES[found['policy']]}: {', '.join(row['id'] for row in found['adapters'])}.")
    if found["wrote"]:
        lines.append("One of them was writing; what wrote before it, or the base model, writes again.")
    if not found["scrubbed"]:
        lines.append("Another program holds the database: its file was not written anew, but what was deleted is overwritten in it.")
    if found["purged"]:
        lines.append(f"{_count(found['purged'], 'backup')} made before deleted, and a fresh one made.")
    if found["due"]:
        lines.append(f"Backups made before may hold it. They go by themselves on {found['due']}; putting one back brings it back.")
    return lines


def _count(number: int, name: str) -> str:
    return f"{number:,} {name if number == 1 else 'places in the queue' if name == 'place in the queue' else name + 's'}"
