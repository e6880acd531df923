"""What a deletion reaches beside the tables: run folders that are damaged or that no row knows, voices, trials, what is being written."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from db import closure
from db.engine import session, write
from db.models import Adapter, TrainingRun
from ftapp import adapters, config, examples, forgetting_files, preferences, trials, voice, voice_report
from ftapp.errors import UserError
from ftapp.forgetting import Forgetting
from ftapp.streams import Stream
from ftapp.studio import Studio
from ftapp.training import lock, plan, run
from tests.test_forgetting_one import ME, places, resume_of, told, trained


@pytest.mark.parametrize("policy", ["off", "delete"])
def test_a_trial_goes_on_against_what_writes_once_its_rival_is_taken_off_duty(studio, policy):
    told("CANARY")(studio)
    guilty = trained(studio)
    with write(studio.engine) as opened:
        adapters.promote(opened, ME, guilty, "bundled")
    tried = trained(studio, rows=[])
    with write(studio.engine) as opened:
        trials.begin(opened, ME, tried)
    Forgetting(studio).forget(ME, "resume", resume_of(studio, "CANARY"), policy)
    with session(studio.engine) as opened:
        assert adapters.live_id(opened, ME, "bundled") == "starter"
        going = trials.running(opened, ME, "bundled")
        assert (going.adapter_id, going.rival_id) == (tried, "starter")
        assert opened.get(Adapter, tried).state == "trial"


def test_the_voice_of_an_own_letter_that_goes_is_in_no_run_folder(studio):
    letters = [f"Dear team,\n\nI bake {what} for my street.\n\nYours in CANARY flour,\nSam Ode" for what in ("bread", "rolls", "cakes")]
    given = [examples.Given(letter, "cover_letter", "Baker\nCompany: Oak", "Sam Ode\nBaker") for letter in letters]
    ids = list(studio.examples.store(ME, given).ids)
    studio.examples.keep(ME, ids)
    trained(studio, rows=[])  # from choices, yet measured against the voice
    (file,) = studio.settings.folder("runs").glob("*/base.json")
    run.write_text(file, json.dumps({"id": "bundled", "voice": voice_report.card_values(voice.card(letters))}))
    assert any(at.endswith("base.json") for at in places(studio, "CANARY"))
    Forgetting(studio).forget(ME, "example", ids)
    assert places(studio, "CANARY") == [] and run.read_json(file) == {"id": "bundled", "voice": None}


def test_run_folders_that_no_row_knows_lose_it_too(studio):
    told("CANARY")(studio)
    told("OTHER")(studio)
    trained(studio)
    trained(studio)
    with write(studio.engine) as opened:  # a backup from before the trainings was put back
        closure.remove(opened, closure.pointing_at(opened, {"training_run": set(opened.exec(select(TrainingRun.id)))}))
    Forgetting(studio).forget(ME, "resume", resume_of(studio, "CANARY"))
    assert places(studio, "CANARY") == [] and len([at for at in places(studio, "OTHER") if at.endswith("train.jsonl")]) == 2
    Forgetting(studio).everything(ME)
    assert not list(studio.settings.folder("runs").iterdir())


def test_a_line_that_nobody_can_read_blocks_no_deletion_and_goes(studio):
    told("CANARY")(studio)
    told("OTHER")(studio)
    with session(studio.engine) as opened:
        rows = [plan.as_row(pair) for pair in preferences.pairs(opened, ME)]
    trained(studio, rows=rows)
    (file,) = studio.settings.folder("runs").glob("*/train.jsonl")
    whole = file.read_bytes().splitlines(keepends=True)
    (mine,) = [line for line in whole if b"CANARY" in line]
    file.write_bytes(b"".join(line for line in whole if line != mine) + mine[: len(mine) // 2] + b"\xff\n[1]\n")
    (file.parent / "report.json").write_text('{"letters": [{"after": "CANARY')
    Forgetting(studio).forget(ME, "resume", resume_of(studio, "CANARY"))
    assert places(studio, "CANARY") == [] and "OTHER" in file.read_text(encoding="utf-8")


def test_nothing_goes_while_it_is_being_written_from(studio):
    told("CANARY")(studio)
    studio._streams["cmp_1"] = Stream(ME)
    for delete in (lambda: Forgetting(studio).forget(ME, "resume", resume_of(studio, "CANARY")), lambda: Forgetting(studio).everything(ME)):
        with pytest.raises(UserError, match="Letters are being written"):
            delete()
    assert places(studio, "CANARY")
    studio._streams["cmp_1"] = Stream("visitor_1")
    Forgetting(studio).forget(ME, "resume", resume_of(studio, "CANARY"))
    assert places(studio, "CANARY") == [], "another's letters are made of another's texts"


def test_what_one_deletion_left_to_do_outlives_the_next(studio, monkeypatch):
    told("CANARY")(studio)
    told("SECOND")(studio)
    trained(studio)
    monkeypatch.setattr(forgetting_files, "finish", lambda home, standing: False)  # killed after the commit
    Forgetting(studio).forget(ME, "resume", resume_of(studio, "CANARY"))
    monkeypatch.undo()
    Forgetting(studio).forget(ME, "resume", resume_of(studio, "SECOND"))
    assert places(studio, "CANARY") == [] == places(studio, "SECOND") and not (studio.settings.home / forgetting_files.PENDING).exists()


def test_the_folder_of_an_adapter_that_still_has_its_row_stays(studio):
    """The commit failed, or another deletion has not come to it yet."""
    made, home = trained(studio, rows=[]), studio.settings.home
    (weights,) = home.glob("runs/*/adapter")
    forgetting_files.begin(home, ME, [], 30, folders=[weights])
    standing = lambda: adapters.standing(studio.engine, studio.settings.folder("runs"))  # noqa: E731
    assert forgetting_files.finish(home, standing) and weights.is_dir()
    with write(studio.engine) as opened:
        Forgetting._discard(opened, ME, [made])
    assert forgetting_files.finish(home, standing)
    assert not weights.exists() and not forgetting_files.finish(home, standing)


@pytest.mark.parametrize("missing", ["train.jsonl", "eval.jsonl", ""])
def test_letters_go_from_reports_of_a_training_whose_files_are_gone(studio, missing):
    """A backup, which has no run folders, was put back elsewhere; or somebody tidied by hand."""
    told("CANARY")(studio)
    trained(studio, texts=("CANARYbefore", "CANARYafter"))
    (folder,) = studio.settings.folder("runs").glob("run_*")
    (folder / ".report.json.tmp").write_text("CANARY")  # the plug was pulled
    (folder / missing).unlink() if missing else shutil.rmtree(folder)
    Forgetting(studio).forget(ME, "resume", resume_of(studio, "CANARY"))
    assert places(studio, "CANARY") == [] and not (folder / missing).is_file()


def test_an_adapter_that_no_row_knows_goes_with_what_taught_it(studio):
    told("CANARY")(studio)
    made = trained(studio)
    cut_off = trained(studio)
    with write(studio.engine) as opened:  # its training was killed after publishing
        folder = Path(opened.get(Adapter, cut_off).path)
        run_id = opened.get(Adapter, cut_off).run_id
        Forgetting._discard(opened, ME, [cut_off])
        opened.get(TrainingRun, run_id).state = "interrupted"
    with write(studio.engine) as opened:
        opened.get(Adapter, made).path = f"/elsewhere/{made}"  # a home that was moved is known by its runs
    (folder.parent / ".adapter.new").mkdir()
    Forgetting(studio).forget(ME, "resume", resume_of(studio, "CANARY"), "keep")
    assert not folder.exists() and not (folder.parent / ".adapter.new").exists()
    assert len(list(studio.settings.folder("runs").glob("*/adapter"))) == 1, "one that has its row is the policy's business"


def test_a_deletion_that_was_cut_off_dates_the_backups_too(studio, monkeypatch):
    told("CANARY")(studio)
    told("SECOND")(studio)
    studio.backups.make()
    for mark, purge in (("CANARY", False), ("SECOND", True)):
        monkeypatch.setattr(forgetting_files, "finish", lambda home, standing: False)  # killed after the commit
        Forgetting(studio).forget(ME, "resume", resume_of(studio, mark), purge=False) if not purge else _forget_killed(studio, mark)
        monkeypatch.undo()
        again = Studio(config.settings(home=studio.settings.home), studio.backend())
        again.close()
        days = config.app_config().forgotten_backup_days
        due = (datetime.now(UTC) + timedelta(days=days)).date().isoformat()
        assert purge or forgetting_files.due(studio.backups.folder, []) == due
    assert places(studio, "CANARY", but=()) == [] == places(studio, "SECOND", but=()), "the second asked for them to go now"


def _forget_killed(studio, mark):
    """Cut off before the backups go, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forgetting_files, "purge", lambda folder, before=None: 0)
        Forgetting(studio).forget(ME, "resume", resume_of(studio, mark), purge=True)


def test_what_a_killed_backup_and_a_killed_restore_left_goes_with_the_backups(studio):
    told("CANARY")(studio)
    studio.backups.make()
    folder = studio.backups.folder
    (folder / ".by-hand-20300101T000000000000.db.tmp").write_text("CANARY")
    (folder / ".restore-x").mkdir()
    (folder / ".restore-x" / "fresh.db").write_text("CANARY")
    done = Forgetting(studio).forget(ME, "resume", resume_of(studio, "CANARY"), purge=True)
    assert done["purged"] == 3 and places(studio, "CANARY", but=()) == []
    stale, fresh = folder / ".by-hand-20300102T000000000000.db.tmp", folder / ".by-hand-20300103T000000000000.db.tmp"
    for path, age in ((stale, 7200), (fresh, 60)):
        path.write_text("x")
        os.utime(path, (time.time() - age,) * 2)
    studio.backups.make()
    assert not stale.exists() and fresh.exists(), "another process may be writing it"


def test_a_deletion_waits_for_the_one_before_it_and_no_row_is_locked_meanwhile(studio, monkeypatch):
    told("CANARY")(studio)
    told("SECOND")(studio)
    trained(studio)
    began, waited, real = threading.Event(), [], adapters.standing

    def standing(engine, runs):  # the first one has committed, and reads which folders stay
        began.set()
        time.sleep(0.5)
        return real(engine, runs)

    def second():
        began.wait(20)
        waited.append(Forgetting(studio).forget(ME, "resume", resume_of(studio, "SECOND"))["removed"])

    monkeypatch.setattr(adapters, "standing", standing)
    other = threading.Thread(target=second)
    other.start()
    Forgetting(studio).forget(ME, "resume", resume_of(studio, "CANARY"), "delete")
    with write(studio.engine):
        assert not waited
    other.join(30)
    assert waited and places(studio, "CANARY") == [] == places(studio, "SECOND")
    with lock.hold(studio.settings.home / "forgetting.lock"), pytest.raises(UserError, match="Another deletion"):
        monkeypatch.setattr(forgetting_files, "WAIT_SECONDS", 0.1)
        Forgetting(studio).everything(ME)
