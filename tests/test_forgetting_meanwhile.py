"""What was begun before a deletion and ends after it brings nothing back: letters, trainings, what the gate measured."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from sqlmodel import select

from db.engine import session, write
from db.models import Adapter, Document, Example, GateReport, TrainingRun, now
from ftapp import adapters, cli_examples, config, examples, forgetting_files, gate_measure, labelling, promoting, trials
from ftapp.errors import UserError
from ftapp.forgetting import Forgetting
from ftapp.studio import Studio
from ftapp.training import prepare, run, supervise
from ftapp.ui.own_letters import LettersPanel
from tests.shelf import adapter
from tests.test_forgetting_one import ME, only, places, resume_of, told, trained

POSTING, RESUME = "Baker\nCompany: Oak\n\nRequirements\n- Early hours", "Sam CANARYcv\nBaker\n\nSkills\nsourdough"
PASSED = {"rival": "starter", "passed": True, "rules": [], "values": {"letters": 32, "stamp": "a phrase of CANARY"}}


@pytest.fixture
def elsewhere(studio):
    """The command line, in another process: it cannot see what this one writes."""
    other = Studio(config.settings(home=studio.settings.home), studio.backend())
    yield other
    other.close()


@pytest.mark.parametrize("verb", ["write_pair", "write_letter"])
def test_letters_that_were_begun_before_are_not_stored(studio, elsewhere, verb):
    steps = getattr(studio, verb)(ME, POSTING, RESUME)
    next(steps)
    with pytest.raises(UserError, match="Letters are being written"):
        Forgetting(studio).everything(ME)
    Forgetting(elsewhere).everything(ME)
    with pytest.raises(UserError, match="deleted while this was made"):
        list(steps)
    assert places(studio, "CANARY") == [] and not studio.busy(ME)
    list(getattr(studio, verb)(ME, POSTING, RESUME))
    assert places(studio, "CANARY"), "what begins afterwards is stored"


def test_letters_that_were_offered_before_are_not_stored(studio):
    told("CANARY", edited="Dear CANARYedit, I knead and shape the loaves every morning before the shop opens at six.")(studio)
    began, given = now(), studio.examples.offers(ME)
    Forgetting(studio).forget(ME, "resume", resume_of(studio, "CANARY"))
    with pytest.raises(UserError, match="deleted while this was made"):
        studio.examples.store(ME, given, lambda: forgetting_files.refuse_older(studio.settings.home, ME, began))
    assert places(studio, "CANARY") == []


def test_both_ways_to_take_what_is_offered_look_whether_it_is_still_there(studio, monkeypatch):
    told("CANARY", edited="Dear CANARYedit, I knead and shape the loaves every morning before the shop opens at six.")(studio)
    read = studio.examples.offers

    def slow(owner):
        given = read(owner)
        for found in only(studio, Document, kind="resume"):
            Forgetting(studio).forget(owner, "resume", found.id)
        return given

    monkeypatch.setattr(studio.examples, "offers", slow)
    with gr.Blocks():
        panel = LettersPanel(studio, SimpleNamespace(manager=lambda request: ME))
    with pytest.raises(UserError, match="deleted while this was made"):
        panel.take_offered(None)
    told("CANARY", edited="Dear CANARYedit, I knead and shape the loaves every morning before the shop opens at six.")(studio)
    given = SimpleNamespace(paths=[], offered=True, pasted="", posting="", kind="", meaning=False)
    monkeypatch.setattr(cli_examples, "_similar", lambda *_: None)
    with pytest.raises(UserError, match="deleted while this was made"):
        cli_examples.add(studio, given)
    assert places(studio, "CANARY") == []


def test_the_queue_is_not_filled_from_a_resume_that_is_gone(studio, monkeypatch):
    told("CANARY")(studio)
    monkeypatch.setattr(studio.labelling.ahead, "wake", lambda *_: None)
    real = labelling.read_text

    def slow(text, what):
        for found in only(studio, Document, kind="resume"):
            Forgetting(studio).forget(ME, "resume", found.id)
        return real(text, what)

    monkeypatch.setattr(labelling, "read_text", slow)
    with pytest.raises(UserError, match="deleted while this was made"):
        studio.labelling.fill(ME, [(POSTING, None)])
    assert places(studio, "CANARY") == []


def test_what_is_taught_next_does_not_start_from_what_learned_from_something_deleted(studio):
    """Whoever keeps an adapter keeps it writing; another training is taught without what was deleted, and says where it starts."""
    with write(studio.engine) as opened:
        voice = adapter(opened, parent="starter")
        row = opened.get_one(Adapter, voice)
        made = opened.get_one(TrainingRun, row.run_id)
        made.method, made.report = "sft", {}
        adapters.promote(opened, ME, voice, "bundled")
    base, recipe = {"id": "bundled", "hash": row.base_hash}, config.recipe("dpo_bundled")
    with session(studio.engine) as opened:
        assert prepare._parent(opened, ME, base, recipe)[0].id == voice
    with write(studio.engine) as opened:
        opened.get_one(TrainingRun, row.run_id).report = {"forgotten_on": "2026-01-02"}
    with session(studio.engine) as opened:
        found, notes = prepare._parent(opened, ME, base, recipe)
    assert found.id == "starter" and notes == [f"Starts below {voice}: it learned from something that was deleted on 2026-01-02."]


def test_a_clock_that_was_set_back_refuses_nothing(studio, monkeypatch):
    Forgetting(studio).everything(ME)
    asked = lambda begun: forgetting_files.deleted_since(studio.settings.home, ME, begun)  # noqa: E731
    assert asked(now() - timedelta(minutes=1)) and not asked(now())
    forgetting_files.begin(studio.settings.home, "visitor_1", [], 30)
    real = forgetting_files._now
    monkeypatch.setattr(forgetting_files, "_now", lambda: real() - timedelta(hours=1))
    assert not asked(real() - timedelta(hours=1))
    monkeypatch.setattr(forgetting_files, "_now", lambda: real() + timedelta(days=2))
    forgetting_files.begin(studio.settings.home, ME, [], 30)
    assert list(run.read_json(studio.settings.home / forgetting_files.LAST)) == [ME], "nobody's name stays for long"


def test_a_training_does_not_begin_with_a_letter_that_was_just_deleted(studio, monkeypatch):
    things = "bread rolls cakes buns pies tarts loaves bagels scones muffins wafers cookies pretzels crackers strudels buns".split()
    given = [examples.Given(f"Dear team,\n\nI bake {thing} for the {at * 7919} people of my street, and no two {thing} taste alike.\n\n"
                            f"Yours,\nSam Ode", "cover_letter", f"Baker\nCompany: {thing.title()} {at} Ltd", "Sam Ode\nBaker")
             for at, thing in enumerate(things)]  # fmt: skip
    studio.examples.keep(ME, list(studio.examples.store(ME, given).ids))
    real, gone = supervise.prepare, []

    def prepared(*asked):
        made = real(*asked)
        gone.append(made.material.train[0]["id"])
        Forgetting(studio).forget(ME, "example", gone[0])
        return made

    monkeypatch.setattr(supervise, "prepare", prepared)
    monkeypatch.setattr(studio.supervisor, "poll", lambda: True)
    with pytest.raises(UserError, match="deleted while this was made"):
        studio.supervisor.start(ME, "sft_bundled")
    assert gone and gone[0] not in [row.id for row in only(studio, Example)]
    assert not only(studio, TrainingRun) and not list(studio.settings.folder("runs").glob("*"))


@pytest.mark.parametrize("policy", ["off", "delete", "keep"])
def test_the_gate_lets_nothing_back_on_duty(studio, monkeypatch, policy):
    told("CANARY")(studio)
    studio.backend().base_hash = "h" * 64
    guilty = trained(studio)

    def measured(*_, **__):  # it takes minutes
        Forgetting(studio).forget(ME, "resume", resume_of(studio, "CANARY"), policy)
        return PASSED

    monkeypatch.setattr(gate_measure, "of_run", measured)
    if policy == "delete":
        with pytest.raises(UserError, match="deleted while it was measured"):
            studio.trial.ask_gate(ME, guilty)
        return
    assert studio.trial.ask_gate(ME, guilty)["passed"]
    with session(studio.engine) as opened:
        on_trial = trials.running(opened, ME, "bundled")
        assert (on_trial is not None) == (policy == "keep") == (opened.get(Adapter, guilty).state == "trial")
    assert places(studio, "CANARY") == [] and only(studio, GateReport)[0].values == {"letters": 32}


def test_a_measurement_that_is_stopped_says_nothing(studio, monkeypatch):
    told("CANARY")(studio)
    studio.backend().base_hash = "h" * 64
    guilty = trained(studio)

    def measured(*_, stop, **__):
        assert studio.trial.measuring(ME) and not stop()
        studio.trial.stop_gate("visitor_1")
        assert not stop(), "another's"
        assert "stopped" in studio.trial.stop_gate(ME)
        assert stop()
        return PASSED

    monkeypatch.setattr(gate_measure, "of_run", measured)
    monkeypatch.setattr(promoting, "STOP_SECONDS", 0.1)
    with pytest.raises(UserError, match="was stopped"):
        studio.trial.ask_gate(ME, guilty)
    assert not only(studio, GateReport) and not studio.trial.measuring(ME)
    assert studio.trial.stop_gate(ME) == "Nothing is being measured."


def test_a_resumed_training_is_set_against_what_writes_now(studio, monkeypatch):
    told("CANARY")(studio)
    live = trained(studio)
    with write(studio.engine) as opened:
        adapters.promote(opened, ME, live, "bundled")
        before = adapters.find(opened, ME, live)
        named = {"id": live, "path": str(before.path), "sha256": before.sha256, "scope": before.scope}
        row = TrainingRun(owner_id=ME, recipe="dpo_bundled", method="dpo", scope="letter", state="stopped", base_id="bundled",
                          base_hash="h" * 64)  # fmt: skip
        opened.add(row)
        opened.flush()
        run_id = row.id
    base = {"id": "bundled", "hash": "h" * 64, "parent": None, "live": named}
    folder = run.create(studio.settings.folder("runs") / run_id, {"name": "r", "method": "dpo"}, base, [], [])
    Forgetting(studio).forget(ME, "resume", resume_of(studio, "CANARY"), "delete")
    monkeypatch.setattr(studio.supervisor, "poll", lambda: True)
    studio.supervisor.resume(ME, run_id)
    with session(studio.engine) as opened:
        now_writes = adapters.live(opened, ME, "bundled", "h" * 64)
        assert opened.exec(select(TrainingRun.state).where(TrainingRun.id == run_id)).one() == "queued"
    rival = run.read_json(folder / "base.json")["live"]
    assert rival == (now_writes and supervise.named(now_writes)) and (rival is None or Path(rival["path"]).is_dir())
