"""Which adapter writes: register what a run made, promote, roll back. Knows rows and folders, loads no weights.

What writes is the newest promotion that is not undone; without one, the starter that ships (for the bundled model) or
the base alone. An adapter's id is used everywhere; "starter" is the shipped one and "none" the bare base model.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from db.engine import session, write
from db.models import Adapter, GateReport, Promotion, TrainingRun, now
from ftapp import config
from ftapp.backends.local import AdapterRef
from ftapp.errors import NotFound, UserError
from ftapp.training.run import MANIFEST, PUBLISHED, read_json

STARTER_ID, NONE_ID = "starter", "none"


def starter() -> AdapterRef | None:
    """The adapter that ships with the bundled model, or None where its files are missing."""
    folder = config.STARTER
    files = [folder / name for name in (*PUBLISHED, MANIFEST)]
    return _starter(folder, max(f.stat().st_mtime_ns for f in files)) if all(f.is_file() for f in files) else None


@functools.lru_cache(maxsize=1)
def _starter(folder: Path, written: int) -> AdapterRef:
    description, weights = PUBLISHED
    letter_only = read_json(folder / description).get("alora_invocation_tokens")
    return AdapterRef(STARTER_ID, folder, json.loads((folder / MANIFEST).read_text())[weights], "letter" if letter_only else "all")


def _ref(row: Adapter) -> AdapterRef:
    return AdapterRef(row.id, Path(row.path), row.sha256, row.scope)


# ---- reading --------------------------------------------------------------------------------------------------


def live_id(session: Session, owner: str, base_id: str) -> str:
    """The id of what writes with this base model: an adapter's, "starter" or "none"."""
    promoted = session.exec(_standing(owner, base_id)).first()
    if promoted is not None:
        return promoted.adapter_id
    return STARTER_ID if base_id == config.BUNDLED and starter() else NONE_ID


def live(session: Session, owner: str, base_id: str, base_hash: str | None = None) -> AdapterRef | None:
    """The adapter that writes, or None for the base alone.

    With `base_hash`, an adapter that was trained on other weights under the same name (an update of the bundled model) does
    not count: the starter or the base writes until a new one is trained.
    """
    adapter_id = live_id(session, owner, base_id)
    row = own(session, owner, adapter_id)
    if row is not None and (base_hash is None or row.base_hash == base_hash):
        return _ref(row)
    return starter() if base_id == config.BUNDLED and adapter_id != NONE_ID else None


def find(session: Session, owner: str, adapter_id: str) -> AdapterRef | None:
    """An adapter by id; None for "none". Raises NotFound for an id that is missing or another owner's."""
    if adapter_id == NONE_ID:
        return None
    found = starter() if adapter_id == STARTER_ID else None
    row = own(session, owner, adapter_id)
    if found is None and row is None:
        raise NotFound(f"There is no adapter {str(adapter_id)[:24]!r} here. Nothing has changed. See the list of adapters for their ids.")
    return found or _ref(row)


Weights = tuple[str, str]  # a loaded model's id and the hash of its weights


def weights(backend: Any) -> Weights | None:
    """What is loaded now; None where nothing is, or only a server knows its weights."""
    return (backend.id, backend.base_hash) if backend is not None and backend.base_hash else None


def state(row: Adapter, loaded: Weights | None = None) -> str:
    """candidate, trial, live or retired; "outdated" where other weights are loaded under the name that the adapter was made for: `live`
    passes it over."""
    return "outdated" if loaded and loaded[0] == row.base_id and loaded[1] != row.base_hash else row.state


def check_base(session: Session, owner: str, adapter_id: str, base_id: str, loaded: Weights | None = None) -> None:
    """Raises NotFound for an id that is not the owner's, UserError for an adapter of another base model, or of other weights of it than
    are loaded; "none" fits every base."""
    find(session, owner, adapter_id)
    row = own(session, owner, adapter_id)
    its = row.base_id if row else config.BUNDLED if adapter_id == STARTER_ID else base_id
    if its != base_id:
        raise UserError(
            f"The adapter {adapter_id} was made for the model {its!r}, not for {base_id!r}. It cannot write here. Load {its!r} first."
        )
    if row and state(row, loaded) == "outdated":
        raise UserError(f"The adapter {adapter_id} was made for earlier weights of {base_id!r}. It cannot write here. Teach a new one.")


def parent(session: Session, owner: str, adapter: AdapterRef) -> AdapterRef | None:
    """What a retrain of `adapter` starts from: its recorded parent, the starter for the starter, None for the base."""
    if adapter.id == STARTER_ID:
        return adapter
    row = own(session, owner, adapter.id)
    return find(session, owner, row.parent_id) if row is not None and row.parent_id else None


def taught_by(session: Session, owner: str, adapter_id: str) -> str:
    """How an adapter came about: "sft" (own letters), "dpo" (choices), or "" where no training of the owner's is known."""
    query = select(TrainingRun.method).join(Adapter, col(Adapter.run_id) == TrainingRun.id)
    return session.exec(query.where(Adapter.id == adapter_id, Adapter.owner_id == owner)).first() or ""


def start_for(session: Session, owner: str, live: AdapterRef, method: str) -> AdapterRef | None:
    """What a new training by `method` starts from, so that a voice comes before choices and nothing is learned twice.

    Choices start from the live voice, or from where the live adapter of choices started; a voice starts below every other voice.
    """
    if method == "dpo" and taught_by(session, owner, live.id) == "sft":
        return live
    found = parent(session, owner, live)
    while method == "sft" and found is not None and taught_by(session, owner, found.id) == "sft":
        found = parent(session, owner, found)
    return found


def listing(session: Session, owner: str, base_id: str | None = None, loaded: Weights | None = None) -> list[dict[str, Any]]:
    """All of the owner's adapters (of one base model), newest first, the starter last; exactly one per base may be live.
    `state` as `state` says it; `refused` says that the gate keeps it from writing."""
    query = select(Adapter).where(Adapter.owner_id == owner).order_by(col(Adapter.created_at).desc(), col(Adapter.id))
    if base_id is not None:
        query = query.where(Adapter.base_id == base_id)
    said = select(GateReport.adapter_id, GateReport.passed).where(GateReport.owner_id == owner).order_by(col(GateReport.created_at))
    passed = dict(session.exec(said).all())  # the newest of each adapter counts
    rows = [
        {"id": row.id, "state": state(row, loaded), "scope": row.scope, "base_id": row.base_id, "run_id": row.run_id,
         "parent_id": row.parent_id, "refused": row.state == "candidate" and not passed.get(row.id, True),
         "created_at": row.created_at.isoformat(), "promoted_at": row.promoted_at.isoformat() if row.promoted_at else None}
        for row in session.exec(query)
    ]  # fmt: skip
    shipped = starter() if base_id in (None, config.BUNDLED) else None
    if shipped is not None:
        present = loaded[1] if loaded and loaded[0] == config.BUNDLED else None
        now_state = "live" if live(session, owner, config.BUNDLED, present) == shipped else "retired"
        rows.append({"id": STARTER_ID, "state": now_state, "scope": shipped.scope, "base_id": config.BUNDLED, "run_id": None,
                     "parent_id": None, "refused": False, "created_at": None, "promoted_at": None})  # fmt: skip
    return rows


def own(session: Session, owner: str, adapter_id: str) -> Adapter | None:
    """The row of one of the owner's adapters; None for what ships and for what is not theirs."""
    return session.exec(select(Adapter).where(Adapter.id == adapter_id, Adapter.owner_id == owner)).first()


def _standing(owner: str, base_id: str) -> Any:
    return (
        select(Promotion)
        .where(Promotion.owner_id == owner, Promotion.base_id == base_id, col(Promotion.undone_at).is_(None))
        .order_by(col(Promotion.created_at).desc(), col(Promotion.id))
        .limit(1)
    )


# ---- changing -------------------------------------------------------------------------------------------------


def register(session: Session, run: TrainingRun, path: Path, sha256: str) -> Adapter:
    """Record a run's published adapter as a candidate; the same run again gives the same row."""
    row = session.exec(select(Adapter).where(Adapter.run_id == run.id, Adapter.owner_id == run.owner_id)).first()
    if row is None:
        row = Adapter(owner_id=run.owner_id, run_id=run.id, parent_id=run.parent_adapter_id, base_id=run.base_id, base_hash=run.base_hash,
                      scope=run.scope, sha256=sha256, path=str(path))  # fmt: skip
        session.add(row)
        session.flush()
    return row


def rehome(engine: Any, runs: Path) -> None:
    """Adapters of a home that was moved, or put back from a backup elsewhere, are found again in its `runs` folder."""

    def moved(opened: Session) -> list[tuple[Adapter, Path]]:
        places = [(row, runs / row.run_id / Path(row.path).name if row.run_id else runs.parent / "adapters" / row.id)
                  for row in opened.exec(select(Adapter))]  # fmt: skip
        return [(row, here) for row, here in places if not Path(row.path).exists() and here.is_dir()]

    with session(engine) as opened:
        if not moved(opened):  # every start but the first after a move: nobody has to wait for a lock
            return
    with write(engine) as opened:
        for row, here in moved(opened):
            row.path = str(here)
            opened.add(row)


def promote(session: Session, owner: str, adapter_id: str, base_id: str, by: str = "person", reason: str | None = None) -> str:
    """Let an adapter ("starter" and "none" too) write with `base_id`; returns its id. Promoting what writes changes nothing.
    `by` is "person" or "trial", `reason` what a person wrote who overrode the gate.

    Raises NotFound for another owner's id, UserError when it belongs to another base model.
    """
    check_base(session, owner, adapter_id, base_id)
    if live_id(session, owner, base_id) != adapter_id:
        session.add(Promotion(owner_id=owner, base_id=base_id, adapter_id=adapter_id, by=by, reason=reason))
        _mark(session, owner, base_id, adapter_id)
    return adapter_id


def rollback(session: Session, owner: str, base_id: str) -> str:
    """Back to what wrote before the newest promotion; below the first one lies the starter, below that the base.

    Returns the id of what writes now. Raises UserError when the base already writes alone.
    """
    before = live_id(session, owner, base_id)
    if before == NONE_ID:
        raise UserError("The base model already writes alone. There is nothing before it to go back to. Promote an adapter to change that.")
    newest = session.exec(_standing(owner, base_id)).first()
    if newest is None:
        session.add(Promotion(owner_id=owner, base_id=base_id, adapter_id=NONE_ID))
        return NONE_ID
    newest.undone_at = now()
    session.add(newest)
    session.flush()
    after = live_id(session, owner, base_id)
    _mark(session, owner, base_id, after)
    return after


def standing(engine: Any, runs: Path) -> set[str]:
    """The folders that rows name: of adapters, and of trainings."""
    with session(engine) as opened:
        named = {str(Path(path)) for path in opened.exec(select(Adapter.path))}
        named |= {str(runs / id / "adapter") for id in opened.exec(select(Adapter.run_id)) if id}  # a home that moved: `rehome` comes later
        return named | {str(runs / id) for id in opened.exec(select(TrainingRun.id))}


def forgotten_on(session: Session, adapter_id: str) -> str:
    """The day on which some of what taught an adapter was deleted, or ""."""
    query = select(TrainingRun.report).join(Adapter, col(Adapter.run_id) == TrainingRun.id).where(Adapter.id == adapter_id)
    return (session.exec(query).first() or {}).get("forgotten_on", "")


def descended(session: Session, owner: str, ids: Iterable[str]) -> set[str]:
    """The adapters of these ids and all that were taught from them."""
    rows = session.exec(select(Adapter.id, Adapter.parent_id).where(Adapter.owner_id == owner)).all()
    found = set(ids)
    while more := {id for id, parent in rows if parent in found} - found:
        found |= more
    return found


def withdraw(session: Session, owner: str, ids: Iterable[str]) -> set[str]:
    """Take adapters off duty: none writes, and no roll back leads to one; a person may still promote it. Returns those that wrote; their
    trials are `trials.withdraw`'s."""
    rows = session.exec(select(Adapter).where(Adapter.owner_id == owner, col(Adapter.id).in_(list(ids)))).all()
    wrote = {row.id for row in rows if live_id(session, owner, row.base_id) == row.id}
    for promoted in session.exec(select(Promotion).where(Promotion.owner_id == owner, col(Promotion.undone_at).is_(None))).all():
        if promoted.adapter_id in {row.id for row in rows}:
            promoted.undone_at = now()
            session.add(promoted)
    for row in rows:
        row.state = "retired"
        session.add(row)
    session.flush()
    for base_id in {row.base_id for row in rows if row.id in wrote}:
        _mark(session, owner, base_id, live_id(session, owner, base_id))
    return wrote


def _mark(session: Session, owner: str, base_id: str, adapter_id: str) -> None:
    """Keep the rows' states in step with the promotions: retire first, so that never two are live."""
    was = select(Adapter).where(Adapter.owner_id == owner, Adapter.base_id == base_id, Adapter.state == "live")
    for row in session.exec(was):
        row.state = "retired"
        session.add(row)
    session.flush()
    row = own(session, owner, adapter_id)
    if row is not None:
        row.state, row.promoted_at = "live", now()
        session.add(row)
        session.flush()
