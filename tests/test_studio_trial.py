# ruff: noqa: F811 (fixtures of another file)
"""What a trial and the gate change for whoever writes and promotes, through the studio."""

import pytest
from shelf import adapter
from sqlmodel import select

from db.engine import session, write
from db.models import Comparison, Letter, Promotion
from ftapp import gate_measure, trials
from ftapp.backends.local import Proof
from ftapp.errors import NotFound, UserError
from ftapp.lineage import Lineage
from tests.test_studio import POSTING, RESUME, TAUGHT, _last, make, taught  # noqa: F401


def test_on_trial_new_pairs_set_the_new_adapter_against_what_writes(taught):
    studio, live = taught()
    with write(studio.engine) as opened:
        new = adapter(opened)
        trials.begin(opened, "local", new)
    studio.backend().texts[new] = ["Dear Fernhill Bakery, I bake for my street. Kind regards, Sam Ode"]
    pair = _last(studio.write_pair("local", POSTING, RESUME))
    with session(studio.engine) as opened:
        row = opened.get(Comparison, pair["comparison_id"])
        wrote = {side: opened.get(Letter, getattr(row, f"{side}_letter_id")).adapter_id for side in ("left", "right")}
    assert set(wrote.values()) == {live, new} and row.proven
    side = next(side for side, by in wrote.items() if by == new)
    assert "note" not in studio.prefer("local", pair["comparison_id"], side)
    found = studio.trial.trial("local")
    assert (found["wins"], found["losses"], found["rival_id"]) == (1, 0, live)
    chosen = _last(studio.write_pair("local", POSTING, RESUME, adapter=live))
    assert studio.trial.trial("local")["votes"] == 1 and chosen["comparison_id"]
    studio.undo("local")
    assert studio.trial.trial("local")["votes"] == 0


def test_an_adapter_on_trial_that_cannot_be_proved_does_not_stop_the_writing(taught):
    studio, live = taught(proof=None)
    with write(studio.engine) as opened:
        trials.begin(opened, "local", adapter(opened))
    backend = studio.backend()
    prove, backend.prove = backend.prove, lambda ref: prove(ref) if ref.id == live else Proof(False, "Its files are gone.")
    pair = _last(studio.write_pair("local", POSTING, RESUME))
    with session(studio.engine) as opened:
        row = opened.get(Comparison, pair["comparison_id"])
        wrote = {opened.get(Letter, id).adapter_id for id in (row.left_letter_id, row.right_letter_id)}
    assert wrote == {None, live} and row.proven


def test_what_was_taught_on_earlier_weights_cannot_come_to_write(taught, make):
    studio, old = taught()
    with write(studio.engine) as opened:
        other = adapter(opened)
        trials.begin(opened, "local", other)
    assert studio.trial.trial("local")["state"] == "running"
    studio.backend().base_hash = "n" * 64  # the base model was updated
    assert studio.trial.trial("local")["state"] == "ended", "no vote could let it write"
    pair = _last(studio.write_pair("local", POSTING, RESUME))
    with session(studio.engine) as opened:
        row = opened.get(Comparison, pair["comparison_id"])
        assert {opened.get(Letter, id).adapter_id for id in (row.left_letter_id, row.right_letter_id)} == {None}
    assert {row["state"] for row in studio.adapters("local")} == {"outdated"}
    assert {row["state"] for row in Lineage(studio).listing("local")} == {"outdated"}
    for act in (studio.trial.promote, studio.trial.begin, studio.trial.ask_gate):
        with pytest.raises(UserError, match="earlier weights"):
            act("local", other)
    with pytest.raises(UserError, match="earlier weights"):
        _last(studio.write_pair("local", POSTING, RESUME, adapter=old))
    assert studio.trial.rollback("local")["state"] == "live"


def test_an_adapter_on_trial_that_the_gate_refuses_now_leaves_it(taught, monkeypatch):
    studio, live = taught()
    with write(studio.engine) as opened:
        trials.begin(opened, "local", new := adapter(opened))
    rule = {"name": "length", "title": "Length", "value": 2.0, "limit": 1.3, "state": "refused", "sentence": "Letters are much longer."}
    said = {"rival": live, "passed": False, "rules": [rule], "values": {}}
    for name in ("of_run", "of_adapter"):
        monkeypatch.setattr(gate_measure, name, lambda *_, **__: said)
    assert not studio.trial.ask_gate("local", new)["passed"]
    assert studio.trial.trial("local")["state"] == "ended", "no vote can let it write any more"
    with pytest.raises(UserError, match="much longer"):
        studio.trial.begin("local", new)


def test_what_the_gate_refused_writes_only_with_a_reason(taught):
    studio, live = taught()
    rule = {"name": "length", "title": "Length", "value": 2.0, "limit": 1.3, "state": "refused", "sentence": "Letters are much longer."}
    with write(studio.engine) as opened:
        new = adapter(opened)
        trials.judged(opened, "local", new, {"rival": live, "passed": False, "rules": [rule], "values": {}})
    studio.backend().texts[new] = [TAUGHT]
    promote, begin = studio.trial.promote, studio.trial.begin
    for attempt in (lambda: promote("local", new), lambda: promote("local", new, "ok"), lambda: begin("local", new)):
        with pytest.raises(UserError, match="gate did not let this adapter through.*Letters are much longer"):
            attempt()
    told = lambda: {row["id"]: row["refused"] for row in studio.adapters("local")}  # noqa: E731
    assert told() == {row["id"]: row["id"] == new for row in studio.adapters("local")}
    assert studio.trial.promote("local", new, "I like long letters.") == {"id": new, "state": "live"}
    assert not any(told().values()), "it writes now"
    with session(studio.engine) as opened:
        newest = opened.exec(select(Promotion).order_by(Promotion.created_at.desc())).first()
    assert (newest.adapter_id, newest.by, newest.reason) == (new, "person", "I like long letters.")
    assert studio.trial.gate("local", new)["rules"] == [rule] and studio.trial.gate("local", live) is None
    with pytest.raises(NotFound):
        studio.trial.gate("somebody", new)
