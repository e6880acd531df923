"""Start, watch, stop and resume trainings. The only place where run folders meet the database.

One supervisor per home holds `supervisor.lock` and does the watching: it launches queued runs, follows their events
into tables, and says "interrupted" of a run whose trainer is gone without a last word. Every other process (a second
app, the command line) may queue, stop and resume; if no supervisor is there, it becomes one for as long as it lives.
Knows nothing of how training works.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from db.engine import session, write
from db.models import Adapter, Evaluation, RunPair, TrainingMetric, TrainingRun, new_id, now
from ftapp import adapters, config, evaluation, forgetting_files, trials
from ftapp.errors import NotFound, TrainingError
from ftapp.training import lock, memory, plan, probe, processes, reference, repeat, run
from ftapp.training.prepare import named, prepare

log = logging.getLogger(__name__)
GRACE = timedelta(seconds=60)  # a trainer launched by an app that is gone has this long to take its lock
KILLED = (
    "The training was ended by force, as a system does when its memory is used up - what was saved last is kept - resume it, or start "
    "the smaller plan."
)
INTERRUPTED = "The training was cut off (the machine or its process ended) - what was saved last is kept - resume it."


class Supervisor:
    """Trainings of one home. Safe to call from several threads; `close` when done."""

    def __init__(self, engine: Engine, settings: config.Settings) -> None:
        self._engine, self._settings = engine, settings
        self._runs = settings.folder("runs")
        self._held = contextlib.ExitStack()
        self._watching = False
        self._guard = threading.RLock()  # one poll at a time in this process
        self._processes: dict[str, subprocess.Popen] = {}
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    # ---- before the start ---------------------------------------------------------------------------------------

    def active(self) -> bool:
        """Whether a training is queued, runs or stops, whoever's it is."""
        with session(self._engine) as opened:
            return opened.exec(select(TrainingRun.id).where(TrainingRun.state.in_(run.ACTIVE))).first() is not None

    def plan(self, owner: str, recipe: str | None = None, smaller: int = 0) -> plan.Plan:
        """What a training would learn from and cost. Raises UserError for an unknown recipe or a missing model."""
        return prepare(self._engine, self._settings, owner, recipe, smaller).plan

    def measure(self, owner: str, recipe: str | None = None, smaller: int = 0) -> plan.Plan:
        """The same, once a short probe has measured time and memory; waits for it. Raises TrainingError while a training runs."""
        self._refuse_second()
        made = prepare(self._engine, self._settings, owner, recipe, smaller)
        if made.plan.refused:
            return made.plan
        probe.measure(self._settings.home, made.base, made.recipe, made.material)
        return self.plan(owner, recipe, smaller)

    def start(self, owner: str, recipe: str | None = None, smaller: int = 0) -> str:
        """Queue a training and return its id; the watching supervisor launches it. `smaller`: as many times smaller than the recipe.

        Raises TrainingError when another one is active (also when two ask at the same moment) or too little can train.
        """
        self._refuse_second()
        began, made = now(), prepare(self._engine, self._settings, owner, recipe, smaller)
        if made.plan.refused:
            raise TrainingError(made.plan.refused)
        run_id, chosen, material = new_id("run"), made.recipe, made.material
        folder = run.create(self._runs / run_id, chosen.model_dump(), made.base, material.train, material.held_out)
        row = TrainingRun(
            id=run_id, owner_id=owner, recipe=chosen.name, method=chosen.method, scope=chosen.scope,
            base_id=made.base["id"], base_hash=made.base["hash"], parent_adapter_id=made.plan.parent,
            steps=made.plan.steps, seconds_left=made.plan.seconds, report={"plan": asdict(made.plan), "smaller": smaller},
        )  # fmt: skip
        try:
            reference.carry(folder)
            with write(self._engine) as opened:
                forgetting_files.refuse_older(self._settings.home, owner, began)
                opened.add(row)
                opened.flush()
                opened.add_all(RunPair(run_id=run_id, preference_id=receipt, owner_id=owner) for receipt in material.preferences)
        except Exception as error:
            shutil.rmtree(folder, ignore_errors=True)  # no row knows it
            if isinstance(error, IntegrityError):
                self._refuse_second()
            raise
        self.poll()
        return run_id

    def _refuse_second(self) -> None:
        with session(self._engine) as opened:
            other = opened.exec(select(TrainingRun).where(TrainingRun.state.in_(run.ACTIVE))).first()
        if other is not None:
            raise TrainingError(
                f"A training is active already ({other.state}, step {other.step} of {other.steps}) - one model and one machine train one "
                "at a time - wait for it or stop it."
            )

    # ---- while it runs ------------------------------------------------------------------------------------------

    def runs(self, owner: str) -> list[dict[str, Any]]:
        """All of the owner's trainings, newest first, as `status` shows them."""
        with session(self._engine) as opened:
            rows = opened.exec(select(TrainingRun).where(TrainingRun.owner_id == owner).order_by(TrainingRun.created_at.desc())).all()
        return [_status(row) for row in rows]

    def status(self, owner: str, run_id: str | None = None) -> dict[str, Any]:
        """{id, state, step, steps, seconds_left, metrics, reason} of a run, or of the newest. Raises NotFound."""
        return _status(self._row(owner, run_id))

    def curve(self, owner: str, run_id: str | None = None) -> tuple[list[dict[str, float]], str]:
        """(rows of metrics with "step", in order, one a step and kind; the sentence that reads them)."""
        row = self._row(owner, run_id)
        with session(self._engine) as opened:
            found = opened.exec(select(TrainingMetric).where(TrainingMetric.run_id == row.id).order_by(TrainingMetric.seq)).all()
        # a resumed run repeats the steps since its checkpoint: the later ones are what the adapter comes from
        latest = {(metric.step, any(name.startswith("eval_") for name in metric.metrics)): metric for metric in found}
        rows = [{"step": metric.step, **metric.metrics} for _, metric in sorted(latest.items())]
        return rows, evaluation.read_curve(rows)

    def report(self, owner: str, run_id: str | None = None) -> dict[str, Any]:
        """The plan and, after success, what the trainer wrote into report.json (held-out check, letters), `adapter_id`, and `sentence`:
        the check in words."""
        row = self._row(owner, run_id)
        with session(self._engine) as opened:
            made = opened.exec(select(Adapter.id).where(Adapter.run_id == row.id, Adapter.owner_id == owner)).first()
        check = row.report.get("held_out")  # until a success the plan's: a number
        said = check.get("sentence", "") if isinstance(check, dict) else "", row.report.get("letters_note", "")
        return {**row.report, "adapter_id": made, "sentence": " ".join(filter(None, said))}

    def smaller(self, owner: str, run_id: str | None = None) -> dict[str, Any] | None:
        """{recipe, smaller, sentence} of the next smaller plan for a run that did not fit into memory; else None."""
        row = self._row(owner, run_id)
        if row.state not in ("failed", "interrupted") or not (row.reason or "").startswith((memory.USED_UP, KILLED)):
            return None
        level = int(row.report.get("smaller", 0)) + 1
        asked = config.recipe(row.recipe)
        if config.model_spec(row.base_id).load_in_4bit:  # what writes is what learned
            asked = asked.model_copy(update={"load_in_4bit": True})
        next_one = memory.smaller_than(memory.smaller(asked, level - 1))
        return next_one and {"recipe": row.recipe, "smaller": level, "sentence": next_one[1]}

    def stop(self, owner: str, run_id: str) -> dict[str, Any]:
        """Ask a run to end after its current step, keeping a checkpoint. Harmless when it has ended already."""
        row = self._row(owner, run_id)
        if row.state in run.ACTIVE:
            if (self._runs / row.id).is_dir():  # else there is nobody to ask
                run.ask_to_stop(self._runs / row.id)
            with write(self._engine) as opened:
                current = opened.get(TrainingRun, row.id)
                if current.state == "queued" and current.started_at is None:
                    current.state, current.ended_at, current.reason = "stopped", now(), "Stopped before it began."
                elif current.state in run.ACTIVE:
                    current.state = "stopping"
            self.poll()
        return self.status(owner, run_id)

    def resume(self, owner: str, run_id: str) -> dict[str, Any]:
        """Let a stopped, interrupted or failed run go on from its last complete checkpoint. Raises TrainingError."""
        row = self._row(owner, run_id)
        folder = self._runs / row.id
        if row.state in run.ACTIVE:
            raise TrainingError("This training has not ended yet - there is nothing to go on from - wait for it, or stop it first.")
        if row.state not in run.RESUMABLE:
            raise TrainingError("This training has finished - only one that was stopped or cut off can go on - start a new one.")
        if not (folder / "base.json").is_file():
            raise TrainingError("The folder of this training is gone - nothing is left to go on from - start a new training.")
        self._find_parent(owner, folder)
        run.forget_stop(folder)
        try:
            with write(self._engine) as opened:
                current = opened.get(TrainingRun, row.id)
                current.state, current.reason, current.started_at, current.ended_at = "queued", None, None, None
        except IntegrityError:
            self._refuse_second()
            raise
        self.poll()
        return self.status(owner, run_id)

    def repeat(self, owner: str, run_id: str | None) -> dict[str, Any]:
        """`repeat.repeat` of one of the owner's runs, from the adapter that it began from, wherever that lies now. Raises TrainingError."""
        folder = self._runs / self._row(owner, run_id).id
        parent = run.read_json(folder / "base.json").get("parent")
        try:
            with session(self._engine) as opened:
                found = adapters.find(opened, owner, parent["id"]) if parent else None
        except NotFound:
            raise TrainingError("What this training started from is gone - it cannot be repeated - start a new one.") from None
        return repeat.repeat(self._runs, folder.name, found and found.path)

    def _find_parent(self, owner: str, folder: Path) -> None:
        """What a run starts from must still be there, and all that taught it; its folder may have moved with the home. The gate sets
        the run against what writes now: what wrote at its start may be gone, too."""
        base = run.read_json(folder / "base.json")
        parent, found = base.get("parent"), None
        with session(self._engine) as opened:
            live = adapters.live(opened, owner, base["id"], base["hash"])
            if parent:
                with contextlib.suppress(NotFound):
                    found = adapters.find(opened, owner, parent["id"])
            forgotten = adapters.forgotten_on(opened, parent["id"]) if parent else ""
        if parent and (found is None or forgotten):
            why = f"has learned from something that was deleted on {forgotten}" if forgotten else "is gone"
            raise TrainingError(f"The adapter that this training starts from {why} - it cannot go on - start a new training.")
        present = base | {"live": named(live)} | ({"parent": parent | {"path": str(found.path)}} if parent else {})
        if present != base:
            run.write_text(folder / "base.json", json.dumps(present, indent=1))

    def _row(self, owner: str, run_id: str | None) -> TrainingRun:
        query = select(TrainingRun).where(TrainingRun.owner_id == owner)
        query = query.where(TrainingRun.id == run_id) if run_id else query.order_by(TrainingRun.created_at.desc())
        with session(self._engine) as opened:
            row = opened.exec(query).first()
        if row is None:
            raise NotFound(f"There is no training {run_id!r} here - nothing can be shown - list yours with `runs`." if run_id
                           else "There is no training yet - nothing can be shown - teach with some choices or letters.")  # fmt: skip
        return row

    # ---- watching -----------------------------------------------------------------------------------------------

    def watch(self, every_seconds: float = 1.0) -> None:
        """Poll in a background thread until `close`."""
        self._thread = threading.Thread(target=self._loop, args=(every_seconds,), name="trainings", daemon=True)
        self._thread.start()

    def _loop(self, every_seconds: float) -> None:
        while not self._end.wait(every_seconds):
            try:
                self.poll()
            except Exception:  # a full disk must not end the watching; the next poll tries again
                log.exception("Following the trainings failed; trying again.")

    def close(self) -> None:
        """Stop watching. Trainings go on by themselves."""
        self._end.set()
        if self._thread:
            self._thread.join(timeout=10)
        with self._guard:
            self._held.close()
            self._watching = False

    def poll(self) -> bool:
        """Launch what is queued and follow what runs, if this process is (or can become) the home's supervisor."""
        with self._guard:
            if not self._watching:
                try:
                    self._held.enter_context(lock.hold(self._settings.home / "supervisor.lock"))
                except lock.Busy:
                    return False
                self._watching = True
            with session(self._engine) as opened:
                active = opened.exec(select(TrainingRun).where(TrainingRun.state.in_(run.ACTIVE))).all()
            for row in active:
                self._follow(row)
            return True

    def _follow(self, row: TrainingRun) -> None:
        folder = self._runs / row.id
        if not (folder / "base.json").is_file():
            return self._end_run(row.id, "failed", "The folder of this training is gone - nothing can go on - start a new training.")
        living = lock.alive(folder)  # asked before reading: a last word written in between is then still read
        events = run.read_events(folder, row.last_seq)
        said, forced = next((event["state"] for event in reversed(events) if event.get("state") in run.FINAL), None), False
        if said is None and not living:
            process = self._processes.get(row.id)
            if row.state == "queued" and row.started_at is None:
                return self._launch(row)
            if process is not None and process.poll() is None:
                return None  # still importing Python
            if process is None and row.state == "queued" and now() - row.started_at < GRACE:
                return None  # launched by an app that is gone
            said = "interrupted"
            forced = process is not None and process.returncode == -9
        self._store(row, events, said, KILLED if forced else INTERRUPTED)
        if said:
            self._reap(row.id)
        return None

    def _launch(self, row: TrainingRun) -> None:
        """Start the trainer in its own session, talking to files only: it outlives this process."""
        folder = self._runs / row.id
        with write(self._engine) as opened:
            current = opened.get(TrainingRun, row.id)
            if current.state != "queued" or current.started_at is not None:
                return
            current.started_at = now()
        apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if os.name == "nt" else {"start_new_session": True}
        try:
            with (folder / "trainer.log").open("ab") as output:
                self._processes[row.id] = subprocess.Popen(
                    processes.command(folder),
                    stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=processes.environment(), cwd=folder, **apart,
                )  # fmt: skip
        except TrainingError as error:
            self._end_run(row.id, "failed", str(error))
        except OSError as error:
            reason = f"The trainer could not be started ({error.strerror}) - nothing was trained - free memory or disk and resume."
            self._end_run(row.id, "failed", reason)

    def _store(self, row: TrainingRun, events: Sequence[dict[str, Any]], said: str | None, cut_off: str) -> None:
        """Events into tables, and a success with its adapter and check: all in one commit, and never twice. `cut_off`: why, if it was."""
        if not events and not said:
            return
        folder = self._runs / row.id
        report = run.read_json(folder / "report.json") if said == "succeeded" else {}
        last = next((event for event in reversed(events) if event.get("state") == said), {})  # a note says what is going on, not the end
        reason = cut_off if said == "interrupted" else last.get("reason")
        if said == "succeeded" and not run.sealed(folder / "adapter"):
            said, reason = "failed", "The adapter's files are not whole - they cannot be used - resume the training."
        with write(self._engine) as opened:
            current = opened.get(TrainingRun, row.id)
            for event in events:
                if event["seq"] <= current.last_seq:
                    continue
                current.last_seq = event["seq"]
                _take(opened, current, event)
            if said:
                current.state, current.reason, current.seconds_left, current.ended_at = said, reason, None, now()
            if said == "succeeded":
                current.report = {**current.report, **report}
                _register(opened, current, folder, report)

    def _end_run(self, run_id: str, state: str, reason: str) -> None:
        with write(self._engine) as opened:
            current = opened.get(TrainingRun, run_id)
            current.state, current.reason, current.seconds_left, current.ended_at = state, reason, None, now()
        self._reap(run_id)

    def _reap(self, run_id: str) -> None:
        process = self._processes.pop(run_id, None)
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)


def _take(opened: Session, current: TrainingRun, event: dict[str, Any]) -> None:
    """One event into the run's row and, with metrics, into a row of its own."""
    metrics = dict(event.get("metrics") or {})
    if event.get("state") in ("running", "stopping") and current.state in run.ACTIVE and current.state != "stopping":
        current.state = event["state"]
    current.step = event.get("step", current.step)
    if event["kind"] in ("note", "letters"):
        current.reason = event["reason"]
    if event["kind"] == "letters":  # the sentence says how long they take; the number is for steps
        current.seconds_left = None
    if event["kind"] == "start":
        current.steps = int(metrics.get("steps", current.steps))
    elif event["kind"] == "metrics":
        current.seconds_left = metrics.pop("seconds_left", current.seconds_left)
        current.metrics = {**current.metrics, **metrics}
        opened.add(TrainingMetric(run_id=current.id, owner_id=current.owner_id, seq=event["seq"], step=current.step, metrics=metrics))


def _register(opened: Session, current: TrainingRun, folder: Path, report: dict[str, Any]) -> None:
    adapter = adapters.register(opened, current, folder / "adapter", report["adapter_sha256"])
    values = {name: report.get(name) for name in ("held_out", "letters", "letters_note", "curve")}
    opened.add(Evaluation(owner_id=current.owner_id, run_id=current.id, adapter_id=adapter.id, values=values))
    if said := report.get("gate"):
        trials.judged(opened, current.owner_id, adapter.id, said)
        if said["passed"]:
            trials.begin(opened, current.owner_id, adapter.id)


def _status(row: TrainingRun) -> dict[str, Any]:
    left = row.seconds_left
    if left and row.state == "running" and row.started_at and not row.metrics:  # no step has said better: what was planned runs down
        left = max(0.0, round(left - (now() - row.started_at).total_seconds(), -1)) or None
    return {"id": row.id, "state": row.state, "step": row.step, "steps": row.steps, "seconds_left": left,
            "metrics": dict(row.metrics), "reason": row.reason}  # fmt: skip
