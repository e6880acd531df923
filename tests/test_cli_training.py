"""`python -m ftapp train --plan` and `models`: what is said, and what is refused."""

from __future__ import annotations

import json

import pytest

from ftapp import cli, cli_training, config, gate, ladder
from ftapp.errors import ModelError


@pytest.fixture
def call(tmp_path, capsys):
    def run(line: str, code: int = 0):
        got = cli.main([*line.split(), "--home", str(tmp_path / "home"), "--json"])
        said = capsys.readouterr()
        assert got == code, said.err
        return json.loads(said.out.splitlines()[-1]), said.out

    return run


def test_models_lists_the_ladder_and_takes_one(call, tmp_path, monkeypatch):
    found, said = call("models")
    assert [rung["id"] for rung in found["models"]] == config.model_ids()
    assert sum(rung["current"] for rung in found["models"]) == 1 and "python -m ftapp models --use ID" in said
    assert call("doctor")[0]["model"]["recommended"] in [*config.model_ids(), "none: it has too little memory"]
    monkeypatch.setattr(ladder, "fetch", lambda model, offline, progress: progress(1, 2) or tmp_path)
    taken, _ = call("models --use Qwen/Qwen3-0.6B")
    assert taken == {"model": "Qwen/Qwen3-0.6B", "folder": str(tmp_path)}
    assert config.settings(home=tmp_path / "home").model == "Qwen/Qwen3-0.6B"


def test_offline_a_model_that_is_not_here_is_refused_and_nothing_changes(call, tmp_path):
    said, _ = call("models --use Qwen/Qwen3-0.6B", code=1)
    assert "offline" in said["error"] and config.settings(home=tmp_path / "home").model == config.app_config().model


def test_a_plan_of_nothing_says_what_is_missing(call):
    made, said = call("train --recipe sft_bundled --plan")
    assert made["method"] == "sft" and made["kept"] == 0 and "Only 0 of your letters can train" in said
    assert "Only 0 of your letters" in call("train --recipe sft_bundled", code=1)[0]["error"]
    assert "no number from 0 to 9" in call("train --smaller many", code=2)[0]["error"]


def test_a_plan_is_printed_with_its_numbers(capsys):
    plan = dict(recipe="sft_bundled", kept=10, held_out=2, held_out_groups=2, dropped={"too_long": 1}, refused="", sides={"prompt": 900},
                longest=248, steps=12, parent=None, seconds=100.0, memory_bytes=10**9, notes=["A note."])  # fmt: skip

    class Fake:
        def plan(self, owner, recipe, smaller, measure):
            assert (owner, recipe, smaller, measure) == ("local", "sft_bundled", 1, True)
            return plan

    class Args:
        recipe, smaller = "sft_bundled", 1

    assert cli_training.plan(Fake(), Args()) is plan
    said = capsys.readouterr().out
    assert "10 to learn from, 2 from 2 postings held out, 0 cut" in said and "1 left out: too long" in said and "A note." in said
    assert "prompt 900; the longest has 248. 12 steps from the base model" in said and "1.0 GB" in said


def test_the_errors_of_a_fetch_are_sentences():
    with pytest.raises(ModelError, match="offline"):
        ladder.fetch("someone/some-model", True)


def test_who_waits_in_a_pipe_is_told_of_a_doubt_while_it_can_be_stopped(capsys, monkeypatch):
    doubt = f"{gate.DOUBT} Most labels are the wrong way round."
    common = {"id": "run-1", "step": 0, "steps": 4, "seconds_left": None}
    states = iter([common | {"state": "running", "reason": note} for note in ("", doubt, f"{doubt}\n3 of 8 are there.")])
    heard = []

    class Studio:
        def training_status(self, owner, run_id):
            heard.append(capsys.readouterr().err)
            return next(states, common | {"state": "succeeded", "reason": None})

    monkeypatch.setattr(cli, "FOLLOW_SECONDS", 0)
    assert cli._follow(Studio(), "run-1")["state"] == "succeeded"
    assert heard == ["", "", f"{doubt}\n", ""]
