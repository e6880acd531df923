"""The database keeps its promises: pragmas, locks between processes, constraints, migrations, backups."""

import multiprocessing
import sqlite3
import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import Session, SQLModel, select

from db import backups, migrate, models
from db import engine as db_engine
from db.engine import journal_mode, open_engine, session, wal_is_safe, write

HEAD = ScriptDirectory(str(migrate.MIGRATIONS)).get_current_head()


@pytest.mark.parametrize(
    ("version", "safe"),
    [((3, 51, 3), True), ((3, 52, 0), True), ((3, 51, 2), False), ((3, 50, 7), True), ((3, 50, 6), False), ((3, 44, 6), True),
     ((3, 44, 5), False), ((3, 45, 9), False), ((3, 40, 1), False)],
)  # fmt: skip
def test_wal_only_where_it_cannot_lose_a_commit(version, safe):
    assert wal_is_safe(version) is safe


@pytest.mark.parametrize(("safe", "mode", "synchronous"), [(True, "wal", 2), (False, "delete", 3)])
def test_pragmas_in_force(tmp_path, monkeypatch, safe, mode, synchronous):
    monkeypatch.setattr(db_engine, "wal_is_safe", lambda: safe)
    engine = open_engine(tmp_path / "a.db")
    assert journal_mode(engine) == mode
    with engine.connect() as connection:
        got = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("synchronous", "foreign_keys", "busy_timeout")}
    assert got == {"synchronous": synchronous, "foreign_keys": 1, "busy_timeout": 10_000}
    assert (tmp_path / "a.db").stat().st_mode & 0o077 == 0, "other users of the machine must not read it"
    engine.dispose()


def test_a_url_opens_the_same_file(tmp_path):
    open_engine(f"sqlite:///{tmp_path}/a.db").dispose()
    assert (tmp_path / "a.db").exists()


def test_migrations_make_exactly_the_tables_of_the_models(engine):
    with engine.connect() as connection, pytest.warns(Warning, match="expression"):
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), SQLModel.metadata) == []
    made = SQLModel.metadata.tables.keys()
    assert set(inspect(engine).get_table_names()) == {*made, "alembic_version"}


def test_migrations_and_models_agree_on_checks_and_partial_indexes(engine, tmp_path):
    other = open_engine(tmp_path / "other.db")
    SQLModel.metadata.create_all(other)

    def rules(of):
        with of.connect() as connection:
            made = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql LIKE '%CHECK%' OR name LIKE 'one_%'").all()
        kept = {name: [line for line in sql.splitlines() if "CHECK" in line or "UNIQUE" in line] for name, sql in made}
        return {name: sorted(" ".join(line.split()).rstrip(",") for line in lines) for name, lines in kept.items()}

    assert rules(engine) == rules(other)
    assert {"one_preference", "one_active_run", "one_live_adapter"} <= rules(engine).keys()
    other.dispose()


def test_every_table_has_an_owner_and_a_time():
    for table in SQLModel.metadata.tables.values():
        assert not table.c.owner_id.nullable and not table.c.created_at.nullable, table.name


def _run(owner="a", state="queued"):
    return models.TrainingRun(owner_id=owner, state=state, recipe="r", method="dpo", scope="all", base_id="b", base_hash="h")


def _adapter(owner="a", base="b", state="live"):
    return models.Adapter(owner_id=owner, base_id=base, base_hash="h", scope="all", state=state, sha256="s", path="p")


@pytest.mark.parametrize("second", ["queued", "running", "stopping"])
def test_one_active_run_in_a_home_whoever_owns_it(engine, second):
    with write(engine) as opened:
        opened.add(_run("a", "running"))
        opened.add(_run("a", "succeeded"))
    with pytest.raises(IntegrityError), write(engine) as opened:
        opened.add(_run("b", second))
    with write(engine) as opened:
        opened.add(_run("b", "interrupted"))


def test_one_live_adapter_for_an_owner_and_a_base(engine):
    with write(engine) as opened:
        opened.add_all([_adapter(), _adapter(base="c"), _adapter(owner="z"), _adapter(state="retired")])
    with pytest.raises(IntegrityError), write(engine) as opened:
        opened.add(_adapter())


DIARY = models.Document(owner_id="a", kind="diary", text="", text_hash="")


@pytest.mark.parametrize("row", [_run(state="done"), _adapter(state="best"), DIARY])
def test_checks_refuse_unknown_states(engine, row):
    with pytest.raises(IntegrityError, match="CHECK"), write(engine) as opened:
        opened.add(row)


def test_foreign_keys_hold(engine):
    with pytest.raises(IntegrityError, match="FOREIGN"), write(engine) as opened:
        opened.add(models.RunPair(run_id="run_none", preference_id="prf_none", owner_id="a"))


def test_times_come_back_as_utc(engine):
    with write(engine) as opened:
        opened.add(row := _run())
    with session(engine) as opened:
        again = opened.get_one(models.TrainingRun, row.id)
    assert again.created_at == row.created_at and again.created_at.utcoffset().total_seconds() == 0
    assert again.ended_at is None


def test_an_error_leaves_nothing_behind(engine):
    with pytest.raises(RuntimeError), write(engine) as opened:
        opened.add(_run())
        opened.flush()
        raise RuntimeError
    with session(engine) as opened:
        assert opened.exec(select(models.TrainingRun)).all() == []


def _read_then_add(opened):
    number = len(opened.exec(select(models.Document.id)).all())
    opened.add(models.Document(owner_id="a", kind="resume", text=str(number), text_hash="h"))


def _add_many(path, count, together, failures):
    """Read, then write, as a careless writer would; both processes begin each turn at once."""
    engine = open_engine(path)
    failed = 0
    for _ in range(count):
        together.wait(60)
        try:
            with Session(db_engine.writer(engine)) as opened:
                _read_then_add(opened)
                opened.commit()
        except OperationalError:
            failed += 1
    engine.dispose()
    failures.put(failed)


def test_two_processes_may_read_then_write(engine, home):
    spawn = multiprocessing.get_context("spawn")
    together, failures = spawn.Barrier(2), spawn.Queue()
    processes = [spawn.Process(target=_add_many, args=(home / "ftapp.db", 60, together, failures)) for _ in range(2)]
    for process in processes:
        process.start()
    failed = [failures.get(timeout=90) for _ in processes]
    for process in processes:
        process.join(30)
    with session(engine) as opened:
        texts = [int(text) for text in opened.exec(select(models.Document.text))]
    assert failed == [0, 0]
    assert sorted(texts) == list(range(120)), "every writer saw what the one before had written"


def test_with_a_plain_begin_the_same_work_fails(engine, home, monkeypatch):
    """Each has read: with a write-ahead log the later commit is from a stale view, without one the earlier waits for ever."""
    monkeypatch.setattr(db_engine, "BUSY_MILLISECONDS", 100)
    impatient, failed = open_engine(home / "ftapp.db"), 0
    with Session(impatient) as first, Session(impatient) as second:
        _read_then_add(first)
        _read_then_add(second)
        for opened in (second, first):
            try:
                opened.commit()
            except OperationalError:
                opened.rollback()
                failed += 1
    impatient.dispose()
    assert failed == 1


def test_a_commit_survives_kill_9(home, engine):
    code = (
        "import os, signal, sys\nfrom db.engine import open_engine, write\nfrom db.models import Document\n"
        "with write(open_engine(sys.argv[1])) as s: s.add(Document(owner_id='a', kind='resume', text='kept', text_hash='h'))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(home / "ftapp.db")], check=False)
    with session(engine) as opened:
        assert opened.exec(select(models.Document.text)).all() == ["kept"]


def test_an_update_makes_a_backup_first_and_a_new_home_needs_none(tmp_path, home, monkeypatch):
    fresh = open_engine(home / "new.db")
    assert migrate.upgrade(fresh, home / "backups") is None
    with write(fresh) as opened:
        opened.add(models.Document(owner_id="a", kind="resume", text="kept", text_hash="h"))
    assert migrate.upgrade(fresh, home / "backups") is None, "nothing to do, nothing to save"

    later = _with_a_later_revision(tmp_path)
    monkeypatch.setattr(migrate, "MIGRATIONS", later)
    saved = migrate.upgrade(fresh, home / "backups")
    assert migrate.revision(fresh) == "later" and "colour" in {c["name"] for c in inspect(fresh).get_columns("document")}
    with sqlite3.connect(saved) as copy:
        assert copy.execute("SELECT text FROM document").fetchall() == [("kept",)]
        assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == (HEAD,)
    assert saved.stat().st_mode & 0o077 == 0
    monkeypatch.undo()
    with pytest.raises(migrate.NewerDatabase):
        migrate.upgrade(fresh)
    fresh.dispose()


def test_a_migration_that_fails_changes_nothing(tmp_path, engine, monkeypatch):
    monkeypatch.setattr(migrate, "MIGRATIONS", _with_a_later_revision(tmp_path, "    raise RuntimeError('half way')\n"))
    with pytest.raises(RuntimeError, match="half way"):
        migrate.upgrade(engine)
    assert migrate.revision(engine) == HEAD
    assert "colour" not in {c["name"] for c in inspect(engine).get_columns("document")}


def _with_a_later_revision(tmp_path, more=""):
    import shutil

    folder = tmp_path / "migrations"
    shutil.copytree(migrate.MIGRATIONS, folder)
    (folder / "versions" / "later.py").write_text(
        f'import sqlalchemy as sa\nfrom alembic import op\nrevision = "later"\ndown_revision = "{HEAD}"\n\n\ndef upgrade():\n'
        '    with op.batch_alter_table("document", recreate="always") as table:\n'
        '        table.add_column(sa.Column("colour", sa.String()))\n' + more
    )
    return folder


def test_two_apps_that_start_at_once_make_one_database(home):
    code = "import sys; from db.engine import open_engine; from db.migrate import upgrade; upgrade(open_engine(sys.argv[1]))"
    started = [subprocess.Popen([sys.executable, "-c", code, str(home / "both.db")], stderr=subprocess.PIPE) for _ in range(3)]
    said = [process.communicate(timeout=60)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], said
    assert migrate.revision(open_engine(home / "both.db")) == HEAD


def test_a_backup_that_is_not_sound_is_refused(engine, home, monkeypatch):
    def torn(source, copy):
        with copy.open("r+b") as file:
            file.truncate(copy.stat().st_size // 2)
        real(source, copy)

    real = backups._verify
    monkeypatch.setattr(backups, "_verify", torn)
    with pytest.raises(backups.BackupFailed):
        backups.backup(engine, home / "backups", "x")
    assert list((home / "backups").iterdir()) == [], "a torn copy must not lie there like a backup"


def test_ids_are_random_and_say_what_they_name():
    made = {models.new_id("cmp") for _ in range(1000)}
    assert len(made) == 1000 and all(len(one) == 20 and one.startswith("cmp_") for one in made)


def test_what_the_first_version_stored_survives_the_second(tmp_path, monkeypatch):
    """0002 rebuilds the table of documents; nothing in it, and nothing that points to it, may be lost."""
    import shutil

    first = tmp_path / "first"
    shutil.copytree(migrate.MIGRATIONS, first)
    for later in (first / "versions").glob("*.py"):
        if not later.name.startswith("0001"):
            later.unlink()
    monkeypatch.setattr(migrate, "MIGRATIONS", first)
    engine = open_engine(tmp_path / "old.db")
    migrate.upgrade(engine)
    row = models.Document(owner_id="a", kind="resume", text="kept", text_hash="h", fields={"a": 1})
    prompt = dict(kind="k", tone="t", words=1, prompt_hash="h", template_hash="h", split_key="s", tokens=1, resume_document_id=row.id)
    with write(engine) as opened:
        opened.add(row)
        opened.flush()
        opened.add(asked := models.Prompt(owner_id="a", **prompt))
        opened.flush()
        old = ("a", models.now().isoformat(" "), "let_1", asked.id, "Dear", 1, "b", "h", 1, "{}", 1, "[7]", 1.0)  # 0004 adds a column
        opened.connection().exec_driver_sql(
            "INSERT INTO letter (owner_id, created_at, id, prompt_id, text, finished, base_id, base_hash, seed, sampling, tokens,"
            f" token_ids, seconds) VALUES ({', '.join('?' * len(old))})", old,
        )  # fmt: skip
    monkeypatch.undo()
    migrate.upgrade(engine)
    with write(engine) as opened:
        assert opened.get_one(models.Document, row.id).fields == {"a": 1}
        assert opened.exec(select(models.Prompt.resume_document_id)).all() == [row.id]
        letter = opened.get_one(models.Letter, "let_1")
        assert (letter.text, letter.token_ids, letter.stripped) == ("Dear", [7], [])
        opened.add(models.Document(owner_id="a", kind="document", text="", text_hash=""))
    engine.dispose()
