# ruff: noqa: F811 (fixtures of another file)
"""While a pair is written: early votes, stopping, closed tabs, and what is free meanwhile."""

import threading
import time

import pytest
from sqlmodel import select

from db.engine import session, write
from db.models import Comparison, Letter, Preference
from ftapp.errors import NotFound, UserError
from tests.test_studio import POSTING, RESUME, _last, make  # noqa: F401


class Reader:
    """A tab that reads the stream in a thread."""

    def __init__(self, steps):
        self.steps, self.seen, self.begun = steps, [], threading.Event()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()
        assert self.begun.wait(20)

    def _read(self):
        for step in self.steps:
            self.seen.append(step)
            self.begun.set()

    def end(self):
        self.thread.join(30)
        assert not self.thread.is_alive()
        return self.seen[-1]


LONG = {None: ["Dear all, " + "base " * 60 + "end", "Dear all, " + "other " * 60 + "end"]}


@pytest.mark.parametrize("verdict", ["left", "right"])
def test_an_early_vote_stops_the_loser_and_finishes_the_winner_first(make, verdict):
    studio, loser = make(pace=0.02, texts=LONG), {"left": "right", "right": "left"}[verdict]
    reader = Reader(studio.write_pair("local", POSTING, RESUME))
    receipt = studio.prefer("local", reader.seen[0]["comparison_id"], verdict)
    last = reader.end()
    assert last[verdict].endswith("end") and not last[loser].endswith("end")
    assert receipt["pairs_added"] == 0 and "before its end" in receipt["note"], "kept, but a half letter teaches nothing"
    with session(studio.engine) as opened:
        row, stored = opened.get_one(Comparison, last["comparison_id"]), opened.get_one(Preference, receipt["receipt"])
        texts = {"left": opened.get_one(Letter, row.left_letter_id), "right": opened.get_one(Letter, row.right_letter_id)}
    assert stored.verdict == verdict and stored.created_at >= row.created_at
    assert texts[verdict].finished and not texts[loser].finished and texts[loser].text == last[loser]


def test_an_early_tie_ends_both(make):
    studio = make(pace=0.02, texts=LONG)
    reader = Reader(studio.write_pair("local", POSTING, RESUME))
    studio.prefer("local", reader.seen[0]["comparison_id"], "both_bad")
    last = reader.end()
    assert not last["left"].endswith("end") and not last["right"].endswith("end")


def test_an_early_vote_of_a_stranger_stops_nothing(make):
    studio = make(pace=0.01, texts=LONG)
    reader = Reader(studio.write_pair("local", POSTING, RESUME))
    studio.stop_writing("stranger")
    with pytest.raises(NotFound):
        studio.prefer("stranger", reader.seen[0]["comparison_id"], "left")
    last = reader.end()
    assert last["left"].endswith("end") and last["right"].endswith("end")


def test_a_mistaken_early_vote_stops_nothing(make):
    studio = make(pace=0.01, texts=LONG)
    reader = Reader(studio.write_pair("local", POSTING, RESUME))
    with pytest.raises(UserError, match="no verdict"):
        studio.prefer("local", reader.seen[0]["comparison_id"], "neither")
    assert reader.end()["left"].endswith("end")


def test_stop_keeps_what_is_written_and_frees_the_model(make):
    studio = make(pace=0.02, texts=LONG)
    reader = Reader(studio.write_pair("local", POSTING, RESUME))
    began = time.monotonic()
    studio.stop_writing("local")
    last = reader.end()
    assert time.monotonic() - began < 1.0
    assert studio.current_comparison("local")["left"] == last["left"] and not studio.backend().turn.locked()


def test_a_closed_tab_frees_the_model_and_keeps_the_half_pair(make):
    studio = make(texts=LONG)
    steps = studio.write_pair("local", POSTING, RESUME)
    seen = [next(steps), next(steps)][-1]
    assert studio.backend().turn.locked()
    steps.close()
    assert not studio.backend().turn.locked()
    shown = studio.current_comparison("local")
    assert (shown["comparison_id"], shown["left"], shown["right"]) == (seen["comparison_id"], seen["left"], seen["right"])
    assert studio.prefer("local", seen["comparison_id"], "left")["pairs_added"] == 0


def test_stopped_before_the_first_word_there_is_nothing_to_judge(make):
    studio = make()
    backend = studio.backend()
    with backend.turn:  # somebody else's letter is being written
        reader = threading.Thread(target=lambda: seen.append(_last(studio.write_pair("local", POSTING, RESUME))), daemon=True)
        seen: list = []
        reader.start()
        while not studio._streams:
            time.sleep(0.01)
        studio.stop_writing("local")
        reader.join(20)
    assert seen[0]["comparison_id"] == "" and seen[0]["left"] == "" and studio.current_comparison("local") is None


def test_no_transaction_is_held_while_a_letter_is_written(make):
    """Another process could vote meanwhile: the write lock is free between two words."""
    studio = make(texts=LONG)
    steps = studio.write_pair("local", POSTING, RESUME)
    next(steps)
    with write(studio.engine) as opened:
        opened.exec(select(Comparison)).all()
    steps.close()
