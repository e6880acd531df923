"""What a deletion reaches beside the tables: run folders that are damaged or that no row knows, voices, trials, what is being written."""

from __future__ import annotations

import json

import pytest
from sqlmodel import select

from db import closure
from db.engine import session, write
from db.models import Adapter, TrainingRun
from ftapp import adapters, examples, forgetting_files, preferences, trials, voice, voice_report
from ftapp.errors import UserError
from ftapp.forgetting import Forgetting
from ftapp.streams import Stream
from ftapp.training import plan, run
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
    forgetting_files.begin(home, [], [], [weights])
    standing = lambda: adapters.standing(studio.engine, studio.settings.folder("runs"))  # noqa: E731
    assert forgetting_files.finish(home, standing) and weights.is_dir()
    with write(studio.engine) as opened:
        Forgetting._discard(opened, ME, [made])
    assert forgetting_files.finish(home, standing)
    assert not weights.exists() and not forgetting_files.finish(home, standing)
