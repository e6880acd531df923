"""The rules of hosted fine-tuning, tokens and cost, on rows that break each of them, and through the command line."""

from __future__ import annotations

import json

import pytest

from db.engine import write
from ftapp import cli, config, hosted
from ftapp.studio import Studio
from tests.shelf import choice

RULES = config.server_config().hosted
ASK, SAY = {"role": "user", "content": "Write a letter."}, {"role": "assistant", "content": "Dear team, I bake."}
SYSTEM = {"role": "system", "content": "You write letters."}


def example(*messages):
    return {"messages": list(messages)}


def pair(asked=(SYSTEM, ASK), better=(SAY,), worse=({"role": "assistant", "content": "No."},)):
    return {"input": {"messages": list(asked)}, "preferred_output": list(better), "non_preferred_output": list(worse)}


def report(rows, name="openai-sft", price=None, rules=RULES):
    check = hosted.Check(name, rules)
    for row in rows:
        check.add(row)
    return check.report(price)


def whys(found, hinders=None):
    return [one["why"] for one in found["findings"] if hinders in (None, one["hinders"])]


def test_ten_good_examples_are_taken_and_fifty_advised():
    assert report([example(SYSTEM, ASK, SAY)] * 50)["findings"] == []
    few = report([example(ASK, SAY)] * 10)
    assert few["ok"] and whys(few) == ["The file has 10 rows; 50 good ones are advised to begin with."]
    nine = report([example(ASK, SAY)] * 9)
    assert not nine["ok"] and whys(nine) == ["The file has 9 rows; 10 are the least that is taken."]


@pytest.mark.parametrize(("row", "why"), [
    (example(ASK), "does not end with an assistant message"),
    (example(SYSTEM, ASK, SAY, ASK), "does not end with an assistant message"),
    (example(SYSTEM, SAY), "has no user message"),
    (example(ASK, SAY, SAY), "two assistant messages in a row"),
    (example(ASK, SYSTEM, SAY), "a system message that is not the first"),
    (example(ASK, {"role": "bot", "content": "x"}), "a role in messages that is not one of"),
    (example(ASK, {"role": "assistant", "content": " "}), "a message without text"),
    (example(ASK, {"role": "assistant", "content": None}), "a message without text"),
    (example(ASK, SAY | {"mood": "calm"}), "a key that is not known"),
    ({"text": "x"}, "no list of messages"), ({"messages": []}, "no list of messages"), ({"messages": ["x"]}, "no list of messages"),
])  # fmt: skip
def test_what_a_supervised_example_must_not_be(row, why):
    found = report([example(ASK, SAY)] * 60 + [row])
    assert not found["ok"] and why in whys(found)[0]
    assert found["findings"][0]["rows"] == [61] and "Dear" not in json.dumps(found)


@pytest.mark.parametrize(("row", "why"), [
    (pair(asked=(ASK, SAY, ASK)), "several turns"), (pair(asked=(ASK, SAY)), "must end with a user message"),
    (pair(better=(SAY, SAY)), "not exactly one assistant message in preferred_output"), (pair(worse=()), "no list of messages in non_pref"),
    (pair(worse=(ASK,)), "a role in non_preferred_output"), (pair(worse=(SAY,)), "the same answer twice"),
    ({"messages": [ASK, SAY]}, "in input"),
])  # fmt: skip
def test_what_a_pair_must_not_be(row, why):
    assert report([pair()] * 60, "openai-dpo")["findings"] == []
    assert any(why in one for one in whys(report([pair()] * 60 + [row], "openai-dpo"), True))


def test_advice_that_hinders_nothing():
    masked = report([example(ASK, {"role": "assistant", "content": "Kind regards, [NAME]"})] * 60)
    assert masked["ok"] and "has a mask in an answer" in whys(masked)[0] and masked["findings"][0]["count"] == 60
    several = report([example(ASK, SAY, ASK, SAY)] * 60)
    assert several["ok"] and "each of them is learned" in whys(several)[0]


def test_too_long_rows_and_too_large_files_are_refused():
    long = example(ASK, {"role": "assistant", "content": "word " * 70_000})
    found = report([example(ASK, SAY)] * 60 + [long])
    assert not found["ok"] and "65,536 fit" in whys(found)[0]
    small = RULES.model_copy(update={"most_file_mb": 1})
    assert "1 are taken" in whys(report([example(ASK, {"role": "assistant", "content": "word " * 5_000})] * 60, rules=small), True)[0]


def test_tokens_are_near_what_large_models_count():
    """The numbers beside the texts are o200k_base's, counted once."""
    for text, count in [
        ("Dear hiring team, I have baked 300 loaves a day at Corner Oven since 2019, and would like to bake yours. Regards, Sam", 31),
        ("Straßenbahnfahrer gesucht: Sie lieben große Fahrzeuge und können früh aufstehen?", 16),
        ("fault finding, cable routing", 5),
    ]:
        assert abs(hosted.tokens_about(text) - count) <= max(1, 0.2 * count), (text, hosted.tokens_about(text))
    assert hosted.tokens_about("") == 0 and hosted.tokens_in([ASK]) == hosted.tokens_about(ASK["content"]) + 6


@pytest.mark.parametrize(("rows", "times"), [(0, 3), (10, 10), (33, 3), (34, 3), (3, 25), (1_000, 3), (8_333, 3), (10_000, 2), (60_000, 1)])
def test_how_often_a_file_is_read(rows, times):
    assert hosted.epochs(rows, 3) == times


def test_cost_is_tokens_times_reads_times_price():
    found = report([example(ASK, SAY)] * 100, price=25.0)
    assert found["charged_tokens"] == 3 * found["tokens"] and found["cost"] == round(found["charged_tokens"] * 25 / 1e6, 2)
    assert report([example(ASK, SAY)] * 100)["cost"] is None
    assert "Give the price" in " ".join(hosted.told(report([example(ASK, SAY)] * 100)))
    assert report([pair()] * 100, "openai-dpo")["tokens"] > report([example(SYSTEM, ASK, SAY)] * 100)["tokens"] * 1.5, "the prompt twice"


# ---- through the command line -----------------------------------------------------------------------------------


@pytest.fixture
def chosen(home):
    """A home with twelve choices."""
    studio = Studio(config.settings(home=home))
    with write(studio.engine) as opened:
        for i in range(12):
            choice(opened, left=f"Dear Oak {i}, I bake. Sam Ode", right=f"Dear Oak {i}, I cook. Sam Ode", company=f"Oak {i}")
    studio.close()


def run(capsys, home, *words, code=0):
    assert cli.main([*words, "--home", str(home), "--json"]) == code
    said = capsys.readouterr()
    return json.loads(said.out.splitlines()[-1]), said.out


@pytest.mark.parametrize("name", hosted.FORMATS)
def test_an_export_is_checked_without_being_made(chosen, home, capsys, name):
    found, said = run(capsys, home, "export", "--format", name, "--check", "--price", "25")
    assert found["ok"] and found["rows"] == 12 and found["cost"] is not None and found["left_out"] == {}
    assert "This file would be taken." in said and "costs about" in said and "closing it" in said
    assert "has a mask in an answer" in said, "masked, as an export is"
    assert "mask" not in run(capsys, home, "export", "--format", name, "--check", "--unmasked")[1]


def test_a_check_and_an_export_in_one_go(chosen, home, capsys, tmp_path):
    found, _ = run(capsys, home, "export", "--format", "openai_sft", "--check", "--out", str(tmp_path / "out.jsonl"))
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert len(rows) == found["rows"] == 12 and report(rows)["tokens"] == found["tokens"]


def test_what_cannot_be_checked_is_said(chosen, home, capsys):
    assert "no rules" in run(capsys, home, "export", "--format", "trl", "--check", code=1)[0]["error"]
    assert "--out" in run(capsys, home, "export", "--format", "trl", code=2)[0]["error"]
    assert "no price" in run(capsys, home, "export", "--format", "openai-sft", "--check", "--price", "free", code=2)[0]["error"]
