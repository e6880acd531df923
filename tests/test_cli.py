"""The command line: what it refuses and how, and the whole loop as a script would run it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ftapp import cli

ROOT = Path(__file__).resolve().parent.parent
JOB = """Data Analyst
Harbour & Vale Ltd, Bristol

Requirements:
- SQL and Python
- Clear reports for people who do not read code
- Experience with {tool}
"""
RESUME = """Mara Lindqvist
Data Analyst

Experience
Analyst, Pellworm Foods, 2019 - 2023
- Cut the weekly report from three days to four hours with Python
- Taught SQL to 14 colleagues

Skills: SQL, Python, Excel
Education: BSc Statistics, Lund
"""


def ftapp(*arguments: str, stdin: str | None = None, **env: str) -> subprocess.CompletedProcess:
    """One call of `python -m ftapp`, as a shell makes it."""
    return subprocess.run(
        [sys.executable, "-m", "ftapp", *arguments], cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"} | env,
        input=stdin, capture_output=True, text=True, encoding="utf-8", timeout=170,
    )  # fmt: skip


def last_json(done: subprocess.CompletedProcess) -> dict:
    return json.loads(done.stdout.splitlines()[-1])


# --- mistakes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "No verb"),
        (["dance"], "VERB cannot be 'dance'"),
        (["runs", "--bogus"], "Not understood: --bogus"),
        (["write"], "Missing: --job, --resume"),
        (["write", "--job", "no-such-file.txt", "--resume", "-"], "no-such-file.txt could not be read"),
        (["write", "--job", "-", "--resume", "-"], "only once"),
        (["write", "--job", "a", "--resume", "b", "--words", "many"], "--words: 'many' is no number of words"),
        (["write", "--job", "a", "--resume", "b", "--seed", "-1"], "--seed"),
        (["write", "--job", "a", "--resume", "b", "--kind", "poem"], "--kind cannot be 'poem'"),
        (["prefer", "cmp_1", "maybe"], "VERDICT cannot be 'maybe'"),
        (["prefer", "cmp_1", "left", "--edited", "letter.txt"], "belong together"),
        (["prefer", "cmp_1", "left", "--from", "left"], "belong together"),
        (["run", "show"], "Missing: ID"),
        (["run"], "Missing: show|stop|resume"),
        (["promote"], "Missing: ID"),
    ],
)
def test_bad_arguments_are_one_sentence_and_exit_2(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("FTAPP_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert not (tmp_path / "home").exists()  # a mistake leaves nothing behind


def test_a_mistake_with_json_still_ends_in_one_object(capsys):
    assert cli.main(["runs", "--bogus", "--json"]) == 2
    said = capsys.readouterr()
    assert json.loads(said.out.splitlines()[-1]) == {"error": said.err.strip()}


def test_a_file_that_is_no_text_is_named(tmp_path, capsys):
    (tmp_path / "resume.pdf").write_bytes(b"%PDF-1.7\xff\xfe\x00")
    (tmp_path / "job.txt").write_text(JOB)
    assert cli.main(["write", "--job", str(tmp_path / "job.txt"), "--resume", str(tmp_path / "resume.pdf")]) == 2
    assert "resume.pdf is not a UTF-8 text file" in capsys.readouterr().err


@pytest.mark.parametrize("line", ["--home H --json runs", "runs --home H --json", "--home H runs --json"])
def test_common_options_stand_before_or_after_the_verb(line):
    args = cli.parser().parse_args(line.split())
    assert (args.home, args.json, args.model) == ("H", True, None)


def test_importing_the_command_line_loads_nothing_heavy():
    code = "import sys, ftapp.cli; print([m for m in ('torch', 'transformers', 'gradio', 'sqlalchemy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"


# --- one verb, no model --------------------------------------------------------------------------------------------------


def test_unknown_ids_are_a_sentence_and_exit_1(tmp_path, capsys):
    for line in ("run show run_0000000000000000", "prefer cmp_0000000000000000 left", "promote adp_0000000000000000"):
        assert cli.main([*line.split(), "--home", str(tmp_path), "--json"]) == 1
        said = capsys.readouterr()
        assert json.loads(said.out.splitlines()[-1]) == {"error": said.err.strip()}
        assert "0000000000000000" in said.err


def test_doctor_runs_on_an_empty_home(tmp_path, capsys):
    assert cli.main(["doctor", "--home", str(tmp_path / "new"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert str(tmp_path / "new") in json.dumps(found)


def test_empty_lists_say_what_to_do(tmp_path, capsys):
    assert cli.main(["runs", "--home", str(tmp_path), "--json"]) == 0
    said = capsys.readouterr().out
    assert json.loads(said.splitlines()[-1]) == {"runs": []}
    assert "python -m ftapp train" in said


# --- the whole loop ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def talker(tmp_path_factory) -> str:
    """A tiny model whose end token is likely, so that random letters come to an end of their own."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from tests.tiny import tiny_llama

    folder = tiny_llama(tmp_path_factory.mktemp("model"))
    model = AutoModelForCausalLM.from_pretrained(folder)
    end = AutoTokenizer.from_pretrained(folder).eos_token_id
    with torch.no_grad():
        model.get_output_embeddings().weight[end] *= 4
    model.save_pretrained(folder)
    return str(folder)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "resume.txt").write_text(RESUME, encoding="utf-8")
    return tmp_path


def write_pair(files: Path, home: str, talker: str, seed: int) -> subprocess.CompletedProcess:
    arguments = ("write", "--job", "-", "--resume", str(files / "resume.txt"), "--pair", "--seed", str(seed), "--json")
    return ftapp(*arguments, "--home", home, "--model", talker, stdin=JOB.format(tool=f"Tableau {seed}"))


@pytest.mark.slow
def test_write_choose_train_use_and_go_back(files, talker):
    home = str(files / "home")
    common = ("--home", home, "--model", talker, "--json")
    for seed in range(6):
        done = write_pair(files, home, talker, seed)
        assert done.returncode == 0, done.stderr
        pair = last_json(done)
        assert set(pair) == {"comparison_id", "left", "right", "prompt_tokens", "seconds"}
        told = ftapp("prefer", pair["comparison_id"], "left", *common)
        assert told.returncode == 0, told.stderr
        receipt = last_json(told)
        assert {"receipt", "left_model", "right_model", "pairs_added"} <= set(receipt)

    corrected = ftapp("prefer", pair["comparison_id"], "tie", *common)
    assert corrected.returncode == 0  # a second word on the same pair is answered with the first receipt
    assert last_json(corrected)["receipt"] == receipt["receipt"]

    done = ftapp("train", "--wait", *common)
    assert done.returncode == 0, done.stderr
    run = last_json(done)
    assert run["state"] == "succeeded", run
    assert run["step"] == run["steps"] > 0
    shown = last_json(ftapp("run", "show", run["id"], *common))
    assert set(shown) >= {"id", "state", "step", "steps", "seconds_left", "metrics", "reason"}
    assert [row["id"] for row in last_json(ftapp("runs", *common))["runs"]] == [run["id"]]

    [candidate] = [row for row in last_json(ftapp("adapters", *common))["adapters"] if row["state"] == "candidate"]
    assert last_json(ftapp("promote", candidate["id"], *common))["id"] == candidate["id"]
    taught = last_json(write_pair(files, home, talker, 50))
    told = last_json(ftapp("prefer", taught["comparison_id"], "both-bad", *common))
    assert candidate["id"] in (told["left_model"], told["right_model"])
    assert last_json(ftapp("rollback", *common))["id"] != candidate["id"]


@pytest.mark.slow
def test_one_letter_the_same_twice_with_a_seed(files, talker):
    (files / "job.txt").write_text(JOB.format(tool="Tableau"), encoding="utf-8")
    arguments = ("write", "--job", str(files / "job.txt"), "--resume", str(files / "resume.txt"), "--seed", "3", "--adapter", "none",
                 "--home", str(files / "home"), "--model", talker, "--json")  # fmt: skip
    first, second = ftapp(*arguments), ftapp(*arguments)
    assert first.returncode == 0, first.stderr
    assert last_json(first)["text"] == last_json(second)["text"] != ""
