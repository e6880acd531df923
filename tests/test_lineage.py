"""Where a version comes from, what was written by two of them for the same jobs, and what stands on the screen of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from db.engine import session, write
from db.models import Adapter, Evaluation, TrainingRun
from ftapp import adapters, cli, config, letters, lineage
from ftapp.errors import NotFound, UserError
from ftapp.lineage import Lineage
from ftapp.ui import lineage as screen
from tests.browser import TEXTS
from tests.shelf import SOME_ADAPTER, adapter, choice

ME = "local"


def taught(studio, parent=None, **report):
    """An adapter with a run, a report and files."""
    with write(studio.engine) as opened:
        id = adapter(opened, parent=parent)
        row = opened.get_one(Adapter, id)
        folder = studio.settings.folder("runs") / row.run_id / "adapter"
        folder.mkdir(parents=True)
        (folder / "adapter_model.safetensors").write_bytes(b"w" * 5000)
        recipe = config.recipe("dpo_bundled").model_dump()
        (folder.parent / "recipe.yaml").write_text(json.dumps(recipe))  # JSON is YAML
        row.path = str(folder)
        opened.get_one(TrainingRun, row.run_id).report = report
        opened.add(row)
        return id


def test_a_story_tells_parents_counts_gate_and_who_let_it_write(studio):
    first = taught(studio, "starter", train_pairs=41, held_out_pairs=9, held_out={"sentence": "Right for 7 of 9."})
    second = taught(studio, first, plan={"kept": 60, "held_out": 12})
    with write(studio.engine) as opened:
        adapters.promote(opened, ME, first, "bundled")
        adapters.rollback(opened, ME, "bundled")
        gate = {"passed": True, "rules": [{"title": "Relevance", "sentence": "as good."}, {"sentence": "Whole."}, "odd"]}
        opened.add(Evaluation(owner_id=ME, adapter_id=second, values={"gate": gate}))
    told = {row["id"]: row for row in Lineage(studio).listing(ME)}
    assert told[second]["parents"] == [first, "starter"] and told[first]["parents"] == ["starter"]
    assert (told[first]["learned"], told[first]["checked"], told[second]["learned"]) == (41, 9, 60)
    assert told[first]["bytes"] == 5000 and told[first]["settings"]["learning_rate"] > 0
    assert told[first]["promoted"][0]["by"] == "person" and told[first]["promoted"][0]["undone_at"]
    said = " ".join(lineage.lines(told[second]))
    assert "Relevance: as good. Whole." in said and f"{first}, on top of the starter" in said and "Let write" not in said
    with session(studio.engine) as opened, pytest.raises(NotFound):
        lineage.story(opened, "visitor_1", first)


def test_two_versions_write_the_same_held_out_jobs(studio):
    held = [name for name in (f"Firm {n}" for n in range(60)) if letters.held_out(letters.split_key(name))][:3]
    with write(studio.engine) as opened:
        for name in (*held, "Elsewhere"):
            choice(opened, company=name)
    found = list(Lineage(studio).compare(ME, "none", "starter"))
    assert len(found) == lineage.JOBS and not any(pair["stored"] for pair in found)
    assert [pair["title"] for pair in found[:3]] == [f"Baker at {name}" for name in reversed(held)]
    assert all({pair["one"], pair["other"]} <= {text for both in TEXTS.values() for text in both} for pair in found)
    with pytest.raises(UserError, match="Choose two"):
        list(Lineage(studio).compare(ME, "starter", "starter"))
    with pytest.raises(NotFound):
        list(Lineage(studio).compare(ME, "starter", "adp_0000000000000000"))


def test_what_a_report_holds_is_not_written_again(studio, monkeypatch):
    studio.backend().base_hash = "h" * 64
    made = taught(studio, "starter", letters=[{"before": "old", "after": "new", "before_finished": True, "after_finished": False}])
    monkeypatch.setattr(lineage, "both", lambda *_: {"one": "a", "other": "b", "finished": (True, True)})
    pair, *others = Lineage(studio).compare(ME, made, "starter")
    assert (pair["one"], pair["other"], pair["finished"], pair["stored"]) == ("new", "old", (False, True), True)
    assert len(others) == lineage.JOBS - 1 and {row["stored"] for row in others} == {False}, "what is missing is written now"


def test_win_rates_have_intervals_and_the_screen_escapes(studio):
    with write(studio.engine) as opened:
        for n in range(6):
            choice(opened, verdict="right", company=f"F {n}")
    found = Lineage(studio).strengths(ME)
    (pair,) = found["pairs"]
    assert pair["wins"] == 6 and pair["low"] < pair["chance"] < pair["high"]
    assert "likely between" in screen.rates(found) and "stand here once" in screen.rates({"pairs": []})
    shown = screen.side_by_side([{"title": "<b>", "one": "<script>", "other": "x", "finished": (True, True)}], ("none", "starter"))
    assert "<script>" not in shown and "<b>" not in shown


def test_win_rates_are_of_the_present_model(studio):
    with write(studio.engine) as opened:
        for n in range(6):
            choice(opened, verdict="right", company=f"F {n}")
            choice(opened, verdict="left", company=f"G {n}", base_id="another model", adapter=replace(SOME_ADAPTER, id="adp_of_another"))
    (pair,) = Lineage(studio).strengths(ME)["pairs"]
    assert pair["wins"] + pair["losses"] == 6 and "adp_of_another" not in (pair["one"], pair["other"])


def test_the_command_line_tells_it(studio, capsys):
    made = taught(studio, train_pairs=4)
    studio.close()
    assert cli.main(["adapter", "show", made, "--home", str(studio.settings.home)]) == 0
    assert "Taught from 4 choices" in capsys.readouterr().out
    assert cli.main(["adapter", "show", "adp_none", "--home", str(studio.settings.home)]) == 1
