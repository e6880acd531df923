"""What writes, and what may come to write, as the page and the command line use it: the gate, the trial, promote, roll back.

Holds what `Studio` holds; rows are `adapters`' and `trials`', the rules are `gate`'s. The owner always first.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

from sqlmodel import col, select

from db.engine import session, write
from db.models import Adapter, Trial, now
from ftapp import adapters, forgetting_files, gate_measure, trial, trials
from ftapp.backends.local import AdapterRef
from ftapp.errors import ModelError, UserError
from ftapp.pace import Say
from ftapp.preferences import Receipt
from ftapp.streams import proved
from ftapp.training import run

LEAST_REASON = 10  # characters; "ok" is none
STOP_SECONDS = 5.0  # one word of a slow model
STOPPED = "The measurement was stopped. Nothing of it is kept, and what the gate said before still holds. Ask again at any time."
GONE = "This adapter was deleted while it was measured. Nothing of the measurement is kept."
UNMEASURED = "This adapter came as an archive, and nobody has measured it yet: ask the gate first. What passes goes on trial."


class Promoting:
    """The verbs of what writes. `studio` has the database and the loaded model."""

    def __init__(self, studio: Any) -> None:
        self._studio = studio
        self._measuring: dict[str, threading.Event] = {}  # by owner

    @property
    def _engine(self) -> Any:
        return self._studio.engine

    @property
    def _base(self) -> str:
        return self._studio.spec.id

    # ---- the trial ----------------------------------------------------------------------------------------------

    def pair(self, owner: str, backend: Any) -> tuple[AdapterRef | None, AdapterRef] | None:
        """(what writes, what is tried) while a trial goes on whose adapter can be proved; else None."""
        self._end_outdated(owner)
        with session(self._engine) as opened:
            row = trials.running(opened, owner, backend.id)
            if row is None:
                return None
            tried, live = (adapters.find(opened, owner, id) for id in (row.adapter_id, row.rival_id))
        return (live, tried) if proved(backend, tried) else None

    def _end_outdated(self, owner: str) -> None:
        """After an update of the base model: no vote could bring to write what was taught on its earlier weights."""
        with session(self._engine) as opened:
            row, loaded = trials.running(opened, owner, self._base), adapters.weights(self._studio.loaded)
            if row is None or adapters.state(adapters.own(opened, owner, row.adapter_id), loaded) != "outdated":
                return
        with write(self._engine) as opened:
            if row := trials.running(opened, owner, self._base):
                trials.end(opened, row, "ended")

    def voted(self, owner: str, receipt: Receipt) -> Receipt:
        """After a vote: do what an automatic trial says. The receipt, whose note says so when the trial ended now."""
        said = self._decide(owner)
        return replace(receipt, note=f"{receipt.note} {said}".strip()) if said else receipt

    def _decide(self, owner: str) -> str:
        self._end_outdated(owner)
        with session(self._engine) as opened:
            if trials.running(opened, owner, self._base) is None:
                return ""
        with write(self._engine) as opened:
            ended = trials.decide(opened, owner, self._base)
            return f"The trial is over. {_ended(ended, trials.standing(opened, ended), True)}" if ended else ""

    def trial(self, owner: str) -> dict[str, Any] | None:
        """The trial that goes on, else the last one: {id, adapter_id, rival_id, state, automatic, votes, wins, losses, ties, more, done,
        decided, sentence}; None when there never was one. `decided` is what the votes of a running trial say."""
        self._end_outdated(owner)
        with session(self._engine) as opened:
            row = trials.running(opened, owner, self._base) or trials.newest(opened, owner, self._base)
            if row is None:
                return None
            found = trials.standing(opened, row)
            kept = {name: getattr(row, name) for name in ("id", "adapter_id", "rival_id", "state", "automatic")}
            writes = adapters.live_id(opened, owner, self._base) == row.adapter_id
        sentence = found.sentence if row.state == "running" else _ended(row, found, writes)
        counts = {name: getattr(found, name) for name in ("votes", "wins", "losses", "ties", "more", "done")}
        return kept | counts | {"decided": found.state, "sentence": sentence, "began_at": row.created_at.isoformat(timespec="seconds")}

    def begin(self, owner: str, adapter_id: str) -> dict[str, Any]:
        """Put an adapter on trial by hand. Raises UserError when it writes already, or the gate refused it."""
        with session(self._engine) as opened:
            adapters.check_base(opened, owner, adapter_id, self._base, adapters.weights(self._studio.loaded))
            refused = self._refused(opened, owner, adapter_id)
        if adapter_id in (adapters.STARTER_ID, adapters.NONE_ID):
            raise UserError(f"{adapter_id!r} was not taught here. Nothing has changed. Only what you taught can be on trial.")
        if refused:
            raise UserError(f"{_why(refused)} It does not go on trial. Teach another one, or let it write with a reason.")
        with write(self._engine) as opened:
            if trials.begin(opened, owner, adapter_id) is None:
                raise UserError("This adapter writes already. There is nothing to try. Teach a new one.")
        return self.trial(owner)

    def automatic(self, owner: str, automatic: bool) -> dict[str, Any] | None:
        """Whether the votes' decision is done at once, or waits for a person; the same for trials to come."""
        with write(self._engine) as opened:
            row = trials.running(opened, owner, self._base) or trials.newest(opened, owner, self._base)
            if row is None:
                raise UserError("There was no trial yet. Nothing was stored. Say who decides once an adapter is on trial.")
            row.automatic = automatic
            opened.add(row)
        self._decide(owner)
        return self.trial(owner)

    def finish(self, owner: str) -> dict[str, Any]:
        """Do what the votes of a trial say, when it waits for a person. Raises UserError while they say nothing yet."""
        with write(self._engine) as opened:
            row = trials.running(opened, owner, self._base)
            said = trials.standing(opened, row).state if row else trial.GOING
            if said == trial.GOING:
                raise UserError("There is no decision yet. Nothing has changed. Vote on more pairs, or let the new one write knowingly.")
            trials.close(opened, row, said)
        return self.trial(owner)

    def leave(self, owner: str) -> dict[str, Any]:
        """End the trial without a decision; its adapter waits as a candidate."""
        with write(self._engine) as opened:
            row = trials.running(opened, owner, self._base)
            if row is None:
                raise UserError("No trial goes on. Nothing has changed.")
            trials.end(opened, row, "ended")
        return self.trial(owner)

    # ---- what writes --------------------------------------------------------------------------------------------

    def promote(self, owner: str, adapter_id: str, reason: str = "") -> dict[str, str]:
        """Let an adapter write from the next letter on, with nothing reloaded: {id, state}.

        Raises ModelError when it cannot be proved, UserError when the gate refused it and no `reason` is given.
        """
        reason = reason.strip()
        with session(self._engine) as opened:
            adapters.check_base(opened, owner, adapter_id, self._base, adapters.weights(self._studio.loaded))
            chosen = adapters.find(opened, owner, adapter_id)
            refused = self._refused(opened, owner, adapter_id)
        if refused and len(reason) < LEAST_REASON:
            short = f"A reason of at least {LEAST_REASON} characters is needed. " if reason else ""
            raise UserError(
                f"{short}{_why(refused)} It does not write yet. If you want it all the same, say why in a sentence: on the Models screen, "
                f"beside Let it write anyway, or python -m ftapp promote {adapter_id} --anyway REASON."
            )
        if chosen is not None:
            self._check(chosen)
        with write(self._engine) as opened:
            adapters.promote(opened, owner, adapter_id, self._base, reason=reason or None)
            trials.follow_live(opened, owner, self._base)
        return {"id": adapter_id, "state": "live"}

    def rollback(self, owner: str) -> dict[str, str]:
        """Back to what wrote before: {id, state}; the id is "starter" or "none" below the first adapter."""
        with write(self._engine) as opened:
            back = adapters.rollback(opened, owner, self._base)
            trials.follow_live(opened, owner, self._base)
        return {"id": back, "state": "live"}

    def _check(self, adapter: AdapterRef) -> None:
        """The loaded model proves the adapter and keeps it ready; without one its files are compared with their record."""
        backend = self._studio.loaded
        if backend is not None and backend.id == self._base:
            proof = backend.prove(adapter)
            if not proof.ok:
                raise ModelError(proof.reason)
        elif not run.sealed(adapter.path):
            raise ModelError(f"The files of the adapter {adapter.id} are not the recorded ones. It cannot write. Choose another adapter.")

    # ---- the gate -----------------------------------------------------------------------------------------------

    def gate(self, owner: str, adapter_id: str) -> dict[str, Any] | None:
        """What the gate said last of an adapter: {adapter_id, rival_id, passed, rules, values, at}; None when it was not asked."""
        with session(self._engine) as opened:
            adapters.check_base(opened, owner, adapter_id, self._base)
            row = trials.report(opened, owner, adapter_id)
            return row and {"adapter_id": row.adapter_id, "rival_id": row.rival_id, "passed": row.passed, "rules": row.rules,
                            "values": row.values, "at": row.created_at.isoformat(timespec="seconds")}  # fmt: skip

    def ask_gate(self, owner: str, adapter_id: str, say: Say = lambda line: None) -> dict[str, Any]:
        """Measure an adapter beside what writes now, and keep what the gate says; it takes minutes, and `say` is told how
        far it is. A candidate that passes goes on trial, unless another trial goes on; the trial of one that is refused ends. Raises
        UserError for what is no adapter of this home, and where it was stopped, or the adapter deleted meanwhile; ModelError."""
        began, stop = now(), threading.Event()
        with session(self._engine) as opened:
            adapters.check_base(opened, owner, adapter_id, self._base, adapters.weights(self._studio.loaded))
            row = adapters.own(opened, owner, adapter_id)
            if row is None:
                raise UserError(f"{adapter_id!r} ships with ftapp. The gate has nothing to measure. Name an adapter of your own.")
            live = adapters.live(opened, owner, self._base, row.base_hash)
            asked = adapters.find(opened, owner, adapter_id)
        if live is not None and live.id == adapter_id:
            live = None  # beside the base: nothing else writes
        folder = self._studio.settings.folder("runs") / str(row.run_id)
        self._measuring[owner] = stop
        try:
            if (folder / "train.jsonl").is_file():
                report = run.read_json(folder / "report.json")
                said = gate_measure.of_run(self._studio.backend(), folder, asked.sha256, report, live=live, stop=stop.is_set, say=say)
            else:
                said = gate_measure.of_adapter(self._studio.backend(), asked, live, stop=stop.is_set, say=say)
        finally:
            self._measuring.pop(owner, None)
        if stop.is_set():
            raise UserError(STOPPED)
        with write(self._engine) as opened:
            row = adapters.own(opened, owner, adapter_id)  # by now it may be off duty, or gone
            if row is None:
                raise UserError(GONE)
            if forgetting_files.deleted_since(self._studio.settings.home, owner, began):
                said = said | {"values": forgetting_files.without_texts(said["values"])}
            trials.judged(opened, owner, adapter_id, said)
            going = trials.running(opened, owner, self._base)
            if not said["passed"] and going and going.adapter_id == adapter_id:
                trials.end(opened, going, "ended")
            if said["passed"] and row.state == "candidate" and going is None:
                trials.begin(opened, owner, adapter_id)  # one that goes on keeps its votes
        return self.gate(owner, adapter_id)

    def measuring(self, owner: str) -> bool:
        return owner in self._measuring

    def stop_gate(self, owner: str) -> str:
        """End the measurement that goes on, if any, after the word that is being written; returns a sentence."""
        if stop := self._measuring.get(owner):
            stop.set()
        until = time.monotonic() + STOP_SECONDS
        while stop and self._measuring.get(owner) is stop and time.monotonic() < until:
            time.sleep(0.05)
        return STOPPED if stop else "Nothing is being measured."

    @staticmethod
    def _refused(opened: Any, owner: str, adapter_id: str) -> str:
        """Why an adapter may not write: what the gate said, or UNMEASURED; "" when it may."""
        row = trials.report(opened, owner, adapter_id)
        if row is None:
            mine = select(Adapter).where(Adapter.id == adapter_id, Adapter.owner_id == owner, col(Adapter.run_id).is_(None))
            return UNMEASURED if opened.exec(mine).first() else ""
        return "" if row.passed else " ".join(rule["sentence"] for rule in row.rules if rule["state"] == "refused")


def _why(refused: str) -> str:
    return refused if refused == UNMEASURED else f"The gate did not let this adapter through: {refused}"


def _ended(row: Trial, found: trial.Standing, writes: bool) -> str:
    """How a trial ended, in one sentence; `writes`: whether its adapter still does."""
    if row.state == "confirmed":
        return f"{trial.counted(found)}: the new one is better{' and writes now' if writes else '. It wrote, and no longer does'}."
    if row.state == "rolled_back":
        return f"{trial.counted(found)}: {trial.why_not(found)}; what wrote before keeps writing."
    if row.state == "taken":
        return f"You let the new one write after {trial.counted(found)}."
    return f"The trial ended without a decision after {trial.counted(found)}."
