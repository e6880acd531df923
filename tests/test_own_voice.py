"""The voice from the command line and from stored letters: whose letters count, and what is said when there are none."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from ftapp import cli, cli_voice, own_voice
from ftapp.errors import UserError
from tests.test_voice_page import report as voice_part

LETTER = """Hi {company} team,

I'm keen to talk about the planner post - it's what I've done for years at a food maker with many shops. I planned the deliveries,
and I don't mind early mornings. The {company} list of wishes reads like my week.

Happy to chat any day.

Cheers,
Mara
"""


def call(tmp_path, capsys, *arguments: str) -> tuple[int, str]:
    code = cli.main(["--home", str(tmp_path / "home"), *arguments])
    return code, capsys.readouterr().out


def add_letters(tmp_path, capsys) -> None:
    folder = tmp_path / "letters"
    folder.mkdir()
    for name in ("Northwind", "Larch Lime", "Tern"):
        (folder / f"{name}.txt").write_text(LETTER.format(company=name), encoding="utf-8")
    assert call(tmp_path, capsys, "examples", "add", str(folder))[0] == 0


def test_without_letters_it_says_how_to_bring_some(tmp_path, capsys):
    code, out = call(tmp_path, capsys, "voice", "--json")
    assert code == 0 and "examples add" in out
    assert json.loads(out.splitlines()[-1]) == {"card": None, "report": None}


def test_the_card_of_stored_letters_is_printed(tmp_path, capsys):
    add_letters(tmp_path, capsys)
    listed = json.loads(call(tmp_path, capsys, "examples", "list", "--json")[1].splitlines()[-1])["examples"]
    kept = [row["id"] for row in listed]
    assert call(tmp_path, capsys, "examples", "keep", *kept)[0] == 0
    code, out = call(tmp_path, capsys, "voice", "--json")
    told = json.loads(out.splitlines()[-1])["card"]
    assert code == 0 and "Hi … team," in out and told["letters"] == 3 and told["sign_offs"][0][0] == "Cheers"


def test_an_unknown_training_is_refused_in_a_sentence(tmp_path, capsys):
    assert cli.main(["--home", str(tmp_path / "home"), "voice", "--run", "run_no"]) == 1
    assert "run_no" in capsys.readouterr().err


class Runs:
    """Of a Studio what `own_voice.report` asks."""

    def __init__(self, reports: dict[str, dict]) -> None:
        self.reports = reports

    def runs(self, owner: str) -> list[dict]:
        return [{"id": run, "state": "succeeded"} for run in self.reports]

    def report(self, owner: str, run: str) -> dict:
        return self.reports[run]


def test_the_command_line_says_what_is_recited_and_how_many_letters_were_examples(monkeypatch, capsys):
    leak = {"kind": "name", "text": "Orla Finch", "title": "Planner at Larch Lime"}
    told = voice_part(examples=1) | {"reciting": {"sentence": "It recites.", "warning": True, "letters": 20, "leaks": [leak]}}
    monkeypatch.setattr(own_voice, "card", lambda *given: None)

    def printed(part):
        assert cli_voice.show(Runs({"run_1": {"voice": part}}), SimpleNamespace(run=None))["report"]["run"] == "run_1"
        return capsys.readouterr().out

    out = printed(told)
    assert "- name: “Orla Finch” in the letter for Planner at Larch Lime" in out and "1 letter of yours was the example" in out
    assert "3 letters of yours were the examples" in printed(told | {"examples": 3})
    tried = {who: row for who, row in told["table"].items() if who != "prompted"}
    assert "of yours w" not in printed(told | {"examples": 0, "table": tried})


def test_the_newest_training_of_letters_is_reported_and_one_of_choices_is_not(capsys):
    studio = Runs({"run_3": {}, "run_2": {"voice": voice_part()}, "run_1": {"voice": voice_part()}})
    assert own_voice.report(studio, "local")["run"] == "run_2"
    assert own_voice.report(Runs({"run_3": {}}), "local") == {}
    with pytest.raises(UserError, match="run_3"):
        own_voice.report(studio, "local", "run_3")
