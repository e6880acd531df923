"""The run folder: frozen files, events that survive a torn line, a lock that means alive, publishing in one step."""

import json
import subprocess
import sys
import threading

import pytest

from ftapp import config
from ftapp.errors import TrainingError
from ftapp.training import __main__ as trainer
from ftapp.training import lock, run

PROMPT = [{"role": "user", "content": "q\u2028"}]
ROWS = [{"id": f"p{i}", "prompt": PROMPT, "chosen": "a", "rejected": "b", "split_key": "0"} for i in range(3)]


def make(folder):
    return run.create(folder / "run_1", {"name": "r", "method": "dpo"}, {"id": "m"}, ROWS, ROWS[:1])


def test_a_run_is_frozen_once_and_the_same_input_gives_the_same_bytes(tmp_path):
    first, second = make(tmp_path / "a"), make(tmp_path / "b")
    for name in ("recipe.yaml", "base.json", "train.jsonl", "eval.jsonl"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    assert run.read_rows(first / "train.jsonl") == ROWS  # U+2028 in a letter must not split its line
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["run_1"]
    with pytest.raises(TrainingError, match="exists already"):
        make(tmp_path / "a")


def test_events_are_numbered_without_a_gap_from_many_threads(tmp_path):
    folder = make(tmp_path)
    with run.Events(folder) as events:
        writers = [threading.Thread(target=lambda: [events.write("heartbeat") for _ in range(50)]) for _ in range(4)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
    assert [event["seq"] for event in run.read_events(folder)] == list(range(1, 202))
    assert run.read_events(folder, after=200)[0]["seq"] == 201


def test_a_torn_event_is_not_read_and_the_next_writer_cuts_it_off(tmp_path):
    folder = make(tmp_path)
    with (folder / "events.jsonl").open("ab") as file:
        file.write(b'{"seq": 2, "kind": "met')
    assert [event["seq"] for event in run.read_events(folder)] == [1]
    with run.Events(folder) as events:
        events.write("metrics", step=1, metrics={"loss": 0.5}, reason=None)
    assert [(e["seq"], e["kind"]) for e in run.read_events(folder)] == [(1, "state"), (2, "metrics")]
    assert "reason" not in run.read_events(folder)[-1] and set(run.read_events(folder)[-1]) == {"seq", "at", "kind", "step", "metrics"}


def test_alive_is_the_lock_and_the_lock_dies_with_its_process(tmp_path):
    folder = make(tmp_path)
    assert not lock.alive(folder)
    holder = subprocess.Popen(
        [sys.executable, "-c", f"from ftapp.training import lock; from pathlib import Path\n"
         f"with lock.hold(Path({str(folder / 'lock')!r})): print('held', flush=True); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout.readline() == "held\n"
    assert lock.alive(folder)
    with pytest.raises(lock.Busy), lock.hold(folder / "lock", wait_seconds=0.1):
        pass
    holder.kill()
    holder.wait()
    assert not lock.alive(folder)


def test_a_checkpoint_counts_only_when_every_file_is_as_it_was_sealed(tmp_path):
    folder = make(tmp_path)
    for step in (2, 4, 10):
        checkpoint = folder / "checkpoints" / f"checkpoint-{step}"
        checkpoint.mkdir(parents=True)
        (checkpoint / "adapter_model.safetensors").write_bytes(bytes([step]) * 64)
        (checkpoint / "optimizer.pt").write_bytes(b"o" * 64)
        run.seal(checkpoint)
    assert run.last_checkpoint(folder).name == "checkpoint-10"
    (folder / "checkpoints" / "checkpoint-10" / "manifest.json").unlink()  # killed before the seal
    assert run.last_checkpoint(folder).name == "checkpoint-4"
    (folder / "checkpoints" / "checkpoint-4" / "optimizer.pt").write_bytes(b"o" * 63)  # torn
    assert run.last_checkpoint(folder).name == "checkpoint-2"
    (folder / "checkpoints" / "checkpoint-2" / "adapter_model.safetensors").unlink()
    assert run.last_checkpoint(folder) is None


def test_an_adapter_is_published_whole_with_hashes_and_without_pickles(tmp_path):
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "adapter_config.json").write_text("{}")
    (weights / "adapter_model.safetensors").write_bytes(b"w" * 100)
    (weights / "optimizer.pt").write_bytes(b"pickle")
    for _ in range(2):  # a resumed run publishes again over what a killed one left
        digest = run.publish(weights, tmp_path / "run" / "adapter")
    published = tmp_path / "run" / "adapter"
    assert sorted(p.name for p in published.iterdir()) == ["adapter_config.json", "adapter_model.safetensors", "manifest.json"]
    assert json.loads((published / "manifest.json").read_text())["adapter_model.safetensors"] == digest
    assert run.sealed(published)
    (published / "adapter_model.safetensors").write_bytes(b"x" * 100)
    assert not run.sealed(published)
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["adapter"]


def test_publishing_something_incomplete_leaves_no_adapter(tmp_path):
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "adapter_config.json").write_text("{}")
    with pytest.raises(FileNotFoundError):
        run.publish(weights, tmp_path / "run" / "adapter")
    assert not (tmp_path / "run" / "adapter").exists()


def test_a_stop_is_a_note_in_the_folder(tmp_path):
    folder = make(tmp_path)
    run.ask_to_stop(folder)
    run.ask_to_stop(folder)
    assert run.stop_asked(folder)
    run.forget_stop(folder)
    assert not run.stop_asked(folder)


def test_a_resumed_run_that_is_stopped_while_it_prepares_says_what_is_kept(tmp_path):
    row = {"id": "prf_1", "prompt": [{"role": "user", "content": "title: Baker\ncompany: Oak\nname:\nSam"}], "chosen": "Dear team, I bake.",
           "rejected": "Dear all, I cook.", "split_key": "k"}  # fmt: skip
    folder = run.create(tmp_path / "run_1", config.recipe("dpo_first").model_dump(), {"id": "bundled", "parent": None}, [row] * 3, [])
    run.ask_to_stop(folder)
    state, said = trainer._teach(folder, None, threading.Event())
    assert state == "stopped" and "nothing was learned yet" in said
    checkpoint = folder / "checkpoints" / "checkpoint-40"
    checkpoint.mkdir(parents=True)
    (checkpoint / "model").write_text("40 steps")
    run.seal(checkpoint)
    state, said = trainer._teach(folder, None, threading.Event())
    assert state == "stopped" and "what was learned so far is kept" in said
