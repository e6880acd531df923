"""What every backend keeps to: the scripted stand-in, a model in memory, a server over real HTTP, and a model beside a server.

They are driven by the same `pair.write`, so the same is asked of each: growing texts, ends, stops, turns, proofs.
"""

from __future__ import annotations

import threading
import time

import pytest

from ftapp import config
from ftapp.backends.local import Proof
from ftapp.backends.pair import Control, Row, Sampling, write
from ftapp.backends.scripted import ScriptedBackend
from ftapp.backends.server import Beside, ServerBackend
from ftapp.backends.wire import Wire
from tests.fake_server import FakeServer, Says
from tests.tiny import Tinies

MESSAGES = (
    {"role": "system", "content": "You write the letter that a person would send."},
    {"role": "user", "content": "kind: cover letter\ntitle: Baker\ncompany: Fernhill Bakery\nname:\nSam Ode"},
)
LONG = " ".join(f"Sentence {i} of a letter – naïve, and on it goes." for i in range(30))
KINDS = ("scripted", "local", "server", "beside")


@pytest.fixture(scope="module")
def tinies(tmp_path_factory):
    return Tinies(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def fake():
    served = FakeServer(one=Says((LONG, LONG[9:]), pace=0.002), two=Says((LONG[20:],), pace=0.002))
    yield served
    served.close()


@pytest.fixture(params=KINDS)
def backend(request, fake):
    """Each kind, and two rows that it writes differently."""
    spec = config.model_spec("bundled")
    server = ServerBackend(config.model_spec("one"), Wire(fake.url, config.server_config()), ("one", "one"))
    scripted = ScriptedBackend(spec, {None: [LONG, LONG[9:]]}, 0.002)
    if request.param == "local":
        made = request.getfixturevalue("tinies")("llama")
    else:
        made = {"scripted": scripted, "server": server, "beside": Beside(scripted, server)}[request.param]
    rows = (Row(None, 2, made.names[0]), Row(None, 3, made.names[1]))
    return made, rows


def _all(backend, rows, control=None, **how):
    return list(write(backend, MESSAGES, rows, Sampling(**how), control))


def test_texts_only_grow_and_both_rows_come_to_their_end(backend):
    made, rows = backend
    steps = _all(made, rows, max_new_tokens=400)
    for before, after in zip(steps, steps[1:], strict=False):
        assert all(b.startswith(a) for a, b in zip(before.texts, after.texts, strict=True))
    last = steps[-1]
    assert len(steps) > 3 and all(last.texts) and last.texts[0] != last.texts[1]
    if not hasattr(made, "model"):  # random weights need not end
        assert last.finished == (True, True) and all(text in (LONG, LONG[9:]) for text in last.texts)
    assert [made.decode(ids) for ids in last.ids] == list(last.texts)


def test_a_row_that_is_stopped_ends_and_the_other_goes_on(backend):
    made, rows = backend
    control = Control()
    steps = write(made, MESSAGES, rows, Sampling(max_new_tokens=60), control)
    for _ in range(3):
        next(steps)
    control.stop_row(0)
    *_, last = steps
    assert not last.finished[0] and len(last.texts[0]) < len(last.texts[1])


def test_stopping_gives_the_turn_back_and_keeps_what_came(backend, fake):
    made, rows = backend
    control = Control()
    steps = write(made, MESSAGES, rows, Sampling(max_new_tokens=400), control)
    for _ in range(4):
        next(steps)
    control.stop()
    *_, last = steps
    assert any(last.texts) and last.finished == (False, False)
    assert made.turn.acquire(timeout=1)
    made.turn.release()
    _gone(fake)


def test_a_reader_who_goes_away_frees_everything(backend, fake):
    made, rows = backend
    steps = write(made, MESSAGES, rows, Sampling(max_new_tokens=400))
    next(steps)
    steps.close()
    assert made.turn.acquire(timeout=1)
    made.turn.release()
    _gone(fake)


def _gone(fake):
    """The server notices that nobody reads any more, and its work ends."""
    deadline = time.monotonic() + 5
    while fake.open_streams and time.monotonic() < deadline:
        time.sleep(0.02)
    assert fake.open_streams == 0
    assert not [thread for thread in threading.enumerate() if thread.name == "server"]


def test_stopped_before_it_began_nothing_is_written(backend, fake):
    made, rows = backend
    control = Control()
    control.stop()
    (last,) = _all(made, rows, control)
    assert last.texts == ("", "") and last.finished == (False, False) and not fake.chats()


def test_one_prompt_counts_the_same_each_time_and_names_what_must_not_be_forged(backend):
    made, _ = backend
    assert made.count_tokens(MESSAGES) == made.count_tokens(list(MESSAGES)) > 10
    assert made.special_tokens and all(isinstance(token, str) for token in made.special_tokens)
    assert len(made.names) == 2 and made.spec.words and made.id


def test_two_samples_of_one_writer_need_no_proof(backend):
    made, _ = backend
    if made.names == ("", ""):
        return
    assert made.prove() == Proof(True)
