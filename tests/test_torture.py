"""The long safety runs of `make torture`: processes are killed at random moments, again and again, and nothing may be lost.

The moments come from a fixed seed, but a machine's load moves them: a failure that cannot be repeated is still a failure.
"""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import select

from db.engine import session, write
from db.models import Adapter, Preference
from ftapp.training import run
from ftapp.training.supervise import Supervisor
from tests.shelf import pair
from tests.test_supervise import ME, choose, folder_of, wait
from tests.test_supervise import home as run_home  # noqa: F401 (a fixture)
from tests.test_supervise import model as model  # noqa: F401 (a fixture)

pytestmark = [pytest.mark.torture, pytest.mark.timeout(1800)]
ROOT = Path(__file__).resolve().parent.parent
KILLS = 40
# Judges one pair after another; a line is printed only once the choice is acknowledged.
VOTER = """
import sys
from db.engine import open_engine, write
from ftapp import preferences
engine = open_engine(sys.argv[1])
print("ready", flush=True)
for comparison in sys.argv[2:]:
    with write(engine) as opened:
        receipt = preferences.record(opened, "local", comparison, "left").receipt
    print(receipt, flush=True)
"""


def test_every_acknowledged_choice_outlives_kill_9(home, engine):
    moments = random.Random(5)
    acknowledged: set[str] = set()
    for _ in range(KILLS):
        with write(engine) as opened:
            pairs = [pair(opened) for _ in range(60)]
        voter = subprocess.Popen([sys.executable, "-c", VOTER, str(home / "ftapp.db"), *pairs], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert voter.stdout.readline() == "ready\n"
        acknowledged |= {voter.stdout.readline().strip() for _ in range(moments.randrange(1, 20))}
        time.sleep(moments.uniform(0, 0.05))  # in the middle of another commit
        voter.send_signal(signal.SIGKILL)
        rest = voter.communicate()[0]
        acknowledged |= set(rest[: rest.rfind("\n") + 1].split())  # the last line may be torn
    with session(engine) as opened:
        stored = set(opened.exec(select(Preference.id)).all())
        assert opened.exec(text("PRAGMA integrity_check")).one()[0] == "ok"
    assert len(acknowledged) >= KILLS
    assert acknowledged <= stored
    assert len(stored - acknowledged) <= KILLS  # stored, and killed before it could say so: one a kill at most


def test_a_training_killed_again_and_again_still_ends_whole(run_home):  # noqa: F811
    choose(run_home)
    settings, engine = run_home
    moments, kills = random.Random(7), 0
    supervisor = Supervisor(engine, settings)
    try:
        run_id = supervisor.start(ME, "lasting")
        while kills < 12:
            until = time.monotonic() + moments.uniform(1, 25)
            while time.monotonic() < until and run_id in supervisor._processes:
                supervisor.poll()
                time.sleep(0.05)
            process = supervisor._processes.get(run_id)
            if process is None or supervisor.status(ME, run_id)["state"] in run.FINAL:
                break
            process.kill()
            kills += 1
            if wait(supervisor, run_id, ("interrupted", *run.FINAL))["state"] != "interrupted":
                break  # its last word was written before the blow
            supervisor.close()  # and the app with it
            supervisor = Supervisor(engine, settings)
            supervisor.resume(ME, run_id)
        status = wait(supervisor, run_id, run.FINAL, seconds=900)
    finally:
        supervisor.close()
    assert kills > 1, "the training was over before it could be hurt"
    assert (status["state"], status["step"]) == ("succeeded", status["steps"])
    events = run.read_events(folder_of(run_home, run_id))
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    rows, _ = supervisor.curve(ME, run_id)
    assert [row["step"] for row in rows if "loss" in row] == list(range(1, status["steps"] + 1))
    assert run.sealed(folder_of(run_home, run_id) / "adapter")
    with session(engine) as opened:
        assert len(opened.exec(select(Adapter)).all()) == 1
