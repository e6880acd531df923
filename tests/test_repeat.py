"""A run is repeated from its folder: the same data, the same order, the same adapter; also when it was killed three times on the way."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time

import pytest

from ftapp.backends.local import AdapterRef
from ftapp.errors import TrainingError
from ftapp.training import processes, repeat, run, tokens
from tests import tiny
from tests.test_dpo import create

pytestmark = pytest.mark.timeout(1800)  # a trainer's start alone takes a minute on a busy machine


def trainer(folder, **more):
    log = (folder / "trainer.log").open("ab")
    return subprocess.Popen([sys.executable, "-m", "ftapp.training", str(folder)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                            env=processes.environment(), cwd=folder, **more)  # fmt: skip


def checkpoints(folder):
    return sum(event["kind"] == "checkpoint" for event in run.read_events(folder))


def trained(folder, kills=0):
    """Train it, killed after the next checkpoint so many times."""
    for _ in range(kills):
        before, process = checkpoints(folder), trainer(folder)
        while checkpoints(folder) == before and process.poll() is None:
            time.sleep(0.02)
        assert process.poll() is None, "it was over before it could be hurt"
        process.kill()
        process.wait()
    assert trainer(folder).wait() == 0, [event for event in run.read_events(folder) if event.get("reason")]
    return folder / "adapter" / repeat.WEIGHTS


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """(runs, model, the weights of run_1), trained without a break."""
    work = tmp_path_factory.mktemp("repeat")
    model = tiny.tiny_llama(work / "llama")
    return work / "runs", model, trained(create(work / "runs" / "run_1", model, epochs=4))


@pytest.mark.slow
def test_resumed_after_three_kills_it_is_the_same_adapter(whole):
    runs, _, weights = whole
    hurt = runs / "run_2"
    hurt.mkdir()
    for name in repeat.FROZEN:
        shutil.copyfile(runs / "run_1" / name, hurt / name)
    assert repeat.apart(weights, trained(hurt, kills=3)) <= 1e-6


@pytest.mark.slow
def test_a_home_that_moved_repeats_what_began_from_an_adapter(whole, tmp_path):
    _, model, _ = whole
    runs = tmp_path / "home" / "runs"
    path = tiny.tiny_adapter(model, runs / "run_0" / "adapter", tokens.header_ids(tokens.tokenizer(model)), scale=0.05)
    parent = AdapterRef("adp_parent", path, run.sha256_file(path / repeat.WEIGHTS), "letter")
    trained(create(runs / "run_1", model, parent, epochs=1))
    (tmp_path / "home").rename(tmp_path / "moved")
    here = tmp_path / "moved" / "runs"
    with pytest.raises(TrainingError):
        repeat.repeat(here, "run_1")
    done = repeat.repeat(here, "run_1", here / "run_0" / "adapter")
    assert done["same"] and done["data_hash"] == repeat.data_hash(here / "run_1")


@pytest.mark.slow
def test_the_same_folder_gives_the_same_adapter_and_another_order_does_not(whole):
    runs, model, weights = whole
    done = repeat.repeat(runs, "run_1")
    assert done["same"] and done["difference"] <= 1e-6 and done["data_hash"] == repeat.data_hash(runs / "run_1")
    assert not (runs / "run_1" / "repeated").exists() and "same adapter" in repeat.said(done)
    other = create(runs / "run_3", model, epochs=4, seed=21)
    assert repeat.apart(weights, trained(other)) > 1e-6


def test_a_run_that_is_not_whole_is_not_repeated(tmp_path):
    folder = run.create(tmp_path / "run_1", {"name": "r", "method": "dpo"}, {"id": "m"}, [{"id": "p"}], [])
    with pytest.raises(TrainingError, match="not whole"):
        repeat.repeat(tmp_path, "run_1")
    (folder / "forgotten.json").write_text(json.dumps({"at": "now"}))
    with pytest.raises(TrainingError, match="deleted since"):
        repeat.repeat(tmp_path, "run_1")


def test_adapters_are_compared_weight_by_weight(tmp_path):
    import numpy
    from safetensors.numpy import save_file

    one, other = ({"a": numpy.ones((2, 3), "float32")} for _ in range(2))
    other["a"][1, 2] += 0.25
    for name, tensors in (("one", one), ("other", other), ("more", one | {"b": one["a"]})):
        save_file({key: numpy.ascontiguousarray(value) for key, value in tensors.items()}, tmp_path / name)
    assert repeat.apart(tmp_path / "one", tmp_path / "one") == 0 and repeat.apart(tmp_path / "one", tmp_path / "other") == 0.25
    assert repeat.apart(tmp_path / "one", tmp_path / "more") == float("inf")
