"""Where each adapter comes from: parents, what it was taught from and how, its gate and trial, who let it write, its size.

Knows rows and run folders, and has two versions write the same jobs. What a table that is not there would say is left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlmodel import Session, SQLModel, col, select

from db.engine import session
from db.models import Adapter, Evaluation, Letter, Promotion, Prompt, TrainingRun, Trial
from ftapp import adapters, agreement, cleaning, config, letters, rendered, sets, strength, trials, verdicts
from ftapp.backends import pair
from ftapp.errors import ModelError, UserError
from ftapp.training import run

JOBS = 5
_RECIPE = ("label", "method", "scope", "r", "alpha", "learning_rate", "beta", "epochs", "batch_size", "loss_type", "seed")


def listing(opened: Session, owner: str, base_id: str | None = None, loaded: adapters.Weights | None = None) -> list[dict[str, Any]]:
    """`story` of every adapter of the owner's (of one base model), newest first."""
    query = select(Adapter.id).where(Adapter.owner_id == owner).order_by(col(Adapter.created_at).desc(), col(Adapter.id))
    if base_id is not None:
        query = query.where(Adapter.base_id == base_id)
    return [story(opened, owner, id, loaded) for id in opened.exec(query)]


def story(opened: Session, owner: str, adapter_id: str, loaded: adapters.Weights | None = None) -> dict[str, Any]:
    """{id, state, refused, made_at, base_id, base_hash, scope, sha256, bytes, parents, imported, method, recipe, settings, learned,
    checked, held_out, forgotten_on, gate, trial, promoted}.

    `state` as `adapters.state` says it; `parents` go from the nearest to "starter" or "none"; `learned`
    and `checked` count pairs (method dpo) or letters (sft) and are None where nothing is known; `held_out` is a sentence; `forgotten_on`
    the day on which some of what taught it was deleted, or ""; `gate` {passed, rules} and `trial` {state, votes} or None; `promoted` is
    [{at, by, reason, undone_at}], newest first. Raises NotFound.
    """
    adapters.find(opened, owner, adapter_id)
    row = opened.exec(select(Adapter).where(Adapter.id == adapter_id, Adapter.owner_id == owner)).first()
    if row is None:
        raise UserError(f"{adapter_id!r} was not made here. There is nothing to tell of it. Choose an adapter of your own.")
    made = opened.get(TrainingRun, row.run_id) if row.run_id else None
    report, plan = (made.report if made else {}), (made.report if made else {}).get("plan") or {}
    said = run.read_json(Path(row.path) / run.FACTS) if not row.run_id else {}
    gate = _gate(opened, row.id) or said.get("gate")
    refused = row.state == "candidate" and bool(gate) and not gate.get("passed")
    return {
        "id": row.id, "state": adapters.state(row, loaded), "refused": refused, "made_at": row.created_at.isoformat(),
        "base_id": row.base_id, "base_hash": row.base_hash, "scope": row.scope, "sha256": row.sha256, "bytes": size(Path(row.path)),
        "parents": parents(opened, owner, row), "imported": not row.run_id, "method": made.method if made else said.get("method", ""),
        "recipe": made.recipe if made else said.get("recipe", ""), "settings": _settings(row) or said.get("settings", {}),
        "learned": _first(report.get("train_pairs"), report.get("train_examples"), plan.get("kept"), said.get("learned")),
        "checked": _first(report.get("held_out_pairs"), report.get("held_out_examples"), plan.get("held_out"), said.get("checked")),
        "held_out": (report.get("held_out") or {}).get("sentence", "") or said.get("held_out", ""),
        "forgotten_on": report.get("forgotten_on", ""), "gate": gate, "trial": _trial(opened, row.id), "promoted": _promoted(opened, row),
    }  # fmt: skip


def parents(opened: Session, owner: str, row: Adapter) -> list[str]:
    """From what an adapter was taught, up to "starter", "none" or one that is gone."""
    found, above = [], row.parent_id
    while above and above not in found:
        found.append(above)
        parent = opened.exec(select(Adapter).where(Adapter.id == above, Adapter.owner_id == owner)).first()
        if parent is None:
            return found if above == adapters.STARTER_ID or _gone(above) else [*found, adapters.NONE_ID]
        above = parent.parent_id
    return [*found, adapters.NONE_ID]


def _gone(id: str) -> bool:
    return id.startswith("adp_")


def size(folder: Path) -> int:
    """Bytes of an adapter's files; 0 where they are gone."""
    return sum(path.stat().st_size for path in folder.glob("*") if path.is_file()) if folder.is_dir() else 0


def _first(*values: Any) -> int | None:
    return next((int(value) for value in values if isinstance(value, int | float) and math.isfinite(value)), None)


def _settings(row: Adapter) -> dict[str, Any]:
    """What the frozen recipe of its run says."""
    frozen = Path(row.path).parent / "recipe.yaml"
    try:
        recipe = config.read_recipe(frozen) if row.run_id and frozen.is_file() else None
    except UserError:  # a recipe of another version of the app
        recipe = None
    return {name: value for name in _RECIPE if (value := getattr(recipe, name, None)) not in (None, "")}


def _newest(opened: Session, table: str, adapter_id: str) -> Any:
    """The newest row about an adapter of a table that may not be there."""
    found = SQLModel.metadata.tables.get(table)
    if found is None:
        return None
    query = found.select().where(found.c.adapter_id == adapter_id).order_by(found.c.created_at.desc()).limit(1)
    return opened.connection().execute(query).mappings().first()


def _gate(opened: Session, adapter_id: str) -> dict[str, Any] | None:
    found = _newest(opened, "gate_report", adapter_id)
    if found is not None:
        return {"passed": bool(found["passed"]), "rules": list(found["rules"] or [])}
    checked = select(Evaluation.values).where(Evaluation.adapter_id == adapter_id).order_by(col(Evaluation.created_at).desc())
    return next((values["gate"] for values in opened.exec(checked) if values and values.get("gate")), None)


def _trial(opened: Session, adapter_id: str) -> dict[str, Any] | None:
    query = select(Trial).where(Trial.adapter_id == adapter_id).order_by(col(Trial.created_at).desc()).limit(1)
    found = opened.exec(query).first()
    return None if found is None else {"state": found.state, "votes": trials.standing(opened, found).votes}


def _promoted(opened: Session, row: Adapter) -> list[dict[str, Any]]:
    mine = select(Promotion).where(Promotion.owner_id == row.owner_id, Promotion.adapter_id == row.id)
    return [
        {"at": one.created_at.isoformat(), "by": getattr(one, "by", "person"), "reason": getattr(one, "reason", None) or "",
         "undone_at": one.undone_at.isoformat() if one.undone_at else None}
        for one in opened.exec(mine.order_by(col(Promotion.created_at).desc()))
    ]  # fmt: skip


class Lineage:
    """The verbs of the Models tab's history. `studio` has the database and the model; the owner always first."""

    def __init__(self, studio: Any) -> None:
        self._studio = studio

    def listing(self, owner: str) -> list[dict[str, Any]]:
        with session(self._studio.engine) as opened:
            return listing(opened, owner, self._studio.spec.id, adapters.weights(self._studio.loaded))

    def strengths(self, owner: str) -> dict[str, Any]:
        """Win rates between all versions, with 95 % intervals: see `strength.fit`."""
        with session(self._studio.engine) as opened:
            return strength.fit([verdicts.game(label) for label in agreement.first(verdicts.labels(opened, owner, self._studio.spec.id))])

    def compare(self, owner: str, one: str, other: str) -> Iterator[dict[str, Any]]:
        """The same held-out jobs written by two versions ("starter" and "none" too): {title, one, other, finished, stored} each.

        What a training's report holds already is not written again; the rest both write now, behind whoever waits for a letter, the
        likeliest word each time. With too few held-out jobs the fictional ones that ship stand in. Raises UserError, ModelError.
        """
        with session(self._studio.engine) as opened:
            for id in (one, other):
                adapters.check_base(opened, owner, id, self._studio.spec.id, adapters.weights(self._studio.loaded))
            refs = [adapters.find(opened, owner, id) for id in (one, other)]
            ready = stored(opened, owner, one, other)
            known = {row["title"] for row in ready}
            asked = [job for job in jobs(opened, owner, self._studio.spec.id) if job["title"] not in known][: JOBS - len(ready)]
        if one == other:
            raise UserError("Both are the same version. There is nothing to compare. Choose two.")
        yield from (row | {"stored": True} for row in ready)
        if len(ready) >= JOBS:
            return
        backend = self._studio.backend()
        asked += fictional(backend, JOBS - len(ready) - len(asked))
        for job in asked:
            yield {"title": job["title"], "stored": False} | both(backend, job["messages"], refs)


def both(backend: Any, messages: list[dict[str, str]], refs: list[Any]) -> dict[str, Any]:
    """{one, other, finished} of one prompt."""
    for ref in refs:
        if ref is not None and not (proof := backend.prove(ref)).ok:
            raise ModelError(proof.reason)
    how = letters.sampling(backend.spec, greedy=True)
    *_, last = pair.write(backend, messages, [pair.Row(ref, 0) for ref in refs], how)
    one, other = (cleaning.strip(text)[0] for text in last.texts)
    return {"one": one, "other": other, "finished": tuple(last.finished)}


# ---- the same jobs for any two versions --------------------------------------------------------------------------------


def jobs(opened: Session, owner: str, base_id: str, most: int = JOBS) -> list[dict[str, Any]]:
    """[{title, messages}] of held-out jobs that this base model wrote for, newest first, each posting once."""
    query = (
        select(Prompt).join(Letter, col(Letter.prompt_id) == Prompt.id)
        .where(Prompt.owner_id == owner, Letter.base_id == base_id).order_by(col(Prompt.created_at).desc(), col(Prompt.id))
    )  # fmt: skip
    found: dict[str, dict[str, Any]] = {}
    for prompt in opened.exec(query.execution_options(yield_per=200)):
        if letters.held_out(prompt.split_key) and prompt.split_key not in found:
            found[prompt.split_key] = {"title": title_of(prompt.messages), "messages": prompt.messages}
            if len(found) == most:
                break
    return list(found.values())


def fictional(backend: Any, most: int) -> list[dict[str, Any]]:
    """As `jobs`, of the set that ships: where too few of the owner's are held out."""
    made = [letters.compose(backend, job, resume) for job, resume in sets.fictional()[:most]]
    return [{"title": title_of(messages), "messages": messages} for one in made if (messages := [dict(m) for m in one.prompt.messages])]


def title_of(messages: list[dict[str, str]]) -> str:
    return rendered.read(messages).title or "A question"


def stored(opened: Session, owner: str, one: str, other: str) -> list[dict[str, Any]]:
    """Letters of both for the same held-out jobs, as the run that made one from the other wrote them: [{one, other, title, finished}]."""
    for newer, older, sides in ((other, one, ("before", "after")), (one, other, ("after", "before"))):
        row = opened.exec(select(Adapter).where(Adapter.id == newer, Adapter.owner_id == owner)).first()
        if row is None or (row.parent_id or adapters.NONE_ID) != older or not row.run_id:
            continue
        written = (opened.get_one(TrainingRun, row.run_id).report or {}).get("letters") or []
        return [{"title": row.get("title") or f"Held-out posting {number}", "one": row[sides[0]], "other": row[sides[1]],
                 "finished": (row.get(f"{sides[0]}_finished", True), row.get(f"{sides[1]}_finished", True))}
                for number, row in enumerate(written[:JOBS], 1) if sides[0] in row and sides[1] in row]  # fmt: skip
    return []


# ---- in words -----------------------------------------------------------------------------------------------------

NAMES = {adapters.NONE_ID: "the base model", adapters.STARTER_ID: "the starter that ships with ftapp"}
THING = {"dpo": "choice", "sft": "letter"}
TRIALS = {"running": "is on trial", "confirmed": "won its trial", "rolled_back": "lost its trial", "ended": "left its trial before the end",
          "taken": "was taken before its trial ended"}  # fmt: skip


def rule_line(rule: dict[str, Any]) -> str:
    """A rule of the gate and what became of it. One that came with an archive may lack its title."""
    title = rule.get("title")
    return f"{title}: {rule['sentence']}" if isinstance(title, str) and title else rule["sentence"]


def lines(told: dict[str, Any]) -> list[str]:
    """A story, a sentence a line; what is not known is not said."""
    thing, learned = THING.get(told["method"], "row"), told["learned"]
    made = []
    if told["imported"]:
        made.append("Came as an archive. What it says of itself is not checked by anybody.")
    if learned is not None:
        made.append(f"Taught from {learned} {thing}{'s' * (learned != 1)} ({told['checked'] or 0} held out), recipe {told['recipe']}.")
    if told["held_out"]:
        made.append(told["held_out"])
    if not told["imported"]:
        made.append(f"Taught on top of {', on top of '.join(NAMES.get(id, id) for id in told['parents'])}.")
    if told["forgotten_on"]:
        made.append(f"Some of what it learned from was deleted on {told['forgotten_on']}. Its weights can still hold traces of it.")
    if gate := told["gate"]:
        kept = [rule for rule in gate.get("rules") or [] if isinstance(rule, dict) and rule.get("sentence")]
        made.append(f"{'Passed' if gate.get('passed') else 'Did not pass'} the gate" + (":" if kept else "."))
        made += map(rule_line, kept)
    if trial := told["trial"]:
        votes = trial["votes"]
        made.append(f"It {TRIALS.get(trial['state'], trial['state'])} ({votes} vote{'s' * (votes != 1)}).")
    for one in told["promoted"]:
        by = "its trial" if one["by"] == "trial" else "you"
        text = f"Let write on {one['at'][:10]} by {by}" + (f", because: {one['reason']}" if one["reason"] else "")
        made.append(text + (f"; taken back on {one['undone_at'][:10]}." if one["undone_at"] else "."))
    return made
