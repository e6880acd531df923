"""The real app is killed again and again under ten voting clients. This process is never killed and keeps the receipts: what was
acknowledged is stored once, whole, under the same receipt."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlmodel import select

from db.engine import session, write
from db.models import Preference
from tests.shelf import pair

ROOT = Path(__file__).resolve().parent.parent
CLIENTS = 10
# Imports once, then for each line begins the real page, its model scripted, in a process of its own; it ends with this one at the latest.
NURSERY = """
import os, signal, sys, time
from pathlib import Path
import gradio
from tests.browser import serve
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
nursery = os.getpid()
for line in sys.stdin:
    if os.fork() == 0:
        with serve(Path(sys.argv[1])) as (address, studio):
            print(os.getpid(), address, flush=True)
            while os.getppid() == nursery:
                time.sleep(0.2)
        os._exit(0)
"""


class Voters:
    """Ten clients that judge pair after pair and never give one up; `receipts` are the acknowledged ones of each pair."""

    def __init__(self, votes):
        self.receipts, self.address, self.lost, self.failed = defaultdict(set), "", 0, []
        self._guard, self._end = threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(votes[number::CLIENTS],)) for number in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def close(self):
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _work(self, votes):
        for vote in votes:
            while not self._end.is_set():
                try:
                    status, told = self._send(vote)
                except (OSError, http.client.HTTPException, ValueError):  # cut off: told again, as the page does
                    self.lost += 1
                    self._end.wait(0.05)
                    continue
                if status != 200:
                    self.failed.append((status, told))
                    return
                with self._guard:
                    self.receipts[vote["id"]].add(told["receipt"]["receipt"])
                break

    def _send(self, vote):
        if not self.address:
            raise OSError
        link = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=60)
        try:
            link.request("POST", "/label/vote", json.dumps(vote), {"Content-Type": "application/json"})
            answer = link.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            link.close()


class Apps:
    """Begins one app after the other; `kill` ends the present one as a power cut would."""

    def __init__(self, home):
        self._log, self.pid = home / "app.log", 0
        with self._log.open("w") as log:
            self._nursery = subprocess.Popen([sys.executable, "-c", NURSERY, str(home)], cwd=ROOT, stdin=subprocess.PIPE,
                                             stdout=subprocess.PIPE, stderr=log, text=True)  # fmt: skip

    def start(self):
        """The address."""
        print("go", file=self._nursery.stdin, flush=True)
        said = self._nursery.stdout.readline().split()
        assert len(said) == 2, self._log.read_text()[-2000:]
        self.pid = int(said[0])
        return said[1]

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)

    def close(self):
        self._nursery.kill()  # an app that still lives sees that and ends
        self._nursery.communicate()


@pytest.mark.parametrize(
    ("kills", "least"),
    [pytest.param(3, 30, marks=pytest.mark.slow), pytest.param(30, 300, marks=pytest.mark.torture)],
)
@pytest.mark.timeout(1800)
def test_no_acknowledged_vote_is_lost_torn_or_doubled(home, engine, kills, least):
    moments = random.Random(23)
    with write(engine) as opened:
        pairs = [pair(opened, company=f"Oven {number}") for number in range(kills * 40)]
    votes = [{"id": one, "verdict": moments.choice(["left", "right", "tie", "both_bad"])} for one in pairs]
    for vote in votes[::5]:  # long enough for several pages of the file
        vote |= {"verdict": "left", "edited": f"{vote['id']} " * 800, "edited_from": "left"}
    voters, apps = Voters(votes), Apps(home)
    try:
        for _ in range(kills):
            voters.address = apps.start()
            enough = len(voters.receipts) + moments.randrange(10, 25)
            while len(voters.receipts) < enough and not voters.failed:
                time.sleep(0.005)
            time.sleep(moments.uniform(0, 0.05))  # in the middle of other commits
            apps.kill()
    finally:
        apps.close()
        voters.close()
    assert not voters.failed
    sent = {vote["id"]: (vote["verdict"], vote.get("edited", "").strip() or None) for vote in votes}
    with session(engine) as opened:
        raw = opened.connection()
        assert raw.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok" and not raw.exec_driver_sql("PRAGMA foreign_key_check").all()
        found = opened.exec(select(Preference)).all()
    stored = {row.comparison_id: row for row in found}
    assert len(stored) == len(found), "doubled"
    assert [one for one, row in stored.items() if (row.verdict, row.edited_text) != sent[one]] == [], "torn"
    assert {one: {stored[one].id} if one in stored else set() for one in voters.receipts} == dict(voters.receipts), "lost"
    assert len(voters.receipts) >= least and voters.lost >= kills
    print(f"{kills} kills, {len(voters.receipts)} acknowledged, {len(found)} stored, {voters.lost} requests cut or refused")
