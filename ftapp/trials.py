"""Trials in the database: begin one, count its votes, end it. Knows rows; what votes mean is `trial`'s business.

A vote counts when it is the first that stands on a pair which was written since the trial began, by the new adapter and by what writes,
with both sides proven, and when the adapter's own training did not learn from it. Pairs that ask again (to measure steadiness) do not
count: they are the same pair. A settlement stands in the place of what labelers said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from db.models import Adapter, Comparison, GateReport, Letter, Preference, RunPair, Trial, now
from ftapp import adapters, preferences, trial

ENDED = {trial.CONFIRMED: "confirmed", trial.ROLLED_BACK: "rolled_back"}


def running(session: Session, owner: str, base_id: str) -> Trial | None:
    """The owner's trial that goes on with this base model."""
    query = select(Trial).where(Trial.owner_id == owner, Trial.base_id == base_id, Trial.state == "running")
    return session.exec(query).first()


def newest(session: Session, owner: str, base_id: str) -> Trial | None:
    """The owner's trial with this base model that goes on, or else ended last."""
    query = select(Trial).where(Trial.owner_id == owner, Trial.base_id == base_id)
    last = col(Trial.ended_at).is_(None).desc(), col(Trial.ended_at).desc(), col(Trial.created_at).desc(), col(Trial.id)
    return session.exec(query.order_by(*last).limit(1)).first()


def report(session: Session, owner: str, adapter_id: str) -> GateReport | None:
    """What the gate said last of an adapter."""
    query = select(GateReport).where(GateReport.owner_id == owner, GateReport.adapter_id == adapter_id)
    return session.exec(query.order_by(col(GateReport.created_at).desc(), col(GateReport.id)).limit(1)).first()


def judged(session: Session, owner: str, adapter_id: str, said: Mapping[str, Any]) -> GateReport:
    """Keep what the gate said of an adapter: {rival, passed, rules, values}."""
    row = GateReport(owner_id=owner, adapter_id=adapter_id, rival_id=said["rival"], passed=said["passed"], rules=list(said["rules"]),
                     values=dict(said["values"]))  # fmt: skip
    session.add(row)
    session.flush()
    return row


def begin(session: Session, owner: str, adapter_id: str) -> Trial | None:
    """Put a candidate on trial against what writes; it takes the place of one that is on trial. None when it writes already. One that left
    its trial against the same goes on with it: to begin anew until chance is kind would not be a test."""
    row = session.exec(select(Adapter).where(Adapter.id == adapter_id, Adapter.owner_id == owner)).one()
    rival = adapters.live(session, owner, row.base_id, row.base_hash)
    if rival is not None and rival.id == adapter_id:
        return None
    before = running(session, owner, row.base_id)
    if before is not None:
        if before.adapter_id == adapter_id:
            return before
        end(session, before, "ended")
    before, rival_id = before or newest(session, owner, row.base_id), rival.id if rival else adapters.NONE_ID
    left = select(Trial).where(Trial.adapter_id == adapter_id, Trial.rival_id == rival_id, Trial.state == "ended")
    fresh = session.exec(left.order_by(col(Trial.created_at).desc()).limit(1)).first() or Trial(
        owner_id=owner, base_id=row.base_id, adapter_id=adapter_id, rival_id=rival_id)  # fmt: skip
    fresh.state, fresh.ended_at, fresh.automatic = "running", None, before.automatic if before else True
    row.state = "trial"
    session.add_all([fresh, row])
    session.flush()
    return fresh


def votes(session: Session, row: Trial) -> list[str]:
    """How the new adapter fared in each vote that counts, oldest first, as `trial.follow` takes it."""
    left, right = aliased(Letter), aliased(Letter)
    learned = select(RunPair.preference_id).join(Adapter, col(Adapter.run_id) == RunPair.run_id).where(Adapter.id == row.adapter_id)
    query = (
        select(Preference, left.adapter_id, right.adapter_id)
        .join(Comparison, col(Preference.comparison_id) == Comparison.id)
        .join(left, col(Comparison.left_letter_id) == left.id)
        .join(right, col(Comparison.right_letter_id) == right.id)
        .where(Preference.owner_id == row.owner_id, Comparison.owner_id == row.owner_id, col(Preference.undone_at).is_(None))
        .where(col(Comparison.repeat_of).is_(None), col(Comparison.proven), Comparison.created_at >= row.created_at)
        .where(left.base_id == row.base_id, right.base_id == row.base_id, col(Preference.id).not_in(learned))
        .order_by(col(Preference.created_at), col(Preference.id))
    )
    standing: dict[str, tuple[bool, str]] = {}  # of each pair: whether it was settled, and how the new one fared
    for said, one, other in session.exec(query):
        writers = (one or adapters.NONE_ID, other or adapters.NONE_ID)
        if set(writers) != {row.adapter_id, row.rival_id}:
            continue
        settled = said.labeler == preferences.SETTLED
        if said.comparison_id not in standing or (settled and not standing[said.comparison_id][0]):
            standing[said.comparison_id] = settled, _fared(said, row.adapter_id == writers[0])
    return [fared for _, fared in standing.values()]


def _fared(said: Preference, new_left: bool) -> str:
    """An edit counts for the side that it began from, a mix of both letters and "neither" for none."""
    side = said.edited_from or said.verdict
    if side not in ("left", "right"):
        return trial.TIED
    return trial.WON if (side == "left") == new_left else trial.LOST


def standing(session: Session, row: Trial) -> trial.Standing:
    """Where a trial is, or was when it ended."""
    if row.state != "running":
        return trial.stood(**{name: row.votes.get(name, 0) for name in ("wins", "losses", "ties")})
    return trial.follow(votes(session, row))


def end(session: Session, row: Trial, state: str) -> None:
    """Close a trial with what its votes were; an adapter that does not write now is retired, or a candidate again if nothing was
    decided."""
    found = trial.follow(votes(session, row))
    row.votes = {"wins": found.wins, "losses": found.losses, "ties": found.ties}
    row.state, row.ended_at = state, now()
    adapter = session.get(Adapter, row.adapter_id)
    if adapter is not None and adapter.state == "trial":
        adapter.state = "retired" if state == "rolled_back" else "candidate"
        session.add(adapter)
    session.add(row)
    session.flush()


def decide(session: Session, owner: str, base_id: str) -> Trial | None:
    """Do what the votes of an automatic trial say: let the new adapter write, or retire it. The trial if it ended now, else None."""
    row = running(session, owner, base_id)
    if row is None or not row.automatic:
        return None
    said = standing(session, row).state
    return None if said == trial.GOING else close(session, row, said)


def close(session: Session, row: Trial, said: str) -> Trial:
    """End a trial as its votes say (`trial.CONFIRMED` or `trial.ROLLED_BACK`)."""
    end(session, row, ENDED[said])
    if said == trial.CONFIRMED:
        adapters.promote(session, row.owner_id, row.adapter_id, row.base_id, by="trial")
    return row


def follow_live(session: Session, owner: str, base_id: str) -> None:
    """After something else began to write: the candidate is on trial against that from now on, or has been taken."""
    row = running(session, owner, base_id)
    if row is None:
        return
    adapter = session.get_one(Adapter, row.adapter_id)
    live = adapters.live(session, owner, base_id, adapter.base_hash)
    if live is not None and live.id == row.adapter_id:
        end(session, row, "taken")
    elif (live.id if live else adapters.NONE_ID) != row.rival_id:
        end(session, row, "ended")
        begin(session, owner, row.adapter_id)


def withdraw(session: Session, owner: str, ids: Iterable[str]) -> set[str]:
    """Take adapters off duty, also as the tried one or the rival of a trial. Returns those that wrote."""
    going = select(Trial).where(Trial.owner_id == owner, Trial.state == "running")
    for row in session.exec(going.where(col(Trial.adapter_id).in_(ids := list(ids)))).all():
        end(session, row, "ended")
    wrote = adapters.withdraw(session, owner, ids)
    for row in session.exec(going).all():
        follow_live(session, owner, row.base_id)
    return wrote
