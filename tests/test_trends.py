"""Weeks, falls and the meter of choices: numbers that are known, and rows of a home."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from db.engine import write
from db.models import Letter, Preference
from ftapp import adapters, cli, config, trends
from ftapp.backends.scripted import ScriptedBackend
from ftapp.evaluation import wilson
from ftapp.studio import Studio
from ftapp.ui import trends as screen
from tests.browser import TEXTS
from tests.shelf import SOME_ADAPTER, adapter, choice

START = datetime(2026, 1, 5, tzinfo=UTC)


def at(week, day=0):
    return START + timedelta(weeks=week, days=day)


def series(*means, noise=0.05, letters=6):
    chance = random.Random(3)
    return [(at(week, day % 5), mean + chance.uniform(-noise, noise), None) for week, mean in enumerate(means) for day in range(letters)]


def test_a_fall_is_told_and_noise_or_two_weeks_are_none():
    assert set(trends.fallen(series(0.8, 0.75, 0.7, 0.62), [])) == {"relevance"}
    assert trends.fallen(series(0.8, 0.79, 0.81, 0.8), []) == {} == trends.fallen(series(0.6, 0.7, 0.8), [])
    assert trends.fallen(series(0.9, 0.2), []) == {}, "two weeks are no trend"
    lost = [(at(week, day), float(day >= 2 * week)) for week in range(4) for day in range(6)]
    found = trends.fallen([], lost)["choices"]
    assert found["a_week"] > 0.2 and found["last"] < found["first"]


def test_chance_alone_seldom_looks_like_a_fall():
    chance = random.Random(1)
    told = sum(bool(trends.fallen([], [(at(week, day), float(chance.random() < 0.6)) for week in range(5) for day in range(6)]))
               for _ in range(400))  # fmt: skip
    assert told <= 0.05 * 400  # one-sided 2.5 % by construction


def test_weeks_hold_their_letters_and_choices():
    scored, chosen = [(at(0), 0.5, 1.0), (at(0, 1), 0.7, None), (at(1), None, 0.5)], [(0, 1.0), (0, 0.0), (0, 0.5), (2, 1.0)]
    rows = trends.weekly(scored, [(at(week), won) for week, won in chosen])
    assert [(row["week"], row["letters"], row["wins"], row["losses"], row["ties"]) for row in rows] == [
        ("2026, week 02", 2, 1, 1, 1), ("2026, week 03", 1, 0, 0, 0), ("2026, week 04", 0, 1, 0, 0)]  # fmt: skip
    assert rows[0]["relevance"] == pytest.approx(0.6) and rows[1]["relevance"] is None and rows[1]["structure"] == 0.5


@pytest.mark.parametrize(("wins", "decided"), [(1, 1), (0, 4), (12, 20), (60, 60), (300, 700)])
def test_so_many_more_choices_halve_the_interval_and_one_fewer_does_not(wins, decided):
    found = trends.enough(wins, decided)
    low, high = wilson(wins, decided)
    assert (found["low"], found["high"]) == (low, high) and str(found["more"]) in found["sentence"]

    def width(more):
        one, other = wilson(wins / decided * (decided + more), decided + more)
        return other - one

    assert width(found["more"]) <= (high - low) / 2 < width(found["more"] - 1)
    assert trends.enough(0, 0)["more"] is None


def test_thirty_new_choices_or_a_fall_suggest_another_training():
    least = config.app_config().retrain_choices
    assert least == 30 and trends.suggestion({}, least - 1) == ""
    assert f"{least} new choices" in trends.suggestion({}, least)
    assert "from 80 to 62 %" in trends.suggestion({"relevance": {"a_week": 0.06, "first": 0.8, "last": 0.62}}, 0)


def test_a_home_in_which_the_base_writes_is_told_of_it(home):
    """So it is in the first trial on every model but the bundled one."""
    studio = Studio(config.settings(home=home), ScriptedBackend(config.model_spec("bundled"), TEXTS))
    try:
        with write(studio.engine) as opened:
            adapters.promote(opened, "local", "none", "bundled")
            for number in range(30):
                choice(opened, verdict="right" if number % 3 else "left", company=f"Firm {number}")
            choice(opened, company="Elsewhere", base_id="another model")
        told = trends.Trends(studio).told("local")
        (week,) = told["weeks"]
        assert (told["adapter"], week["wins"], week["losses"], week["letters"]) == ("none", 10, 20, trends.A_WEEK)
        assert told["enough"]["decided"] == 30 and f"the {trends.A_WEEK} newest letters" in screen.weeks(told["weeks"])
    finally:
        studio.close()


def test_a_home_is_told_of_its_live_adapter_only(home, capsys):
    studio = Studio(config.settings(home=home), ScriptedBackend(config.model_spec("bundled"), TEXTS))
    try:
        with write(studio.engine) as opened:
            live = adapter(opened)
            adapters.promote(opened, "local", live, "bundled")
            mine = SOME_ADAPTER.__class__(live, SOME_ADAPTER.path, SOME_ADAPTER.sha256, "letter")
            for week in range(3):
                for number, verdict in enumerate(["right", "right", "left", "tie"]):
                    made = choice(opened, verdict=verdict, company=f"Firm {week} {number}", adapter=mine)
                    made.created_at = at(week)
                    opened.add(opened.merge(made))
            choice(opened, verdict="right", company="Elsewhere")  # another adapter's letter
            for letter in opened.exec(trends.select(Letter)).all():
                letter.created_at = at(1)
                opened.add(letter)
        told = trends.Trends(studio).told("local")
        assert told["adapter"] == live and sum(row["letters"] for row in told["weeks"]) == 12
        assert [row["wins"] for row in told["weeks"]] == [2, 2, 2] and (told["enough"]["wins"], told["enough"]["decided"]) == (6, 9)
        assert told["new_choices"] == 10 and told["sentence"] == "" and all(row["structure"] is not None for row in told["weeks"][1:2])
        with write(studio.engine) as opened:
            assert opened.exec(trends.select(Preference)).first()
    finally:
        studio.close()
    assert cli.main(["trends", "--home", str(home)]) == 0 and "6 of 9 decided" in capsys.readouterr().out
