"""How strong each model is: found again in made-up comparisons, finite where one won everything, and drawn with its interval."""

from __future__ import annotations

import json
import math
import random

import pytest
from shelf import adapter, pair

from db.engine import write
from ftapp import cli, preferences, strength
from ftapp.backends.local import AdapterRef
from ftapp.ui import judging, plots


def games(drawn, one, other, gap, ties, count):
    """Comparisons by Davidson's model itself."""
    a, b = math.exp(gap), 1.0
    weights = (a, b, ties * math.sqrt(a * b))
    return [(one, other, result) for result in drawn.choices(("one", "other", "tie"), weights, k=count)]


def test_known_strengths_are_found_again_inside_their_intervals():
    drawn = random.Random(5)
    played = games(drawn, "adp_1", "base", 0.8, 0.5, 1500) + games(drawn, "adp_2", "adp_1", 0.4, 0.5, 1500)
    found = strength.fit(played)
    by_model = {row["model"]: row for row in found["models"]}
    for name, gap in (("adp_1", 0.8), ("adp_2", 1.2)):
        true = 1 / (1 + math.exp(-gap))
        assert by_model[name]["low"] < true < by_model[name]["high"] and abs(by_model[name]["chance"] - true) < 0.03
    assert found["ties"] == pytest.approx(0.5 / 2.5, abs=0.03)
    between = next(row for row in found["pairs"] if {row["one"], row["other"]} == {"adp_1", "adp_2"})
    assert (between["one"], between["low"] < 1 / (1 + math.exp(-0.4)) < between["high"]) == ("adp_2", True)
    assert between["wins"] + between["losses"] + between["ties"] == 1500
    never_met = next(row for row in found["pairs"] if (row["one"], row["other"]) == ("adp_2", "base"))
    assert never_met["wins"] == 0 and never_met["low"] > 0.5, "known through the one between them"


def test_the_interval_holds_what_it_promises():
    """Of 60 samples of 150 comparisons about 95 % must have the truth inside: at least 50."""
    held = 0
    for seed in range(60):
        row = strength.fit(games(random.Random(seed), "adp", "base", 0.5, 0.4, 150))["models"][1]
        held += row["low"] < 1 / (1 + math.exp(-0.5)) < row["high"]
    assert held >= 50


def test_who_won_everything_is_strong_and_uncertain_not_infinite():
    row = strength.fit([("base", "adp", "other")] * 5)["models"][1]
    assert 0.7 < row["chance"] < 1 and row["low"] < 0.6 and row["high"] > 0.97


@pytest.mark.parametrize("played", [[], [("base", "base", "one")] * 3])
def test_nothing_is_said_without_two_models(played):
    assert strength.fit(played) == {"models": [], "pairs": [], "ties": None}


def test_only_ties_are_even():
    row = strength.fit([("base", "adp", "tie")] * 30)["models"][1]
    assert row["chance"] == pytest.approx(0.5, abs=0.01)


def test_a_plot_tells_its_numbers_in_words_and_escapes_names():
    drawn = plots.intervals("Chosen", [("<b>adp</b>", 0.6, 0.5, 0.7)])
    assert 'role="img"' in drawn and "60 %, likely 50 to 70 %" in drawn and "<b>" not in drawn
    assert plots.intervals("Chosen", []) == ""


def test_the_page_tells_all_of_it_and_scolds_nobody(engine, home, capsys):
    with write(engine) as opened:
        name = adapter(opened)
        ref = AdapterRef(name, home, "a" * 64, "letter")
        for n in range(12):
            comparison = pair(opened, left=f"A{n}", right=f"B{n} and more", company=f"Bakery {n}", adapter=ref)
            preferences.record(opened, "local", comparison, ("right", "right", "left", "tie")[n % 4], seconds=20.0 + n)
        other = pair(opened, left="x", right="y", company="Inn", adapter=ref)
        for who, verdict in (("local", "left"), ("lab_b", "right")):
            preferences.record(opened, "local", other, verdict, labeler=who)
    assert cli.main(["statistics", "--home", str(home), "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["labels"] == 14 and found["models"]["models"][1]["model"] == name and found["disagreements"]
    page = judging.statistics_html(found)
    for said in (name, "By kind of text", "By week", "The longer letter was chosen", "Left was chosen", "To settle", "Who labelled"):
        assert said in page, said
    assert not any(word in page.lower() for word in ("bad labeler", "careless", "wrong!", "unreliable"))


# ---- the command line -----------------------------------------------------------------------------------------


def call(home, capsys, line, code=0):
    assert cli.main([*line.split(), "--home", str(home), "--json"]) == code
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_queue_labelers_and_labels_by_command_line(engine, home, capsys, tmp_path):
    from db.models import QueueItem

    assert call(home, capsys, "queue add --set fictional")["added"] == 40
    assert call(home, capsys, "queue show")["waiting"] == 40
    assert call(home, capsys, "label next")["pair"] is None
    (tmp_path / "rules.md").write_text("Be kind.")
    assert call(home, capsys, f"queue rules --labels 2 --guidelines {tmp_path}/rules.md") == {"guidelines": "Be kind.", "labels_needed": 2}
    assert call(home, capsys, "labelers add Anna")["name"] == "Anna"
    with write(engine) as opened:
        made = pair(opened)
        item = opened.exec(QueueItem.__table__.select().limit(1)).first()
        row = opened.get_one(QueueItem, item.id)
        row.state, row.comparison_id = "ready", made
    shown = call(home, capsys, "label next --labeler anna")["pair"]
    assert shown["id"] == made and "adapter" not in str(shown)
    receipt = call(home, capsys, f"label vote {made} left --labeler Anna --reason too-long")["receipt"]
    assert call(home, capsys, f"label vote {made} left --labeler Anna")["receipt"] == receipt
    assert call(home, capsys, f"label show {receipt}")["reasons"] == ["too_long"]
    changed = call(home, capsys, f"label vote {made} tie --labeler Anna --change {receipt}")["receipt"]
    assert [row["receipt"] for row in call(home, capsys, "label recent --labeler Anna")["recent"]] == [changed]
    assert call(home, capsys, "label undo --labeler Anna")["receipt"] == changed
    assert call(home, capsys, f"label skip {made} --labeler Anna") == {"skipped": made}
    assert call(home, capsys, "label next --labeler Anna")["pair"] is None and call(home, capsys, "label next")["pair"]["id"] == made
    (tmp_path / "mix.txt").write_text("Dear A, mine.")
    assert call(home, capsys, f"label vote {made} tie --edited {tmp_path}/mix.txt --from both")["pairs_added"] == 2
    assert call(home, capsys, "labelers list")["labelers"][0]["name"] == "Anna"
    assert call(home, capsys, "labelers remove Anna") == {"removed": "Anna"}
    assert "no labeler called" in call(home, capsys, "label next --labeler Anna", 1)["error"]
    assert call(home, capsys, "queue clear")["cleared"] == 39
    assert "Either a set or postings" in call(home, capsys, "queue add", 1)["error"]
    assert "no reason" in call(home, capsys, f"label vote {made} left --reason ugly", 1)["error"]
