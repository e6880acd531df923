"""Backups: whole, ten kept, put back all or none while the app goes on; and a way back from a database that is broken."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading

import pytest
from sqlmodel import select
from test_db import _with_a_later_revision

from db import backups, migrate
from db.engine import open_engine, session, write
from db.models import Preference, TrainingRun
from ftapp import cli, config
from ftapp.backends.scripted import ScriptedBackend
from ftapp.errors import Damaged, UserError
from ftapp.studio import Studio
from ftapp.training import lock
from tests.browser import TEXTS
from tests.shelf import choice, pair


@pytest.fixture
def studio(home):
    made = Studio(config.settings(home=home), ScriptedBackend(config.model_spec("bundled"), TEXTS))
    yield made
    made.close()


def chosen(studio):
    with session(studio.engine) as opened:
        return set(opened.exec(select(Preference.id)).all())


def choose(studio, **more):
    with write(studio.engine) as opened:
        return choice(opened, **more).id


def files(studio):
    return [path.name for path in backups.made(studio.backups.folder)]


def test_what_was_backed_up_is_there_again_and_what_stood_instead_is_kept(studio):
    first = choose(studio)
    made = studio.backups.make()
    assert studio.header_counts("local") == {"new_choices": 1}
    later = choose(studio, company="Oak")
    found = studio.backups.restore(studio.backups.named(files(studio)[0]))
    assert chosen(studio) == {first} and found["restored"] == made["file"]
    assert studio.header_counts("local") == {"new_choices": 1}
    third = choose(studio, company="Elm")
    assert chosen(studio) == {first, third}, "the app goes on, on the rows put back"
    studio.backups.restore(studio.backups.named(found["saved"].rpartition("/")[2]))
    assert chosen(studio) == {first, later}
    with session(studio.engine) as opened:
        assert opened.connection().exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert opened.connection().exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_ten_are_kept_and_a_stranger_s_file_is_left_alone(studio):
    (studio.backups.folder / "mine.db").write_text("mine")
    made = [studio.backups.make()["file"] for _ in range(backups.KEPT + 2)]
    assert [row["file"] for row in studio.backups.listing()] == made[: -backups.KEPT - 1 : -1]
    oldest = studio.backups.named(files(studio)[-1])
    studio.backups.restore(oldest)
    assert oldest.exists(), "the one that is put back does not go to make room"
    assert (studio.backups.folder / "mine.db").read_text() == "mine"
    assert not [path for path in studio.backups.folder.iterdir() if path.name.startswith(".")]


def test_a_choice_acknowledged_meanwhile_is_never_between_the_two(studio, monkeypatch):
    """Voters wait while a backup is put back: each choice is in the backup made first, or in what is there afterwards."""
    with write(studio.engine) as opened:
        pairs = [pair(opened, company=f"Oven {number}") for number in range(40)]
    target = studio.backups.make()["file"]
    acknowledged, end = set(), threading.Event()

    def vote():
        for comparison in pairs:
            acknowledged.add(studio.prefer("local", comparison, "left")["receipt"])
            if end.is_set():
                return

    voter = threading.Thread(target=vote)
    voter.start()
    try:
        while len(acknowledged) < 3:
            end.wait(0.01)
        found = studio.backups.restore(backups.Path(target))
    finally:
        end.set()
        voter.join()
    with sqlite3.connect(found["saved"]) as saved:
        before = {row[0] for row in saved.execute("SELECT id FROM preference")}
    assert before and acknowledged <= before | chosen(studio)


@pytest.mark.parametrize("state", ["queued", "running", "stopping"])
def test_a_training_a_writer_and_another_app_are_not_disturbed(studio, state, monkeypatch):
    first, file = choose(studio), studio.backups.make()["file"]
    monkeypatch.setattr(studio.supervisor, "poll", lambda: True)  # there is no trainer to ask
    with write(studio.engine) as opened:
        run = TrainingRun(owner_id="visitor_1", recipe="r", method="dpo", scope="letter", state=state, base_id="b", base_hash="h")
        opened.add(run)
    with pytest.raises(UserError, match="A training is active"):
        studio.backups.restore(backups.Path(file))
    monkeypatch.setattr(studio, "busy", lambda: True)
    with pytest.raises(UserError, match="Letters are being written"):
        studio.backups.restore(backups.Path(file))
    monkeypatch.undo()
    with lock.hold(studio.settings.home / "supervisor.lock"), pytest.raises(UserError, match="Another ftapp is open"):
        studio.backups.restore(backups.Path(file))
    assert chosen(studio) == {first} and len(files(studio)) == 1


def test_what_is_no_sound_backup_of_ftapp_changes_nothing(studio, tmp_path):
    first, good = choose(studio), studio.backups.make()["file"]
    torn, text, other, gone = (tmp_path / name for name in ("torn.db", "text #1%.db", "other.db", "gone.db"))
    torn.write_bytes(open(good, "rb").read()[:-5000])
    text.write_text("Dear team")
    with sqlite3.connect(other) as made:
        made.execute("CREATE TABLE cake (id)")
    for file, said in ((torn, "no sound backup"), (text, "no sound backup"), (other, "not one of ftapp"), (gone, "no file")):
        with pytest.raises(UserError, match=said):
            studio.backups.restore(file)
    for name in ("../ftapp.db", "mine.db", ""):
        with pytest.raises(UserError, match="no longer there"):
            studio.backups.named(name)
    assert chosen(studio) == {first} and len(files(studio)) == 1


def test_an_older_backup_is_brought_up_to_date_and_a_newer_one_is_refused(studio, tmp_path, monkeypatch):
    older, newer = tmp_path / "older.db", tmp_path / "newer.db"
    first = tmp_path / "first"
    shutil.copytree(migrate.MIGRATIONS, first)
    for later in (first / "versions").glob("*.py"):
        if not later.name.startswith(("0001", "0002", "0003")):
            later.unlink()
    for file, folder in ((older, first), (newer, _with_a_later_revision(tmp_path))):
        monkeypatch.setattr(migrate, "MIGRATIONS", folder)
        engine = open_engine(file)
        migrate.upgrade(engine)
        engine.dispose()
    monkeypatch.undo()
    choose(studio)
    before = older.read_bytes()
    studio.backups.restore(older)
    assert chosen(studio) == set() and migrate.revision(studio.engine) and older.read_bytes() == before
    choose(studio)
    with pytest.raises(UserError, match="newer ftapp"):
        studio.backups.restore(newer)


def test_no_backup_takes_the_place_of_the_database(studio, tmp_path):
    for out in (studio.settings.database, tmp_path):
        with pytest.raises(UserError, match="Name another file"):
            studio.backups.make(out)
    with pytest.raises(UserError, match="No backup could be made"):
        studio.backups.make(tmp_path / "nowhere" / "x.db")


def run(capsys, *argv):
    code = cli.main([*map(str, argv), "--json"])
    said = capsys.readouterr()
    return code, json.loads(said.out.splitlines()[-1]), said


def test_the_command_line_backs_up_lists_and_restores(home, studio, tmp_path, capsys):
    first = choose(studio)
    studio.close()
    out = tmp_path / "away.db"
    assert run(capsys, "backup", "--home", home, "--out", out)[1]["file"] == str(out)
    code, made, said = run(capsys, "backup", "--home", home)
    assert code == 0 and "under runs, are not in it" in said.out
    name = made["file"].rpartition("/")[2]
    assert [row["file"] for row in run(capsys, "backups", "--home", home)[1]["backups"]] == [made["file"]]
    choose(studio, company="Oak")
    studio.engine.dispose()
    assert cli.main(["restore", name, "--home", str(home)]) == 2 and "--yes" in capsys.readouterr().err
    for file in (name, out):
        assert run(capsys, "restore", file, "--yes", "--home", home)[0] == 0
        assert chosen(studio) == {first}
    with lock.hold(home / "supervisor.lock"):
        assert run(capsys, "restore", out, "--yes", "--home", home)[0] == 1


@pytest.mark.parametrize("broken", ["a head of zeros", "a page in the middle", "no database"])
def test_a_broken_database_has_a_way_back(home, studio, capsys, broken):
    first = choose(studio)
    name = studio.backups.make()["file"].rpartition("/")[2]
    studio.close()
    at = studio.settings.database
    whole = at.read_bytes()
    spoilt = {"a head of zeros": bytes(4096) + whole[4096:], "no database": b"Dear team" * 1000,
              "a page in the middle": whole[:8192] + b"\xff" * (len(whole) - 12288) + whole[-4096:]}[broken]  # fmt: skip
    at.write_bytes(spoilt)
    if broken != "a page in the middle":  # else it may open, and be found broken later
        with pytest.raises(Damaged):
            Studio(studio.settings)
        code, told, said = run(capsys, "doctor", "--home", home)
        assert code == 1 and "restore FILE --yes" in told["error"]
    code, told, _ = run(capsys, "restore", name, "--yes", "--home", home)
    assert code == 0, told
    assert open(told["saved"], "rb").read()[:4096] == spoilt[:4096], "what was broken is kept too"
    again = Studio(studio.settings)
    assert chosen(again) == {first}
    again.close()
