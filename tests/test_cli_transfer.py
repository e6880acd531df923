"""Import and export on the command line."""

from __future__ import annotations

import json

from ftapp import cli, formats
from ftapp.transfer import FORMATS

PAIRS = [{"prompt": f"Which bread? {n}", "chosen": f"Rye {n}.", "rejected": f"Wheat {n}."} for n in range(3)]


def called(capsys, *given):
    code = cli.main([*map(str, given), "--json"])
    said = capsys.readouterr()
    return code, json.loads(said.out.splitlines()[-1]), said.err


def test_import_export_and_the_switch_on_the_command_line(tmp_path, capsys):
    file, out, home = tmp_path / "in.jsonl", tmp_path / "out.csv", tmp_path / "cli"
    file.write_text("\n".join([*map(json.dumps, PAIRS), "{"]))
    code, done, _ = called(capsys, "import", file, "--home", home)
    assert code == 0 and done == {"added": 3, "duplicates": 0, "rejected": [{"line": 4, "reason": "the JSON is cut off"}]}
    assert called(capsys, "--home", home, "import", file)[1]["duplicates"] == 3
    assert called(capsys, "--home", home, "imported", "use")[1]["used"] == 3
    assert called(capsys, "--home", home, "imported", "ignore")[1]["used"] == 0
    assert called(capsys, "--home", home, "export", "--format", "csv", "--out", out)[1]["rows"] == 3
    assert out.read_text().startswith('"prompt","chosen","rejected","provenance"\n')
    assert called(capsys, "--home", home, "imported", "remove")[1] == {"removed": 3}
    assert called(capsys, "--home", home, "imported", "show")[1]["pair"] == 0


def test_mistakes_on_the_command_line_are_sentences(tmp_path, capsys):
    picture = tmp_path / "a.png"
    picture.write_bytes(b"\x89PNG\x0d\x0a")
    code, done, said = called(capsys, "import", picture)
    assert code == 1 and "a picture" in done["error"] and "Traceback" not in said
    assert called(capsys, "import", tmp_path / "none.jsonl")[0] == 2
    assert called(capsys, "export", "--format", "xml", "--out", tmp_path / "a")[0] == 2
    code, done, _ = called(capsys, "export", "--format", "trl", "--out", tmp_path / "no" / "folder" / "a")
    assert code == 1 and "could not be written" in done["error"]


def test_the_command_line_names_every_format():
    from ftapp import arguments

    assert arguments.FORMATS == FORMATS == tuple(formats.WRITERS)
