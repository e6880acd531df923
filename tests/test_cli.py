"""The command line: what it refuses and how, and the whole loop as a script would run it."""

import json
import logging
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from ftapp import arguments, cli

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
        input=stdin, capture_output=True, text=True, encoding="utf-8", timeout=1000,
    )  # fmt: skip


def last_json(done: subprocess.CompletedProcess) -> dict:
    assert done.returncode == 0, done.stderr
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
        (["run"], "Missing: show|stop|resume|repeat"),
        (["promote"], "Missing: ID"),
        (["template", "edit", "answer"], "Missing: FILE"),
        (["template", "reset", "poem"], "KIND cannot be 'poem'"),
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


def test_a_damaged_file_is_a_sentence(tmp_path, capsys):
    (tmp_path / "resume.pdf").write_bytes(b"%PDF-1.7\xff\xfe\x00")
    (tmp_path / "job.txt").write_text(JOB)
    assert cli.main(["write", "--job", str(tmp_path / "job.txt"), "--resume", str(tmp_path / "resume.pdf")]) == 1
    assert "This PDF file is damaged" in capsys.readouterr().err


@pytest.mark.parametrize("line", ["--home H --json runs", "runs --home H --json", "--home H runs --json"])
def test_common_options_stand_before_or_after_the_verb(line):
    args = arguments.parser().parse_args(line.split())
    assert (args.home, args.json, args.model) == ("H", True, None)


@pytest.mark.parametrize(
    "line",
    ["doctor", "write --job j --resume r", "prefer cmp left", "undo", "train", "runs", "run show r", "run stop r", "run resume r",
     "adapters", "promote adp", "rollback", "template show", "template show answer", "template edit answer f", "template reset answer"],
)  # fmt: skip
def test_every_verb_has_its_function(line):
    assert arguments.parser().parse_args(line.split()).call in cli.VERBS


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


def test_doctor_says_sizes_in_words_and_keeps_numbers_for_scripts(tmp_path, capsys):
    assert cli.main(["doctor", "--home", str(tmp_path / "new"), "--json"]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    told, found = "\n".join(lines), json.loads(last)
    assert isinstance(found["storage"]["free_disk_bytes"], int) and str(found["storage"]["free_disk_bytes"]) not in told
    assert re.search(r"free_disk_size: [\d.]+ [GM]B$", told, re.M) and re.search(r"use more than \d+ MB of memory: \w+", told)
    assert "database: sqlite" in told and re.search(r"bitsandbytes: \d+\.", told), "only sizes are rewritten"


def test_a_portfolio_is_filled_searched_and_emptied(tmp_path, capsys, monkeypatch):
    def call(*words):
        assert cli.main(["portfolio", *words, "--home", str(tmp_path / "home"), "--json"]) == 0
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    (tmp_path / "oven.txt").write_text("Built a wood-fired oven for a village feast.")
    (tmp_path / "some.csv").write_bytes("Title,Techstack,Links\nCaf\xe9 till,Go,https://till.example\nNo,Go,not a link\n".encode("cp1252"))
    oven = call("add", "--title", "Clay oven", "--text", str(tmp_path / "oven.txt"), "--technologies", "brick, clay")["id"]
    done = call("import", str(tmp_path / "some.csv"))
    assert len(done["ids"]) == 1 and [row["line"] for row in done["rejected"]] == [3]
    assert {row["title"] for row in call("list")["portfolio"]} == {"Clay oven", "Café till"}
    (found,) = call("search", "brick ovens", "--top", "1")["found"]
    assert found["document_id"] == oven and "brick" in found["why"]
    assert call("remove", oven) == {"removed": oven} and len(call("list")["portfolio"]) == 1


def test_a_complaint_that_helps_nobody_is_not_heard_and_others_are(caplog):
    log = logging.getLogger("bitsandbytes.backends.cpu.ops")
    log.warning("Failed to load CPU gemm_4bit_forward from kernels-community: %s. Please", "No module named 'kernels'")
    log.warning("Something else")
    assert [record.getMessage() for record in caplog.records] == ["Something else"]


def test_a_training_is_stopped_once_and_resumed(tmp_path, capsys):
    from db.engine import open_engine, write
    from db.migrate import upgrade
    from db.models import TrainingRun
    from ftapp.training import lock

    engine = open_engine(tmp_path / "ftapp.db")
    upgrade(engine)
    row = TrainingRun(owner_id="local", recipe="r", method="dpo", scope="letter", base_id="bundled", base_hash="h" * 64)
    with write(engine) as opened:
        opened.add(row)
        run_id = row.id
    engine.dispose()
    with lock.hold(tmp_path / "supervisor.lock"):  # an app is at work: the command line launches nothing
        for words, said in (("stop", "run resume"), ("stop", "had ended before")):
            assert cli.main(["run", words, run_id, "--home", str(tmp_path)]) == 0
            assert said in capsys.readouterr().out
    assert cli.main(["run", "resume", run_id, "--home", str(tmp_path)]) == 1
    assert "folder of this training is gone" in capsys.readouterr().err


def test_empty_lists_say_what_to_do(tmp_path, capsys):
    assert cli.main(["runs", "--home", str(tmp_path), "--json"]) == 0
    said = capsys.readouterr().out
    assert json.loads(said.splitlines()[-1]) == {"runs": []}
    assert "python -m ftapp train" in said


# --- the whole loop ------------------------------------------------------------------------------------------------------


SAYINGS = (
    "I am writing about the open position.", "I have worked as a nurse.", "Use only what the résumé says.", "Kind regards, Mara.",
    "I would be glad to talk.", "I have worked as a data analyst.", "Thank you for your time.", "Dear hiring team, hello.",
)  # fmt: skip


@pytest.fixture(scope="module")
def talker(tmp_path_factory) -> str:
    """A tiny model that has learned, in a moment, to say one of a few short things after any prompt and then to end."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from tests.tiny import tiny_llama

    folder = tiny_llama(tmp_path_factory.mktemp("model"))
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    header = tokenizer.convert_tokens_to_ids("<|assistant|>")
    draw = torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for step in range(120):
        prompt = torch.randint(5, len(tokenizer), (int(torch.randint(20, 150, (1,), generator=draw)),), generator=draw).tolist()
        rows = [tokenizer.encode(saying, add_special_tokens=False) + [tokenizer.eos_token_id] for saying in SAYINGS[step % 2 :: 2]]
        longest = max(map(len, rows))
        ids = torch.tensor([[*prompt, header, *row, *[tokenizer.pad_token_id] * (longest - len(row))] for row in rows])
        labels = torch.tensor([[-100] * (len(prompt) + 1) + row + [-100] * (longest - len(row)) for row in rows])
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert loss < 1.5
    model.save_pretrained(folder)
    return str(folder)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "resume.txt").write_text(RESUME, encoding="utf-8")
    (tmp_path / "job.txt").write_text(JOB.format(tool="Tableau"), encoding="utf-8")
    return tmp_path


@pytest.fixture
def call(talker, files, capsys):
    """One call in this process (torch is imported once), with the tiny model and a home of its own: call("runs") -> object."""

    def run(line: str, *more: str, code: int = 0) -> dict:
        got = cli.main([*line.split(), *more, "--home", str(files / "home"), "--model", talker, "--json"])
        said = capsys.readouterr()
        assert got == code, said.err
        return json.loads(said.out.splitlines()[-1])

    return run


def pairs_to_learn_from(call, files: Path, count: int) -> dict:
    """Write and judge `count` pairs for different employers; returns the last receipt and pair."""
    for seed in range(count):
        (files / "job.txt").write_text(JOB.replace("Harbour", f"Harbour {'ABCDEFGH'[seed]}").format(tool="Tableau"), encoding="utf-8")
        pair = call(f"write --pair --seed {seed}", "--job", str(files / "job.txt"), "--resume", str(files / "resume.txt"))
        receipt = call(f"prefer {pair['comparison_id']} left")
    return {**pair, **receipt}


def test_a_pair_is_written_and_judged(call, files, capsys):
    pair = call("write --pair --seed 5 --tone warm --words 150", "--job", str(files / "job.txt"), "--resume", str(files / "resume.txt"))
    assert set(pair) - {"stripped"} == {"comparison_id", "left", "right", "prompt_tokens", "seconds"}
    assert pair["left"] != pair["right"]
    assert pair["prompt_tokens"] > 50
    receipt = call(f"prefer {pair['comparison_id']} left --reason too-long")
    assert set(receipt) >= {"receipt", "left_model", "right_model", "pairs_added"}
    assert call(f"prefer {pair['comparison_id']} left")["receipt"] == receipt["receipt"]  # said twice, stored once
    assert call("undo")["receipt"] == receipt["receipt"]
    assert "error" in call("undo", code=1)  # nothing is left to take back


def test_a_connection_note_is_asked_for_by_name(call, files):
    texts = ("--job", str(files / "job.txt"), "--resume", str(files / "resume.txt"))
    assert call("write --kind linkedin-message --words note --seed 3", *texts)["text"]
    assert "40 words" in call("write --words note", *texts, code=1)["error"], "a cover letter is no note"


@pytest.fixture
def traced(tmp_path, capsys):
    """`claims` on a letter with one invented number, in this process: traced("--meaning") -> object."""
    (tmp_path / "resume.txt").write_text(
        "Ines Caldwell\n\nExperience\nReceptionist, Northgate Dental, 2019 - present\n- Answered 60 calls a day\n"
    )
    (tmp_path / "letter.txt").write_text("Dear team,\n\nAt Northgate Dental I answered 75 calls a day.\n\nInes Caldwell\n")

    def run(*more: str) -> dict:
        files = ("--letter", str(tmp_path / "letter.txt"), "--resume", str(tmp_path / "resume.txt"))
        assert cli.main(["claims", *files, *more, "--json"]) == 0
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    return run


def test_a_letter_is_traced_to_its_sources(traced):
    told = traced()
    assert [(claim["kind"], claim["text"]) for claim in told["open"]] == [("number", "75")]
    assert told["claims"] > 1 and told["note"] == ""


def test_without_a_model_for_meaning_words_rank_the_lines_and_it_is_said(traced, monkeypatch):
    from ftapp import embeddings
    from ftapp.errors import ModelError

    def similar(texts, lines):
        raise ModelError("There is no model here.")

    monkeypatch.setattr(embeddings, "load", lambda settings: SimpleNamespace(similar=similar))
    told = traced("--meaning")
    assert "There is no model here." in told["note"]
    assert told["open"] == traced()["open"]


def test_a_corrected_letter_counts_twice(call, files):
    pair = call("write --pair --seed 6", "--job", str(files / "job.txt"), "--resume", str(files / "resume.txt"))
    (files / "mine.txt").write_text("Dear Harbour team, I can report.", encoding="utf-8")
    told = call(f"prefer {pair['comparison_id']} right --from right", "--edited", str(files / "mine.txt"))
    assert told["pairs_added"] == 2


def test_refusals_of_the_app_are_a_sentence_and_exit_1(call, files):
    assert "3" in call("write --words 3", "--job", str(files / "job.txt"), "--resume", str(files / "resume.txt"), code=1)["error"]
    assert "no_such" in call("train --recipe no_such", code=1)["error"]
    call("train", code=1)  # no choices, nothing to learn from
    call("rollback", code=1)  # nothing to go back to


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_write_choose_train_use_and_go_back_as_a_script_does(call, files, talker):
    pairs_to_learn_from(call, files, 6)
    common = ("--home", str(files / "home"), "--model", talker, "--json")

    written = ftapp("write", "--job", "-", "--resume", str(files / "resume.txt"), "--pair", "--seed", "7", *common, stdin=JOB)
    told = ftapp("prefer", last_json(written)["comparison_id"], "right", *common)
    assert last_json(told)["pairs_added"] == 1

    trained = ftapp("train", "--wait", *common)
    run = last_json(trained)
    assert (run["state"], run["step"]) == ("succeeded", run["steps"]), run
    assert set(call(f"run show {run['id']}")) >= {"id", "state", "step", "steps", "seconds_left", "metrics", "reason"}
    assert [row["id"] for row in call("runs")["runs"]] == [run["id"]]

    [taught] = [row["id"] for row in call("adapters")["adapters"] if row["state"] in ("candidate", "trial")]
    assert {rule["name"] for rule in call(f"gate {taught}")["rules"]} >= {"files", "sides", "relevance", "length"}
    assert call(f"promote {taught} --anyway a_toy_that_the_gate_may_refuse")["id"] == taught
    assert call("trial")["trial"] is None or call("trial")["trial"]["state"] == "taken"
    again = last_json(ftapp("write", "--job", str(files / "job.txt"), "--resume", "-", "--pair", *common, stdin=RESUME))
    told = call(f"prefer {again['comparison_id']} both-bad")
    assert {told["left_model"], told["right_model"]} == {"base", taught}
    assert call("rollback")["id"] == "none"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_running_app_takes_the_training_over(call, files, talker):
    from ftapp.config import settings
    from ftapp.studio import Studio

    pairs_to_learn_from(call, files, 6)
    app = Studio(settings(home=files / "home", model=talker))
    assert app.supervisor.poll()  # the app holds the supervisor's lock
    try:
        queued = last_json(ftapp("train", "--home", str(files / "home"), "--model", talker, "--json"))
        assert queued["state"] == "queued"
        assert not (files / "home" / "runs" / queued["id"] / "trainer.log").exists()  # the command line launched nothing
        assert app.training_status("local", queued["id"])["state"] in ("queued", "running")  # this look launches it
        assert (files / "home" / "runs" / queued["id"] / "trainer.log").exists()
        app.stop_training("local", queued["id"])
        until = time.monotonic() + 300
        while (state := app.training_status("local", queued["id"])["state"]) not in cli.ENDED:
            assert time.monotonic() < until, state
            time.sleep(0.5)
    finally:
        app.close()


@pytest.mark.slow
def test_one_letter_is_the_same_twice_with_a_seed(call, files, talker):
    arguments = ("write", "--job", str(files / "job.txt"), "--resume", str(files / "resume.txt"), "--seed", "3", "--adapter", "none")
    first = ftapp(*arguments, "--home", str(files / "home"), "--model", talker, "--json")
    assert call(*arguments)["text"] == last_json(first)["text"] != ""
    assert first.stdout.startswith(last_json(first)["text"])  # it streams what it returns
