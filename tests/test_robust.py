"""Trainings that are hurt: killed at any moment, torn checkpoints, no room on the disk, damaged data, many clicks at once.

Each in a seeded tenth, and at full count by `make torture`. A machine's load moves the moments: a failure that cannot be repeated is
still a failure.
"""

import json
import random
import resource
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest
import yaml
from sqlmodel import select

from db.engine import open_engine, session, write
from db.models import Adapter, TrainingRun
from ftapp import adapters, config
from ftapp.errors import TrainingError
from ftapp.training import dpo, guard, lock, run, watching
from ftapp.training.supervise import Supervisor
from tests import tiny
from tests.test_dpo import create
from tests.test_repeat import trainer
from tests.test_supervise import ME, choose, folder_of, home, model, wait  # noqa: F401 (fixtures)

pytestmark = pytest.mark.timeout(1800)
TENTH, WHOLE = pytest.mark.slow, pytest.mark.torture
WRITING, PUBLISHING, ANYWHERE = "inside a checkpoint", "inside publishing", "anywhere"
A_RUN = [WRITING, ANYWHERE, ANYWHERE, WRITING, ANYWHERE, ANYWHERE, WRITING, ANYWHERE, PUBLISHING, PUBLISHING]


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


# ---- killed ---------------------------------------------------------------------------------------------------


def _unsealed(folder: Path) -> bool:
    """Whether a checkpoint is being written. Its files come before its manifest."""
    found = [path for path in (folder / "checkpoints").glob("checkpoint-*") if path.name.split("-")[1].isdigit()]
    return any(not (path / run.MANIFEST).exists() for path in found)


def _frozen(process, folder: Path) -> bool:
    """Stop the trainer where it is; whether that is inside a checkpoint, which on a quick machine is whole before a blow falls."""
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.01)  # a signal is not there at once
    if not _unsealed(folder):
        process.send_signal(signal.SIGCONT)
        return False
    return True


def _late(folder: Path) -> bool:
    """Whether the run will soon be over: a moment that was missed so often is not waited for."""
    saved = max(map(watching.step_of, (folder / "checkpoints").glob("checkpoint-*[0-9]")), default=0)
    return saved > 0 and saved >= 0.8 * next(e["metrics"]["steps"] for e in run.read_events(folder) if e["kind"] == "start")


def _hurt(supervisor, run_id, folder: Path, where: str, moments: random.Random) -> str:
    """Kill the trainer there; says where it was hit, or "" when it had ended."""
    process, began = supervisor._processes[run_id], time.monotonic()
    starts = sum(event["kind"] == "start" for event in run.read_events(folder))
    until = began + (moments.uniform(3, 25) if where == ANYWHERE else 240)
    seen = 0
    while process.poll() is None and time.monotonic() < until:
        if where == WRITING and _unsealed(folder):
            begun = sum(event["kind"] == "start" for event in run.read_events(folder)) > starts
            seen += begun
            if seen and any(event["kind"] == "checkpoint" for event in run.read_events(folder)) and _frozen(process, folder):
                break  # a checkpoint that it did not have before the last blow lies there: it gets on
        if where == PUBLISHING and ((folder / ".adapter.new").exists() or (folder / "adapter").exists()):
            break
        if where != PUBLISHING and _late(folder):
            break
        time.sleep(0.0005 if where != ANYWHERE else 0.02)
    if process.poll() is not None:
        return ""
    process.kill()
    process.wait()
    if where == WRITING:
        return WRITING if _unsealed(folder) else ANYWHERE
    return PUBLISHING if (folder / ".adapter.new").exists() else ANYWHERE


@pytest.mark.parametrize(
    ("plan", "epochs"),
    [pytest.param([[WRITING, ANYWHERE, ANYWHERE, PUBLISHING]], 25, marks=TENTH), pytest.param([A_RUN] * 4, 100, marks=WHOLE)],
    ids=["4 blows", "40 blows"],
)
def test_killed_at_any_moment_it_goes_on_and_ends_in_a_gated_adapter(home, plan, epochs):  # noqa: F811
    choose(home)
    settings, engine = home
    lasting = config.recipe("lasting").model_dump() | {"epochs": epochs}
    (config.CONFIGS / "train" / "hurt.yaml").write_text(yaml.safe_dump({key: lasting[key] for key in lasting if key != "name"}))
    moments, hit = random.Random(7), []
    supervisor = Supervisor(engine, settings)
    try:
        old = supervisor.start(ME, "short")
        assert wait(supervisor, old, run.FINAL)["state"] == "succeeded"
        with write(engine) as opened:
            serving = opened.exec(select(Adapter)).one()
            adapters.promote(opened, ME, serving.id, serving.base_id)
            serving_id, serving_folder = serving.id, Path(serving.path)
        for number, blows in enumerate(plan):
            choose(home, count=1, held=0, verdict="left")  # something new to teach
            run_id = supervisor.start(ME, "hurt")
            folder = folder_of(home, run_id)
            for where in blows:
                found = _hurt(supervisor, run_id, folder, where, moments)
                assert found, f"run {number} was over before it could be hurt"
                hit.append(found)
                assert wait(supervisor, run_id, ("interrupted", *run.FINAL))["state"] == "interrupted"
                with session(engine) as opened:
                    assert adapters.live_id(opened, ME, str(settings.model)) == serving_id and run.sealed(serving_folder)
                point = run.last_checkpoint(folder)
                supervisor.close()  # and the app with it
                supervisor = Supervisor(engine, settings)
                supervisor.resume(ME, run_id)
                if point is not None:
                    assert run.sealed(point)
            status = wait(supervisor, run_id, run.FINAL, seconds=900)
            assert (status["state"], status["step"]) == ("succeeded", status["steps"]), status
            report = supervisor.report(ME, run_id)
            assert report["gate"]["rules"] and run.sealed(folder / "adapter")
            assert size(folder) - size(folder / "adapter") < 2 * 2**20, "only an adapter and a little text stay"
            sequence = [event["seq"] for event in run.read_events(folder)]
            assert sequence == list(range(1, len(sequence) + 1))
            rows, _ = supervisor.curve(ME, run_id)
            assert [row["step"] for row in rows if "loss" in row] == list(range(1, status["steps"] + 1))
    finally:
        for process in supervisor._processes.values():
            process.kill()
        supervisor.close()
    asked = [where for blows in plan for where in blows]
    print(f"{len(hit)} kills: " + ", ".join(f"{hit.count(where)} {where}" for where in (WRITING, PUBLISHING, ANYWHERE)))
    assert hit.count(WRITING) >= asked.count(WRITING) * 0.8 and hit.count(PUBLISHING) >= asked.count(PUBLISHING) * 0.6


# ---- torn checkpoints -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that was stopped with several checkpoints in its folder."""
    work = tmp_path_factory.mktemp("torn")
    folder = create(work / "run_1", tiny.tiny_llama(work / "llama"), epochs=6)
    steps = []
    outcome = dpo.train(folder, lambda event: steps.append(event["step"]) if event["kind"] == "checkpoint" else None,
                        stop=lambda: len(steps) >= 3, letters=0)  # fmt: skip
    assert outcome.state == "stopped" and len(list((folder / "checkpoints").glob("checkpoint-*"))) == 2
    return folder


def _tear(checkpoint: Path, rng: random.Random) -> str:
    """Damage one checkpoint in a way that a dying machine does."""
    files = sorted(path for path in checkpoint.rglob("*") if path.is_file() and path.stat().st_size)
    way, path = rng.choice(["missing", "cut", "flipped", "no manifest", "half a manifest"]), rng.choice(files)
    if way == "no manifest":
        (checkpoint / run.MANIFEST).unlink()
    elif way == "half a manifest":
        manifest = checkpoint / run.MANIFEST
        manifest.write_bytes(manifest.read_bytes()[: rng.randrange(manifest.stat().st_size - 1)])
    elif way == "missing":
        path.unlink()
    else:
        data = bytearray(path.read_bytes())
        at = rng.randrange(len(data))
        if way == "flipped" and path.name != run.MANIFEST:
            data[at] ^= 1 << rng.randrange(8)
        else:
            data = data[:at]
        path.write_bytes(data)
    return way


@pytest.mark.parametrize("count", [pytest.param(10, marks=TENTH), pytest.param(100, marks=WHOLE)])
def test_torn_checkpoints_are_passed_over_and_the_run_still_ends(stopped, tmp_path, count):
    for number in range(count):
        rng = random.Random(number)
        folder = tmp_path / f"run_{number}"
        shutil.copytree(stopped, folder)
        older, newer = sorted((folder / "checkpoints").glob("checkpoint-*"), key=watching.step_of)
        both = rng.random() < 0.3
        for checkpoint in (newer, older) if both else (newer,):
            _tear(checkpoint, rng)
        found = watching.resume_point(folder)
        assert found == (None if both else older), number
        assert not newer.exists(), "what is torn does not lie about"
        if number % 25 == 0:  # and it does train on from there
            assert dpo.train(folder, letters=0).state == "succeeded" and run.sealed(folder / "adapter")
        shutil.rmtree(folder)


# ---- no room, no number, no data ------------------------------------------------------------------------------


def _fails(folder: Path, **more) -> str:
    """The sentence that a trainer process leaves."""
    assert trainer(folder, **more).wait() == 1
    last = run.read_events(folder)[-1]
    assert last["state"] == "failed"
    return last["reason"]


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return tiny.tiny_llama(tmp_path_factory.mktemp("models") / "llama")


@pytest.mark.slow
def test_a_full_disk_is_named(llama, tmp_path):
    folder = create(tmp_path / "run_1", llama)
    said = _fails(folder, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000)))
    assert "disk" in said and "resume" in said
    assert not (folder / "adapter").exists() or run.sealed(folder / "adapter")
    assert trainer(folder).wait() == 0, "with room again it goes on"


@pytest.mark.slow
def test_a_loss_that_is_no_number_is_named(llama, tmp_path, monkeypatch):
    for limit in ("CHOSEN_NATS", "KL_NATS", "REPEATS", "LENGTH"):  # the collapse guard would be faster
        monkeypatch.setattr(guard, limit, float("inf"))
    with pytest.raises(TrainingError, match=r"loss is not a number at step \d+ .*lower the learning rate"):
        dpo.train(create(tmp_path / "run_1", llama, learning_rate=1e30), letters=0)


@pytest.mark.parametrize(
    "damage", [lambda text: text[: len(text) // 2], lambda text: text.replace('"chosen"', '"chos"', 1), lambda text: "[]\n"]
)
def test_a_damaged_dataset_is_named(llama, tmp_path, damage):
    folder = create(tmp_path / "run_1", llama)
    file = folder / "train.jsonl"
    file.write_text(damage(file.read_text()))
    with pytest.raises(TrainingError, match=r"train\.jsonl.*line \d+ .*start a new training"):
        dpo.train(folder, letters=0)


# ---- many clicks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clicks", [pytest.param(20, marks=TENTH), pytest.param(200, marks=WHOLE)])
def test_however_many_click_at_once_one_run_starts(home, clicks):  # noqa: F811
    choose(home)
    with lock.hold(home[0].home / "supervisor.lock"):  # another process watches: nothing is launched here
        many = [Supervisor(open_engine(home[0].database), home[0]) for _ in range(4)]
        many[0].plan(ME, "short")
        outcomes, gate = [], threading.Barrier(clicks)

        def click(number):
            gate.wait()
            try:
                outcomes.append(many[number % len(many)].start(ME, "short"))
            except TrainingError as error:
                outcomes.append(str(error))

        threads = [threading.Thread(target=click, args=(number,)) for number in range(clicks)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    started = [outcome for outcome in outcomes if outcome.startswith("run_")]
    assert len(outcomes) == clicks and len(started) == 1, json.dumps(sorted(set(outcomes)))[:500]
    assert all("active already" in outcome for outcome in outcomes if outcome not in started)
    assert [path.name for path in (home[0].home / "runs").iterdir()] == started
    with session(home[1]) as opened:
        assert [row.id for row in opened.exec(select(TrainingRun))] == started
