"""Everything of an owner goes, nothing of another, and nothing while a training reads it."""

import json
from types import SimpleNamespace

import pytest
from shelf import adapter, choice
from sqlmodel import SQLModel, select

from db.engine import session, write
from db.models import Adapter, Comparison, Document, Imported, RunPair, Template, TrainingRun
from ftapp import cli, formats, imported
from ftapp.errors import UserError
from ftapp.forgetting import Forgetting, forget
from ftapp.ui.forget import ForgetPanel


def fill(engine, owner):
    """Rows that point at each other, as they do in a home."""
    with write(engine) as opened:
        first = choice(opened, owner)
        again = choice(opened, owner, company="Oak")
        opened.get_one(Comparison, again.comparison_id).repeat_of = first.comparison_id
        adapter(opened, owner, base_id=owner)
        run = opened.exec(select(TrainingRun).where(TrainingRun.owner_id == owner)).one()
        told = {"owner_id": owner, "text": "Sam", "text_hash": "h"}
        opened.add_all([Template(kind="answer", **told), Document(kind="resume", **told)])
        opened.add(RunPair(run_id=run.id, preference_id=first.id, owner_id=owner))
        row = formats.Row("pair", [{"role": "user", "content": "Q"}], "a", "b")
        imported.add(opened, owner, [("trl", row, row.digest)])
        return run.id


def left(engine, owner):
    with session(engine) as opened:
        tables = SQLModel.metadata.sorted_tables
        return {table.name: len(opened.connection().execute(table.select().where(table.c.owner_id == owner)).all()) for table in tables}


def test_everything_of_one_owner_goes_and_nothing_of_another(engine, tmp_path):
    runs = {owner: fill(engine, owner) for owner in ("local", "visitor_1")}
    for run in runs.values():
        (tmp_path / run).mkdir()
    before = left(engine, "visitor_1")
    brought = {owner: tmp_path.parent / f"{tmp_path.name}_{owner}" for owner in runs}  # adapters that no run made
    with write(engine) as opened:
        for owner, folder in brought.items():
            folder.mkdir()
            row = opened.exec(select(Adapter).where(Adapter.owner_id == owner)).first()
            row.path = str(folder)
    assert forget(engine, "local", tmp_path) > 10 and not any(left(engine, "local").values())
    assert left(engine, "visitor_1") == before and before["imported"] == 1
    assert not (tmp_path / runs["local"]).exists() and (tmp_path / runs["visitor_1"]).exists()
    assert not brought["local"].exists() and brought["visitor_1"].exists()
    assert forget(engine, "local", tmp_path) == 0


def test_a_visitor_deletes_what_is_theirs_and_nothing_else(engine, tmp_path):
    """Even while the owner's training is active, which reads nothing of a visitor's."""
    visitor, runs = "visitor_" + "0" * 32, {owner: fill(engine, owner) for owner in ("local", "visitor_" + "0" * 32)}
    with write(engine) as opened:
        opened.get_one(TrainingRun, runs["local"]).state = "running"
    waiting = tmp_path / "uploads" / "export_1"
    waiting.mkdir(parents=True)
    mine = left(engine, "local")
    studio = SimpleNamespace(engine=engine, settings=SimpleNamespace(folder=lambda name: tmp_path / name), busy=lambda owner: False)
    panel = SimpleNamespace(studio=studio, door=SimpleNamespace(owner=lambda request: visitor),
                            verbs=SimpleNamespace(noted=lambda id: None, everything=Forgetting(studio).everything))  # fmt: skip
    assert "Nothing was deleted" in ForgetPanel.delete(panel, "", None)[0] and any(left(engine, visitor).values())
    assert "Everything of yours is deleted" in ForgetPanel.delete(panel, "Delete", None)[0]
    assert not any(left(engine, visitor).values()) and left(engine, "local") == mine and waiting.exists()


def test_a_training_that_reads_it_is_stopped_first(engine, tmp_path):
    run = fill(engine, "local")
    with write(engine) as opened:
        opened.get_one(TrainingRun, run).state = "running"
    with pytest.raises(UserError, match="Stop it first"):
        forget(engine, "local", tmp_path)
    with session(engine) as opened:
        assert opened.exec(select(Imported)).one()


def test_the_command_line_asks_for_a_yes(tmp_path, capsys):
    assert cli.main(["forget", "--home", str(tmp_path)]) == 2 and "--yes" in capsys.readouterr().err
    assert cli.main(["forget", "--yes", "--home", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["removed"] == 0
