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
from db.models import Preference
from tests.shelf import pair
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
