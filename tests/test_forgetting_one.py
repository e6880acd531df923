"""Delete means delete: what is deleted is searched for in the bytes of every file of the home, and what was not is still there."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import gradio as gr
import pytest
from sqlmodel import select

from db import backups
from db.engine import scrub, session, write
from db.models import Adapter, Comparison, Document, Evaluation, Example, Imported, Labeler, Letter, Preference, Promotion, TrainingRun
from ftapp import adapters, cli, config, examples, forgetting, forgetting_files, formats, imported, letters, lineage, preferences, queue
from ftapp.backends.pair import Row, Sampling
from ftapp.documents import PlainText, read_text
from ftapp.errors import NotFound, UserError
from ftapp.example_readers import Given
from ftapp.forgetting import Forgetting
from ftapp.profiles import parse_job, parse_resume
from ftapp.prompts import build
from ftapp.studio import Studio
from ftapp.training import plan, run
from ftapp.ui.forget import ForgetPanel
from ftapp.ui.owner import Door
from tests.shelf import SOME_ADAPTER

ME = "local"


def told(mark, labeler=None, edited=None):
    """Write and judge a pair whose résumé, posting and letters all hold `mark`; returns the choice's receipt."""

    def into(studio):
        resume, job = f"Sam {mark}cv\nBaker\n\nSkills\nsourdough", f"Baker\nCompany: {mark}firm\n\nRequirements\n- Early hours"
        me, posting = parse_resume(resume), parse_job(job)
        texts, key = (PlainText(job), PlainText(resume)), letters.split_key(posting.company)
        draft = letters.Draft(*texts, posting, me, "plain", build(me, posting), key)
        rows, texts = (Row(None, 1), Row(SOME_ADAPTER, 2)), (f"Dear {mark}left, I bake.", f"Dear {mark}right, I cook.")
        made = letters.Written("bundled", "h" * 64, rows, texts, (True, True), ((5, 6), (5, 7)), Sampling(), 1.5, True)
        with write(studio.engine) as opened:
            pair = letters.save_pair(opened, ME, letters.save_prompt(opened, ME, draft), made)
            edit = {"edited": edited, "edited_from": "left"} if edited else {}
            return preferences.record(opened, ME, pair, "left", labeler=labeler, **edit).receipt

    return into


def trained(studio, texts=("before", "after"), parent=None, rows=None):
    """A succeeded run on everything there is, with its folder, report, log and adapter; returns the adapter's id."""
    with write(studio.engine) as opened:
        if rows is None:
            rows = [plan.as_row(pair) for pair in preferences.pairs(opened, ME)]
        report = {"adapter_sha256": "a" * 64, "held_out": {"pairs": 1, "sentence": "fine"}, "voice": {"letters": [{"after": texts[1]}]},
                  "letters": [{"before": texts[0], "after": texts[1]}]}  # fmt: skip
        row = TrainingRun(owner_id=ME, recipe="dpo_bundled", method="dpo", scope="letter", state="succeeded", base_id="bundled",
                          base_hash="h" * 64, report=report, parent_adapter_id=parent)  # fmt: skip
        opened.add(row)
        opened.flush()
        folder = run.create(studio.settings.folder("runs") / row.id, {"name": "r", "method": "dpo"}, {"id": "bundled"}, rows, rows[:1])
        run.write_text(folder / "report.json", json.dumps(report))
        run.write_text(folder / "trainer.log", f"ValueError: {texts[1]}")
        (folder / "adapter").mkdir()
        (folder / "adapter" / "adapter_model.safetensors").write_bytes(b"weights")
        made = adapters.register(opened, row, folder / "adapter", "a" * 64)
        opened.add(Evaluation(owner_id=ME, run_id=row.id, adapter_id=made.id, values={"letters": report["letters"], "curve": "fine"}))
        return made.id


def places(studio, mark, but=("backups",)):
    """The files of the home that hold `mark`, in their bytes."""
    home = studio.settings.home
    files = [path for path in home.rglob("*") if path.is_file() and path.relative_to(home).parts[0] not in but]
    return sorted(path.relative_to(home).as_posix() for path in files if mark.encode() in path.read_bytes())


def only(studio, table, **where):
    with session(studio.engine) as opened:
        return [row for row in opened.exec(select(table)).all() if all(getattr(row, name) == value for name, value in where.items())]


def resume_of(studio, mark):
    (found,) = [row for row in only(studio, Document, kind="resume") if mark in row.text]
    return found.id


# ---- what goes, and what stays ----------------------------------------------------------------------------------------


def test_a_resume_leaves_no_byte_behind_and_the_others_stay(studio):
    told("CANARY", edited="Dear CANARYedit, I knead.")(studio)
    told("STAYS")(studio)
    assert studio.examples.store(ME, studio.examples.offers(ME)).ids
    with write(studio.engine) as opened:
        pair = preferences.pairs(opened, ME)[0]
        row = formats.Row("pair", pair.prompt, "CANARYimported", "b")
        imported.add(opened, ME, [("trl", row, row.digest)])
        job, resume = (only(studio, Document, kind=kind)[0].id for kind in ("posting", "resume"))
        queue.add(opened, ME, [(job, resume)], "cover_letter", "plain", 120)
    one = trained(studio, texts=("CANARYbefore", "CANARYafter"))
    waiting = studio.settings.folder("uploads") / "export_x"
    waiting.mkdir()
    (waiting / "ftapp-trl.jsonl").write_text("CANARYexport")
    before = places(studio, "CANARY")
    assert len(before) == 6 and "ftapp.db" in before, before  # train, eval, report, log, export, database
    kept = sum(len(only(studio, table)) for table in (Letter, Preference, Comparison))
    done = Forgetting(studio).forget(ME, "resume", resume_of(studio, "CANARY"))
    assert places(studio, "CANARY") == []
    assert [row["id"] for row in done["adapters"]] == [one] and done["scrubbed"] and done["due"] is None
    assert len(places(studio, "STAYScv")) == 2 and not only(studio, Imported) and not only(studio, Example)
    assert sum(len(only(studio, table)) for table in (Letter, Preference, Comparison)) == kept - 4
    held = run.read_rows(studio.settings.folder("runs") / only(studio, TrainingRun)[0].id / "train.jsonl")
    assert len(held) == 1 and "STAYS" in held[0]["chosen"]
    assert only(studio, TrainingRun)[0].report["held_out"]["sentence"] == "fine"


def test_a_person_goes_with_every_resume_of_theirs_and_own_letters_linked_to_one(studio):
    for mark in ("CANARYold", "CANARYnew", "OTHER"):
        told(mark)(studio)
    given = examples.Given("Dear team,\nI bake CANARYbread.\nSam", "cover_letter", "Baker\nCompany: Oak", "Sam CANARYown\nBaker")
    studio.examples.store(ME, [given])
    with write(studio.engine) as opened:
        for row in opened.exec(select(Document).where(Document.kind == "resume")).all():
            if "CANARY" in row.text:
                row.fields = row.fields | {"name": "ada  canaryname" if "old" in row.text else "Ada Canaryname"}
                opened.add(row)
    other, person = sorted(Forgetting(studio).listing(ME, "person"), key=lambda row: "Canaryname" in row["title"])
    assert person["title"] == "Ada Canaryname (3 résumés)" and other["title"].endswith("(1 résumé)")
    assert Forgetting(studio).plan(ME, "person", resume_of(studio, "CANARYold"))["rows"]["document"] == 6, "any résumé names its person"
    Forgetting(studio).forget(ME, "person", person["id"])
    assert places(studio, "CANARY") == [] == places(studio, "anaryname") and not only(studio, Example)
    assert len(only(studio, Letter)) == 2 and Forgetting(studio).listing(ME, "person") == [other]
    with pytest.raises(NotFound, match="no person"):
        Forgetting(studio).forget(ME, "person", person["id"])


def test_a_letter_takes_its_pair_and_a_labeler_their_choices(studio):
    with write(studio.engine) as opened:
        opened.add(Labeler(id="lab_1", owner_id=ME, name="CANARYname"))
    told("FIRST", labeler="lab_1", edited="Dear CANARYedit, I knead.")(studio)
    told("SECOND")(studio)
    verbs = Forgetting(studio)
    (letter,) = [row for row in only(studio, Letter) if "SECONDleft" in row.text]
    verbs.forget(ME, "letter", letter.id)
    assert places(studio, "SECONDleft") == places(studio, "SECONDright") == places(studio, "SECONDfirm") == []
    assert places(studio, "SECONDcv") == ["ftapp.db"], "the résumé is a thing of its own"
    verbs.forget(ME, "labeler", "lab_1")
    assert places(studio, "CANARY") == [] and not only(studio, Preference)
    assert places(studio, "FIRSTleft") == ["ftapp.db"], "the pair is the owner's"


def test_an_own_example_goes_with_its_posting_and_an_own_letter_outlives_a_resume(studio):
    wrote = ("I bake CANARYbread for you all.", "CANARYfirm", "CANARYown"), (
        "For six years my STAYSletter ovens fed a whole street, and yours may be next.", "Oak", "OTHERcv")  # fmt: skip
    given = [examples.Given(f"Dear team,\n{text}\nSam", "cover_letter", f"Baker\nCompany: {firm}", f"Sam Ode\nBaker {own}")
             for text, firm, own in wrote]  # fmt: skip
    one, other = studio.examples.store(ME, given).ids
    studio.examples.keep(ME, [one, other])
    with session(studio.engine) as opened:
        rows = examples.training_rows(opened, ME)
    assert len(rows) == 2
    made = trained(studio, rows=[{name: row[name] for name in ("id", "prompt", "completion", "split_key")} for row in rows])
    done = Forgetting(studio).forget(ME, "example", one)
    assert places(studio, "CANARY") == [] and [row["id"] for row in done["adapters"]] == [made]
    assert len(places(studio, "STAYSletter")) >= 2
    again = Forgetting(studio).forget(ME, "resume", resume_of(studio, "OTHERcv"))
    assert places(studio, "OTHERcv") == [] and [row.id for row in only(studio, Example)] == [other]
    assert only(studio, Example)[0].resume_document_id is None and again["adapters"]


def test_own_letters_that_are_deleted_in_their_list_leave_nothing_either(studio, capsys):
    given = [examples.Given(f"Dear team,\nI bake CANARY{n} for you all.\nSam", "cover_letter", f"Baker\nCompany: F{n}") for n in range(2)]
    ids = studio.examples.store(ME, given).ids
    trained(studio, rows=[{"id": id, "prompt": [], "completion": f"CANARY{n}", "split_key": "k"} for n, id in enumerate(ids)])
    studio.close()
    assert cli.main(["examples", "delete", *ids, "--home", str(studio.settings.home)]) == 0
    assert places(studio, "CANARY") == [] and "learned from it" in capsys.readouterr().out


# ---- adapters --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", forgetting.POLICIES)
def test_adapters_that_learned_from_it_and_those_taught_from_them(studio, policy):
    told("OLD")(studio)
    innocent = trained(studio)
    told("CANARY")(studio)
    with session(studio.engine) as opened:
        rows = [plan.as_row(pair) for pair in preferences.pairs(opened, ME) if "CANARY" in pair.chosen]
    guilty = trained(studio, rows=rows)
    child = trained(studio, parent=guilty, rows=[])
    for id in (innocent, guilty, child):
        with write(studio.engine) as opened:
            adapters.promote(opened, ME, id, "bundled")
    planned = Forgetting(studio).plan(ME, "resume", resume_of(studio, "CANARY"))
    assert {row["id"]: (row["state"], row["from"]) for row in planned["adapters"]} == {guilty: ("retired", ""), child: ("live", guilty)}
    assert places(studio, "CANARY"), "a plan deletes nothing"
    done = Forgetting(studio).forget(ME, "resume", resume_of(studio, "CANARY"), policy)
    with session(studio.engine) as opened:
        live = adapters.live_id(opened, ME, "bundled")
    assert live == (child if policy == "keep" else innocent) and done["wrote"] == ([] if policy == "keep" else [child])
    left = {row.id for row in only(studio, Adapter)}
    assert left == ({innocent} if policy == "delete" else {innocent, guilty, child})
    weights = list(studio.settings.folder("runs").glob("*/adapter/adapter_model.safetensors"))
    assert len(weights) == len(left)
    with session(studio.engine) as opened:
        marked = {row["id"]: " ".join(lineage.lines(row)) for row in lineage.listing(opened, ME)}
    assert {id for id, said in marked.items() if "Some of what it learned from was deleted on" in said} == left - {innocent}
    assert forgetting_files.without_texts(day := {"forgotten_on": "2030-01-01"}) == day, "a later deletion does not hide an earlier one"
    if policy != "keep":
        with write(studio.engine) as opened:
            assert adapters.rollback(opened, ME, "bundled") == "starter", "no way back leads to them"
        assert not [row for row in only(studio, Promotion) if row.adapter_id in (guilty, child) and row.undone_at is None]


def test_nothing_goes_while_a_training_reads_it_nor_what_is_somebody_else_s(studio):
    told("CANARY")(studio)
    id = resume_of(studio, "CANARY")
    with pytest.raises(NotFound):
        Forgetting(studio).forget("visitor_1", "resume", id)
    with pytest.raises(NotFound):
        Forgetting(studio).plan(ME, "resume", only(studio, Document, kind="posting")[0].id)
    with write(studio.engine) as opened:
        opened.add(TrainingRun(owner_id=ME, recipe="r", method="dpo", scope="letter", state="running", base_id="b", base_hash="h"))
    with pytest.raises(UserError, match="Stop it first"):
        Forgetting(studio).forget(ME, "resume", id)
    assert places(studio, "CANARY")


# ---- free pages, a kill in the middle, backups ---------------------------------------------------------------------------


def test_free_pages_of_an_older_home_are_written_anew(studio):
    told("CANARY")(studio)
    with closing(sqlite3.connect(studio.settings.database, isolation_level=None)) as older:
        older.execute("PRAGMA secure_delete=OFF")
        for table in ("preference", "comparison", "letter", "prompt", "document"):
            older.execute(f"DELETE FROM {table}")
    assert places(studio, "CANARY"), "without protection the bytes stay"
    assert scrub(studio.engine) and places(studio, "CANARY") == []


def test_what_is_deleted_is_overwritten_at_once(studio):
    told("CANARY")(studio)
    with write(studio.engine) as opened:
        opened.connection().exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        for table in ("preference", "comparison", "letter", "prompt", "document"):
            opened.connection().exec_driver_sql(f"DELETE FROM {table}")
    studio.engine.dispose()
    assert places(studio, "CANARY") == []


def test_a_deletion_that_was_cut_off_is_finished_at_the_next_start(studio, monkeypatch):
    told("CANARY")(studio)
    trained(studio)
    monkeypatch.setattr(forgetting_files, "finish", lambda home, standing: False)  # killed after the commit
    Forgetting(studio).forget(ME, "resume", resume_of(studio, "CANARY"))
    assert len(places(studio, "CANARY")) == 2
    monkeypatch.undo()
    again = Studio(config.settings(home=studio.settings.home), studio.backend())
    again.close()
    assert places(studio, "CANARY") == [] and not (studio.settings.home / forgetting_files.PENDING).exists()


def test_backups_go_in_their_time_or_now(studio):
    told("CANARY")(studio)
    studio.backups.make()
    done = Forgetting(studio).forget(ME, "resume", resume_of(studio, "CANARY"))
    days = config.app_config().forgotten_backup_days
    assert done["due"] == (datetime.now(UTC) + timedelta(days=days)).date().isoformat()
    later = studio.backups.make()["file"]
    ledger = studio.backups.folder / forgetting_files.LEDGER
    assert len(studio.backups.listing()) == 2
    assert len(places(studio, "CANARY", but=())) == 1
    entries = json.loads(ledger.read_text())
    ledger.write_text(json.dumps([one | {"due": datetime.now(UTC).isoformat()} for one in entries]))
    assert [row["file"] for row in studio.backups.listing()] == [later], "its time has come"
    assert places(studio, "CANARY", but=()) == [] and json.loads(ledger.read_text()) == []


def test_backups_are_purged_on_demand_and_a_fresh_one_is_made(studio):
    told("CANARY")(studio)
    studio.backups.make()
    aside = studio.backups.folder / "damaged-x"
    aside.mkdir()
    (aside / "ftapp.db").write_text("CANARY")
    done = Forgetting(studio).forget(ME, "resume", resume_of(studio, "CANARY"), purge=True)
    assert done["purged"] == 2 and done["due"] is None
    assert places(studio, "CANARY", but=()) == [] and len(backups.made(studio.backups.folder)) == 1


# ---- the command line ------------------------------------------------------------------------------------------------


def test_the_command_line_lists_plans_and_deletes(studio, capsys):
    told("CANARY")(studio)
    studio.close()
    home = ["--home", str(studio.settings.home), "--json"]

    def ask(*words):
        code = cli.main(["forget", *words, *home])
        return code, json.loads((capsys.readouterr().out.splitlines() or ["{}"])[-1])

    code, found = ask("list", "resume")
    (one,) = found["items"]
    assert code == 0 and one["title"].startswith("Sam")
    assert ask("resume", one["id"], "--plan")[1]["rows"]["letter"] == 2 and places(studio, "CANARY")
    assert ask("resume")[0] == 2 and ask("list", "paper")[0] == 2 and ask("backups")[0] == 2
    assert ask("resume", one["id"], "--adapters", "delete")[1]["policy"] == "delete"
    assert places(studio, "CANARY") == [] and ask("resume", one["id"])[0] == 1
    assert ask("list")[1] == {"items": []}


SLOW = ("I tell my manager first, early in the week, and I bring two ways to get it done. People forgive a late part; they do not "
        "forgive a surprise on Friday.")  # fmt: skip
DROPPED = ("Ask which of the two matters more, write the answer down, and drop the other one openly. A slipping date is a choice that "
           "nobody has made yet, so I make it with the team.")  # fmt: skip


@pytest.mark.parametrize("state", ["in", "left_out"])
def test_what_a_finding_quotes_of_a_deleted_letter_goes_with_it(studio, state):
    asked = "How do you handle slipping deadlines at work as {} only deputy and team lead?"
    for who, said in (("CANARYone's", SLOW), ("CANARYtwo's", DROPPED)):
        studio.examples.add(ME, [Given(said, "answer", asked.format(who))])
    (row,) = [row for row in only(studio, Example) if row.findings]
    if state == "left_out":
        studio.examples.leave_out(ME, [row.id])
    (twin,) = {finding["twin"] for finding in row.findings}
    (other,) = only(studio, Example, id=twin)
    gone = "CANARYone" if other.letter == SLOW else "CANARYtwo"
    assert gone in json.dumps(row.findings)
    assert Forgetting(studio).forget(ME, "example", twin)["scrubbed"]
    assert places(studio, gone) == [] and only(studio, Example)[0].findings == []


def test_a_copy_comes_back_when_the_person_of_the_other_is_deleted(studio):
    for posting in ("Baker\nCompany: Oak Bakery", "Baker\nCompany: Oak Bakery\n\nEarly hours"):
        studio.examples.add(ME, [Given(f"Dear Oak Bakery team,\n\n{SLOW} {DROPPED}\n\nKind regards\nAda", "cover_letter", posting)])
    (first,) = only(studio, Example, state="in")
    with write(studio.engine) as opened:
        person = letters.keep_document(opened, ME, "resume", PlainText("Ada Canary\nBaker"), {"name": "Ada Canary"})
        opened.get_one(Example, first.id).resume_document_id = person
    Forgetting(studio).forget(ME, "person", person)
    (left,) = only(studio, Example)
    assert (left.state, left.findings) == ("in", [])


def test_a_long_list_is_whole_and_the_screen_says_that_it_shows_a_part(studio):
    with write(studio.engine) as opened:
        opened.add_all(Labeler(owner_id=ME, name=f"Labeler {number}") for number in range(201))
    assert len(Forgetting(studio).listing(ME, "labeler")) == 201
    with gr.Blocks():
        shown = ForgetPanel(studio, Door("127.0.0.1"))._shown(ME, "labeler")[0]
    assert len(shown["choices"]) == 200 and "200 newest of 201" in shown["info"]


def test_things_that_can_be_deleted_can_be_told_apart(studio):
    told("CANARY")(studio)
    with write(studio.engine) as opened:
        for text in ("bakes bread\nsince 2001", "mends shoes\nsince 2002"):
            letters.keep_document(opened, ME, "resume", read_text(text, "résumé"), {"name": ""})
    found = Forgetting(studio).listing(ME, "resume")
    titles = [row["title"] for row in found]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", row["at"][:19]) for row in found), "two of a minute, too"
    assert {"no name: bakes bread since 2001…", "no name: mends shoes since 2002…"} < set(titles) and len(titles) == 3
