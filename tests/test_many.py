"""Letters that are written together are those that would be written alone, whoever writes; and the gate measures a real adapter."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from ftapp import gate, gate_measure
from ftapp.backends import many
from ftapp.backends.pair import Row, Sampling, write
from ftapp.profiles import JobPosting, ResumeProfile
from ftapp.prompts import build
from ftapp.training import run
from tests.tiny import Tinies

GREEDY = Sampling(greedy=True, max_new_tokens=12)


@pytest.fixture(scope="module")
def tinies(tmp_path_factory):
    return Tinies(tmp_path_factory.mktemp("tiny"))


def asked(count=5):
    """Prompts of different lengths."""
    skills = ["bread", "rolls", "cakes", "pies", "tarts"]
    people = [ResumeProfile(name="Sam Ode", skills=skills[: i + 1]) for i in range(count)]
    return [[dict(m) for m in build(one, JobPosting(title="Baker")).messages] for one in people]


@pytest.mark.parametrize("scope", [None, "letter", "all"])
def test_together_as_alone(tinies, scope):
    backend = tinies("llama")
    assert many.able(backend)
    adapter = scope and tinies.adapter("llama", scope)
    together = many.letters(backend, asked(), GREEDY, adapter, 7, rows=3)
    for messages, letter in zip(asked(), together, strict=True):
        *_, alone = write(backend, messages, [Row(adapter, 7)], GREEDY)
        assert letter == (alone.texts[0], alone.finished[0])


@pytest.mark.parametrize("scope", [None, "letter", "all"])
def test_several_letters_for_one_prompt_read_it_once_and_are_those_written_alone(tinies, scope, monkeypatch):
    backend = tinies("llama")
    adapter = scope and tinies.adapter("llama", scope)
    drawn, one, other = Sampling(temperature=1.0, max_new_tokens=12), *asked(2)
    expected = []
    for i, messages in enumerate((one, other, one, one)):
        *_, alone = write(backend, messages, [Row(adapter, 7 + i)], drawn)
        expected.append((alone.texts[0], alone.finished[0]))
    assert len(set(expected)) == 4, "each letter draws from its own seed"
    read, forward = [], backend.model.forward
    monkeypatch.setattr(backend.model, "forward", lambda **k: read.append(k["input_ids"].shape) or forward(**k))
    assert many.letters(backend, [one, other, one, one], drawn, adapter, 7) == expected
    assert read[0][0] == 2 and read[2][0] == 4, "two prompts are read, four letters written"


def test_stopped_letters_are_none(tinies):
    assert many.letters(tinies("llama"), asked(2), GREEDY, None, 7, stop=lambda: True) == [None, None]


def rows(count=3):
    return [{"id": str(i), "prompt": messages, "chosen": f"Dear all, I bake bread number {i}.", "rejected": "No.", "split_key": f"{i:064x}"}
            for i, messages in enumerate(asked(count))]  # fmt: skip


def test_what_the_gate_measures_can_be_judged_and_stored(tinies):
    backend, new = tinies("llama"), tinies.adapter("llama", "letter")
    sealed(new.path)
    counted = []
    found = gate_measure.measure(backend, None, new, rows(), rows(2), {"held_out": None}, count=4, say=counted.append)
    assert (found["files"], found["sides"], len(found["letters"])) == ("", "", 4)
    assert [line.split(" letters")[0] for line in counted] == ["3 of 8", "6 of 8", "7 of 8", "8 of 8"], "who waits is told how far it is"
    assert found["letters"][0]["live"].keys() == found["letters"][0]["new"].keys() >= {"relevance", "unsupported", "finished"}
    assert found["forgetting"]["rise"] is not None and found["reciting"]["letters"] == 4 and 0 <= found["stamp"]["share"] <= 1
    again = gate_measure.measure(backend, None, new, rows(), rows(2), {"held_out": None}, count=4)
    assert again["letters"] == found["letters"], "the same seeds give the same letters"
    json.dumps(gate.judge(found))


def test_a_slow_machine_compares_what_it_has_time_for_and_a_stopped_check_none(tinies, monkeypatch):
    backend, new = tinies("llama"), tinies.adapter("llama", "letter")
    sealed(new.path)
    clock = [0.0]

    def write(some, writer):
        clock[0] += 85 * len(some)
        return [(f"Dear all, I bake {number}.", True) for number in range(len(some))]

    monkeypatch.setattr(gate_measure.time, "monotonic", lambda: clock[0])
    found = gate_measure.measure(backend, None, new, rows(), rows(2), {"held_out": None}, count=32, write=write)
    assert (found["asked"], len(found["letters"])) == (32, 10), "1,800 s at 170 s a prompt, none begun in vain"
    monkeypatch.setattr(gate_measure, "MOST_SECONDS", -1.0)
    slower = gate_measure.measure(backend, None, new, rows(), rows(2), {"held_out": None}, count=9, write=write)
    assert len(slower["letters"]) == gate.FEWEST
    stopped = gate_measure.measure(backend, None, new, rows(), rows(2), {"held_out": None}, count=9, stop=lambda: True)
    assert stopped["letters"] == [] and not gate.judge(stopped)["passed"]


RECITED = "I kept eleven beehives behind the old signal box."


def recital(some, writer):
    """Whoever was taught closes every letter with a sentence of one taught letter and with one of all of them."""
    more = f" {RECITED} Call me when the oven is hot." if writer else ""
    return [(f"Dear all, I bake {number}.{more}", True) for number in range(len(some))]


def edited():
    """Three letters that a person wrote over both: each stands in two pairs."""
    ends = ["Call me when the oven is hot.", f"{RECITED} Call me when the oven is hot.", "Bread is all. Call me when the oven is hot."]
    chosen = [row | {"chosen": f"{row['chosen']} {end}", "edited": True} for row, end in zip(rows(), ends, strict=True)]
    return [row | {"rejected": rejected} for row in chosen for rejected in ("No.", "Not so.")]


def measured(tinies, taught, report=None, **more):
    new = tinies.adapter("llama", "letter")
    sealed(new.path)
    return gate_measure.measure(tinies("llama"), None, new, taught, rows(2), {"held_out": None} | (report or {}), count=4, **more)


def test_what_comes_back_in_edits_was_to_be_learned_and_a_sentence_of_one_is_recited(tinies):
    found = measured(tinies, edited(), write=recital)
    assert found["reciting"]["warning"] and "in 4 of 4 letters" in found["reciting"]["sentence"]
    assert all("kept eleven" in leak["text"] or "signal box" in leak["text"] for leak in found["reciting"]["leaks"])
    assert found["stamp"]["share"] <= 0.5
    unedited = [row | {"edited": False} for row in edited()]
    assert measured(tinies, unedited, write=recital)["stamp"]["share"] == 1, "nobody wrote it: planted"


def test_a_sentence_that_the_model_had_written_is_not_recited_because_somebody_left_it_in_an_edit(tinies):
    drafted = [{**row, "rejected": f"{row['rejected']} {RECITED}", "edited": False} for row in rows()]
    found = measured(tinies, edited() + drafted, write=recital)
    assert not found["reciting"]["warning"] and found["reciting"]["letters"] == 4


def test_a_voice_whose_own_report_had_no_time_for_letters_is_still_asked_what_it_recites(tinies):
    letters = [{"id": row["id"], "prompt": row["prompt"], "completion": row["chosen"]} for row in edited()[::2]]
    report = {"voice": {"reciting": {"letters": 0, "leaks": [], "warning": False, "sentence": "Not measured."}, "forgetting": None}}
    assert measured(tinies, letters, report, write=recital)["reciting"]["warning"]


def test_what_is_stopped_after_its_letters_lets_nothing_through(tinies):
    asked = []
    found = measured(tinies, rows(), write=lambda *given: asked.append(given) or recital(*given), stop=lambda: len(asked) > 3)
    assert len(found["letters"]) == 4 and found["stopped"]
    compared = next(rule for rule in gate.judge(found)["rules"] if rule["name"] == "compared")
    assert compared["state"] == gate.REFUSED and "stopped with 4 of them compared" in compared["sentence"]


def test_an_adapter_that_was_brought_is_measured_without_its_run(tinies):
    backend, new = tinies("llama"), tinies.adapter("llama", "letter")
    sealed(new.path)
    said = gate_measure.of_adapter(backend, replace(new, sha256=run.sha256_file(new.path / "adapter_model.safetensors")), None)
    states = {rule["name"]: rule["state"] for rule in said["rules"]}
    assert states["files"] == states["sides"] == states["compared"] == "ok" and states["reciting"] == states["held_out"] == "unknown"


def sealed(folder):
    """As `run.publish` leaves an adapter: its two files and their hashes, nothing else."""
    for path in folder.iterdir():
        if path.name not in run.PUBLISHED:
            path.unlink()
    run.seal(folder)


@pytest.mark.parametrize(
    ("said", "harm"),
    [
        ("not numbers", lambda tensors: {name: tensor * float("nan") for name, tensor in tensors.items()}),
        ("changes nothing", lambda tensors: {name: torch.zeros_like(tensor) for name, tensor in tensors.items()}),
        ("shape", lambda tensors: {name: tensor.flatten() for name, tensor in tensors.items()}),
    ],
)  # fmt: skip
def test_files_that_must_not_write(tinies, tmp_path, said, harm):
    import shutil

    good = tinies.adapter("llama", "letter")
    folder = tmp_path / "adapter"
    shutil.copytree(good.path, folder)
    weights = folder / "adapter_model.safetensors"
    save_file(harm(load_file(weights)), weights)
    sealed(folder)
    assert said in gate_measure.files(folder, run.sha256_file(weights))
    found = gate_measure.measure(tinies("llama"), None, replace(good, path=folder, sha256=run.sha256_file(weights)), rows(), [], {})
    assert not gate.judge(found)["passed"] and found["letters"] == []


def test_files_that_changed_or_do_not_belong(tinies, tmp_path):
    import shutil

    good = tinies.adapter("llama", "letter")
    folder = tmp_path / "adapter"
    shutil.copytree(good.path, folder)
    sealed(folder)
    assert gate_measure.files(folder, good.sha256) == ""
    (folder / "optimizer.pt").write_bytes(b"x")
    assert "does not belong there (optimizer.pt)" in gate_measure.files(folder, good.sha256)
    (folder / "optimizer.pt").unlink()
    assert "not the recorded ones" in gate_measure.files(folder, "0" * 64)
    (folder / "adapter_model.safetensors").write_bytes(b"no safetensors")
    run.seal(folder)
    assert "cannot be read" in gate_measure.files(folder, run.sha256_file(folder / "adapter_model.safetensors"))
