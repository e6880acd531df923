"""Trainings as the app sees them: planned, started once, followed, stopped, cut off, picked up and resumed.

Real trainer processes on a tiny model; the slow ones kill them.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from sqlmodel import SQLModel, select

from db.columns import now
from db.engine import open_engine, session, write
from db.models import Adapter, Comparison, Evaluation, GateReport, Letter, Preference, Prompt, TrainingMetric, TrainingRun, Trial
from ftapp import config, letters, preferences
from ftapp.errors import NotFound, TrainingError
from ftapp.training import lock, run, supervise
from ftapp.training.prepare import prepare
from ftapp.training.supervise import Supervisor
from tests import tiny

pytestmark = pytest.mark.timeout(600)  # a trainer is nice to everybody: on a busy machine it waits
ROOT = Path(__file__).resolve().parent.parent
ME = "local"
HELD = [key for key in (f"{i:064x}" for i in range(200)) if letters.held_out(key)]
FREE = [key for key in (f"{i:064x}" for i in range(200)) if not letters.held_out(key)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.tiny_llama(tmp_path_factory.mktemp("models") / "llama")


@pytest.fixture
def home(model, tmp_path, monkeypatch):
    """A home with a database, the tiny model as its base, and two recipes: a short one and one that lasts."""
    configs = tmp_path / "configs"
    shutil.copytree(ROOT / "configs", configs)
    recipe = yaml.safe_load((configs / "train" / "dpo_bundled.yaml").read_text())
    lasting = {"epochs": 25, "learning_rate": 1e-7}  # too little for the guard, which may tell a random model from a collapse
    for name, changed in (("short", {"epochs": 2}), ("lasting", lasting)):
        (configs / "train" / f"{name}.yaml").write_text(yaml.safe_dump(recipe | changed | {"judged_letters": 0}))
    models = yaml.safe_load((configs / "models.yaml").read_text())
    models["default"]["max_new_tokens"] = 20
    (configs / "models.yaml").write_text(yaml.safe_dump(models))
    monkeypatch.setattr(config, "CONFIGS", configs)
    made = config.Settings(home=tmp_path / "home", model=str(model), host="127.0.0.1", port=7860, offline=True)
    engine = open_engine(made.database)
    SQLModel.metadata.create_all(engine)
    return made, engine


@pytest.fixture
def supervisor(home):
    made = Supervisor(home[1], home[0])
    yield made
    for process in made._processes.values():
        process.kill()
        process.wait()
    made.close()


# As long as what a random model writes, or the guard of a long training may see its letters lose their length.
BODY = ("Every morning before seven our ward hands over twelve patients, and whoever listens well then spares them an hour; that "
        "quiet quarter with pen, chart, coffee has taught me more than any course did, so please let us talk soon.")  # fmt: skip


def choose(home, count=16, owner=ME, held=6, verdict="left", **changed):
    """Store `count` choices, the first `held` of them for held-out postings."""
    settings, engine = home
    with write(engine) as opened:
        for i in range(count):
            key = HELD[i] if i < held else FREE[i]
            prompt = Prompt(owner_id=owner, kind="cover_letter", tone="plain", words=80, prompt_hash=f"h{i}", template_hash="t", tokens=9,
                            split_key=key, messages=[{"role": "user", "content": f"title: Nurse {i}\nname:\nMara"}])  # fmt: skip
            opened.add(prompt)
            opened.flush()
            both = []
            for text in (f"Dear team {i}, I write about the open position. {BODY}", f"Sure! Here is a letter {i}. {BODY}"):
                values = dict(owner_id=owner, prompt_id=prompt.id, base_id=settings.model, base_hash="b", seed=1, tokens=9, seconds=1.0)
                both.append(Letter(**values | dict(text=text, finished=True) | changed))
            opened.add_all(both)
            opened.flush()
            pair = Comparison(owner_id=owner, prompt_id=prompt.id, left_letter_id=both[0].id, right_letter_id=both[1].id, proven=True)
            opened.add(pair)
            opened.flush()
            opened.add(Preference(owner_id=owner, comparison_id=pair.id, labeler=owner, verdict=verdict))


def wait(supervisor, run_id, states, seconds=240):
    until = time.monotonic() + seconds
    while (status := supervisor.status(ME, run_id))["state"] not in states:
        assert time.monotonic() < until, f"still {status} after {seconds} s"
        time.sleep(0.1)
        supervisor.poll()
    return status


def wait_for(condition, seconds=240):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "never happened"
        time.sleep(0.05)


def folder_of(home, run_id):
    return home[0].home / "runs" / run_id


# ---- before the start -------------------------------------------------------------------------------------------


def test_a_plan_says_what_trains_what_does_not_and_why(home, supervisor):
    choose(home)
    choose(home, 2, held=0, finished=False)
    choose(home, 3, held=0, text="The same text twice.")
    choose(home, 1, held=0, text="A letter that is far too long. " * 400)
    choose(home, 2, verdict="tie")
    plan = supervisor.plan(ME, "short")
    assert (plan.kept, plan.held_out, plan.held_out_groups) == (10, 6, 6)
    assert plan.dropped == {"identical": 4, "unfinished": 2}
    assert plan.steps == 6 and plan.tokens > 10 * 2 * 20 and plan.seconds > 0 and plan.memory_bytes > 2**20
    assert plan.refused == "" and plan.parent is None
    with session(home[1]) as opened:
        assert opened.exec(select(TrainingRun)).all() == []  # planning changes nothing


def test_a_letter_that_does_not_fit_is_left_out_and_counted(home, supervisor):
    choose(home)
    with write(home[1]) as opened:
        opened.exec(select(Letter)).first().text = "A letter that is far too long. " * 400
    assert supervisor.plan(ME, "short").dropped == {"too long": 1}


def test_too_few_choices_are_refused_with_a_sentence(home, supervisor):
    choose(home, 8)
    assert "Only 2 of your choices can train" in supervisor.plan(ME, "short").refused
    with pytest.raises(TrainingError, match="Only 2 of your choices"):
        supervisor.start(ME, "short")
    assert list((home[0].home / "runs").iterdir()) == []


def test_the_same_choices_give_the_same_files_and_other_owners_stay_out(home):
    choose(home)
    choose(home, owner="somebody")
    first, again = (prepare(home[1], home[0], ME, "short").material for _ in range(2))
    assert first == again and len(first.train) == 10 and len(first.preferences) == 16
    assert {row["split_key"] for row in first.held_out} == set(HELD[:6])


def test_one_supervisor_watches_a_home_and_the_next_takes_over(home):
    one, two = Supervisor(home[1], home[0]), Supervisor(open_engine(home[0].database), home[0])
    assert one.poll() and not two.poll()
    one.close()
    assert two.poll()
    two.close()


def test_a_run_that_waits_can_be_stopped_and_strangers_see_nothing(home):
    choose(home)
    with lock.hold(home[0].home / "supervisor.lock"):
        waiting = Supervisor(home[1], home[0])
        run_id = waiting.start(ME, "short")
        assert set(waiting.status(ME, run_id)) == {"id", "state", "step", "steps", "seconds_left", "metrics", "reason"}
        assert waiting.status(ME)["state"] == "queued"
        for act in (waiting.status, waiting.stop, waiting.resume, waiting.curve, waiting.report):
            with pytest.raises(NotFound):
                act("somebody", run_id)
        assert waiting.runs("somebody") == []
        assert waiting.stop(ME, run_id)["state"] == "stopped"
        assert waiting.resume(ME, run_id)["state"] == "queued"
        with pytest.raises(TrainingError, match="has not ended yet"):
            waiting.resume(ME, run_id)


def test_a_run_does_not_go_on_from_a_parent_that_is_gone_or_learned_from_what_was_deleted(home):
    choose(home)
    with lock.hold(home[0].home / "supervisor.lock"):
        waiting = Supervisor(home[1], home[0])
        run_id = waiting.start(ME, "short")
        waiting.stop(ME, run_id)
        file = folder_of(home, run_id) / "base.json"
        base = run.read_json(file)
        with write(home[1]) as opened:
            same = dict(owner_id=ME, scope="letter", base_id="b", base_hash="h")
            opened.add(made := TrainingRun(**same, recipe="r", method="sft", state="succeeded"))
            opened.flush()
            at = str(folder_of(home, made.id) / "adapter")
            opened.add(parent := Adapter(**same, run_id=made.id, sha256="a" * 64, path=at, state="candidate"))
            opened.flush()
            made, parent = made.id, parent.id
        file.write_text(json.dumps(base | {"parent": {"id": "adp_gone", "path": "x", "sha256": "a" * 64, "scope": "letter"}}))
        with pytest.raises(TrainingError, match="starts from is gone"):
            waiting.resume(ME, run_id)
        file.write_text(json.dumps(base | {"parent": {"id": parent, "path": "where/home/was", "sha256": "a" * 64, "scope": "letter"}}))
        assert waiting.resume(ME, run_id)["state"] == "queued" and run.read_json(file)["parent"]["path"] == at, "the home may have moved"
        waiting.stop(ME, run_id)
        with write(home[1]) as opened:
            opened.get_one(TrainingRun, made).report = {"forgotten_on": "2030-01-01"}
        with pytest.raises(TrainingError, match="deleted on 2030-01-01"):
            waiting.resume(ME, run_id)


def test_a_start_that_fails_leaves_no_folder(home, supervisor, monkeypatch):
    choose(home)
    monkeypatch.setattr(supervise.reference, "carry", lambda folder: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError):
        supervisor.start(ME, "short")
    assert list((home[0].home / "runs").iterdir()) == []


# ---- real trainers ----------------------------------------------------------------------------------------------


def test_what_is_planned_runs_down_until_a_step_knows_better():
    row = TrainingRun(id="run-1", owner_id=ME, state="running", step=0, steps=9, seconds_left=600, metrics={}, started_at=now())
    assert supervise._status(row)["seconds_left"] == 600
    row.started_at = now() - timedelta(seconds=200)
    assert supervise._status(row)["seconds_left"] == 400
    row.started_at = now() - timedelta(seconds=700)
    assert supervise._status(row)["seconds_left"] is None
    row.metrics, row.seconds_left = {"loss": 0.7}, 50
    assert supervise._status(row)["seconds_left"] == 50


@pytest.mark.slow
def test_a_training_from_the_click_to_the_candidate(home, supervisor):
    choose(home)
    with session(home[1]) as opened:
        assert preferences.new_count(opened, ME) == 16
    run_id = supervisor.start(ME, "short")
    status = wait(supervisor, run_id, run.FINAL)
    log = (folder_of(home, run_id) / "trainer.log").read_text()
    assert status["state"] == "succeeded", f"{status['reason']}\n{log}"
    assert (status["step"], status["steps"], status["seconds_left"]) == (6, 6, None)
    assert {"loss", "rewards/margins", "logps/chosen", "logps/rejected", "eval_rewards/accuracies"} <= set(status["metrics"])
    rows, sentence = supervisor.curve(ME, run_id)
    assert [row["step"] for row in rows if "loss" in row] == list(range(1, 7)) and sentence
    report = supervisor.report(ME, run_id)
    assert report["held_out"]["groups"] == 6 and len(report["letters"]) == 5 and report["plan"]["kept"] == 10
    with session(home[1]) as opened:
        adapter = opened.exec(select(Adapter)).one()
        assert (adapter.run_id, adapter.scope, adapter.owner_id) == (run_id, "letter", ME)
        judged = opened.exec(select(GateReport)).one()
        assert (judged.adapter_id, judged.rival_id, judged.passed) == (adapter.id, "none", report["gate"]["passed"])
        assert {rule["name"] for rule in judged.rules} >= {"files", "sides", "relevance", "repetition", "forgetting"}
        assert adapter.state == ("trial" if judged.passed else "candidate")
        assert len(opened.exec(select(Trial)).all()) == int(judged.passed)
        assert run.sha256_file(Path(adapter.path) / "adapter_model.safetensors") == adapter.sha256
        assert opened.exec(select(Evaluation)).one().values["held_out"] == report["held_out"]
        assert preferences.new_count(opened, ME) == 0
        events = run.read_events(folder_of(home, run_id))
        assert len(opened.exec(select(TrainingMetric)).all()) == sum(event["kind"] == "metrics" for event in events)
    assert "Nurse" not in log and "Dear team" not in log  # nobody's text in a log
    assert supervisor.plan(ME, "short").seconds != supervisor.plan(ME, "lasting").seconds


@pytest.mark.slow
def test_a_killed_trainer_is_interrupted_and_goes_on_from_its_checkpoint(home, supervisor):
    choose(home)
    run_id = supervisor.start(ME, "lasting")
    folder = folder_of(home, run_id)
    wait_for(lambda: sum(event["kind"] == "checkpoint" for event in run.read_events(folder)) >= 2)
    supervisor._processes[run_id].kill()
    status = wait(supervisor, run_id, ("interrupted", *run.FINAL))
    assert status["state"] == "interrupted" and "resume" in status["reason"]
    with session(home[1]) as opened:
        assert opened.exec(select(Adapter)).all() == []
    saved = int(run.last_checkpoint(folder).name.split("-")[1])
    assert saved > 0
    supervisor.resume(ME, run_id)
    status = wait(supervisor, run_id, run.FINAL)
    assert status["state"] == "succeeded", status["reason"]
    starts = [event["step"] for event in run.read_events(folder) if event["kind"] == "start"]
    assert starts == [0, saved]
    sequence = [event["seq"] for event in run.read_events(folder)]
    assert sequence == list(range(1, len(sequence) + 1))
    rows, _ = supervisor.curve(ME, run_id)
    assert [row["step"] for row in rows if "loss" in row] == list(range(1, status["steps"] + 1))


@pytest.mark.slow
@pytest.mark.parametrize("how", ["button", "sigterm"])
def test_a_stop_keeps_a_checkpoint_and_the_run_goes_on(home, supervisor, how):
    choose(home)
    run_id = supervisor.start(ME, "lasting")
    wait_for(lambda: supervisor.poll() and supervisor.status(ME, run_id)["step"] >= 3)
    if how == "button":
        assert supervisor.stop(ME, run_id)["state"] in ("stopping", "stopped")
    else:
        supervisor._processes[run_id].send_signal(signal.SIGTERM)
    status = wait(supervisor, run_id, ("interrupted", *run.FINAL))
    assert status["state"] == "stopped" and status["step"] < status["steps"]
    saved = int(run.last_checkpoint(folder_of(home, run_id)).name.split("-")[1])
    assert saved == status["step"]
    supervisor.resume(ME, run_id)
    assert wait(supervisor, run_id, run.FINAL)["state"] == "succeeded"


@pytest.mark.slow
def test_a_killed_app_leaves_the_trainer_alone_and_the_next_app_picks_it_up(home):
    choose(home)
    settings, engine = home
    app = subprocess.Popen([sys.executable, "-c", f"""
import time
from datetime import timedelta
from pathlib import Path
from db.engine import open_engine
from ftapp import config
from ftapp.training.supervise import Supervisor
config.CONFIGS = Path({str(config.CONFIGS)!r})
settings = config.Settings(home=Path({str(settings.home)!r}), model={settings.model!r}, host="127.0.0.1", port=7860, offline=True)
supervisor = Supervisor(open_engine(settings.database), settings)
supervisor.watch(0.1)
run_id = supervisor.start("local", "lasting")
print(run_id, supervisor._processes[run_id].pid, flush=True)
time.sleep(600)
"""], stdout=subprocess.PIPE, text=True, cwd=ROOT)  # fmt: skip
    try:
        run_id, trainer = app.stdout.readline().split()
        folder = folder_of(home, run_id)
        wait_for(lambda: any(event.get("step", 0) >= 2 for event in run.read_events(folder)))
    finally:
        app.kill()
        app.wait()
    following = Supervisor(engine, settings)
    try:
        said = len(run.read_events(folder))
        wait_for(lambda: len(run.read_events(folder)) > said + 3)  # it trains on
        assert lock.alive(folder) and os.getsid(int(trainer)) == int(trainer)
        assert following.poll() and following.status(ME, run_id)["state"] == "running"
        assert wait(following, run_id, ("interrupted", *run.FINAL))["state"] == "succeeded"
        with session(engine) as opened:
            assert opened.exec(select(Adapter)).one().run_id == run_id
            metrics = [row.seq for row in opened.exec(select(TrainingMetric).order_by(TrainingMetric.seq))]
        assert metrics == [event["seq"] for event in run.read_events(folder) if event["kind"] == "metrics"]  # none lost, none twice
    finally:
        run.ask_to_stop(folder)  # harmless after the end; after a failed assertion the trainer must not stay behind
        following.close()


@pytest.mark.slow
def test_a_trainer_that_fails_says_so_in_words(home, supervisor):
    choose(home)
    with lock.hold(home[0].home / "supervisor.lock"):
        run_id = supervisor.start(ME, "short")
        base = folder_of(home, run_id) / "base.json"
        base.write_text(base.read_text().replace('"hash": "', '"hash": "0'))
    status = wait(supervisor, run_id, run.FINAL)
    assert status["state"] == "failed" and "not the one that the run was made for" in status["reason"]
    assert supervisor.resume(ME, run_id)["state"] in run.ACTIVE  # the person may have put the model back
    assert wait(supervisor, run_id, run.FINAL)["state"] == "failed"
