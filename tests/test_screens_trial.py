"""A new adapter on trial, in the page: new pairs set it against what writes, votes move one bar, and a refused one needs a reason."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import expect

from db.engine import write as writing
from db.models import Comparison, Letter
from ftapp import adapters, gate, gate_measure, trials
from ftapp.ui.models import timeline
from tests.browser import LETTER, OTHER, browser, finished, opened, serve, write
from tests.shelf import adapter, choice

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def chrome():
    with browser() as started:
        yield started


def taught(studio, passed=True):
    """An adapter that was taught and judged."""
    studio.backend().base_hash = "h" * 64
    with writing(studio.engine) as rows:
        name = adapter(rows)
        state = gate.OK if passed else gate.REFUSED
        rule = {"name": "length", "title": "Length", "value": 2.0, "limit": 1.35, "state": state, "sentence": "120 words before, 240 now."}
        trials.judged(rows, "local", name, {"rival": "starter", "passed": passed, "rules": [rule], "values": {"letters": 24}})
        if passed:
            trials.begin(rows, "local", name)
    studio.backend().texts[name] = [LETTER, OTHER]
    return name


def votes(studio, name, *verdicts):
    with writing(studio.engine) as rows:
        tried, rival = adapters.find(rows, "local", name), adapters.live(rows, "local", "bundled", "h" * 64)
        for number, verdict in enumerate(verdicts):
            choice(rows, verdict=verdict, adapter=tried, other=rival, company=f"Company {number}")


def models(page):
    page.get_by_role("tab", name="Models").click()


@pytest.mark.slow
def test_votes_move_one_bar_until_the_new_one_writes(chrome, tmp_path):
    with serve(tmp_path / "home") as (address, studio), opened(chrome, address) as page:
        models(page)
        expect(page.locator("#trial")).to_contain_text("Nothing is on trial")
        name = taught(studio)
        votes(studio, name, *["right"] * 10)
        expect(page.locator(".trial-line")).to_contain_text("On trial: 10 votes, 10 for the new one; about 1 more to be sure.")
        models(page)
        page.get_by_role("tab", name="Write").click()
        write(page)
        finished(page)
        shown = studio.current_comparison("local")
        with writing(studio.engine) as rows:
            row = rows.get(Comparison, shown["comparison_id"])
            who = {side: rows.get(Letter, getattr(row, f"{side}_letter_id")).adapter_id for side in ("left", "right")}
        assert set(who.values()) == {name, "starter"}, "what is tried stands beside what writes"
        page.locator(f"#verdict-{next(side for side, by in who.items() if by == name)}").click()
        expect(page.locator("#outcome")).to_contain_text("The trial is over. 11 votes, 11 for the new one: the new one is better")
        expect(page.locator(".trial-line")).to_have_count(0)
        models(page)
        expect(page.locator("#adapters .current")).to_contain_text(name)
        assert studio.trial.trial("local")["state"] == "confirmed"
        assert studio.trial.trial("local")["sentence"].endswith("is better and writes now.")
        studio.trial.rollback("local")
        assert studio.trial.trial("local")["sentence"].endswith("It wrote, and no longer does.")


@pytest.mark.slow
def test_by_hand_the_votes_wait_and_it_can_be_taken_at_once(chrome, tmp_path):
    with serve(tmp_path / "home") as (address, studio), opened(chrome, address) as page:
        name = taught(studio)
        models(page)
        page.locator("#trial-automatic input").uncheck()
        expect(page.locator("#trial-said")).to_contain_text("waits for you")
        votes(studio, name, *["left"] * 5)
        page.get_by_role("tab", name="Data").click()
        models(page)
        expect(page.locator("#trial")).to_contain_text("Your votes say: keep what writes.")
        page.locator("#trial-take").click()
        expect(page.locator("#trial-said")).to_contain_text("You took it before the votes decided")
        expect(page.locator("#trial")).to_contain_text("You let the new one write after 5 votes, 0 for the new one.")
        assert studio.trial.trial("local")["state"] == "taken"


def test_a_refused_adapter_needs_a_reason_and_the_one_that_was_picked_is_meant(chrome, tmp_path):
    with serve(tmp_path / "home") as (address, studio), opened(chrome, address) as page:
        name = taught(studio, passed=False)
        taught(studio)
        models(page)
        expect(page.locator("#gate")).to_contain_text("The gate let it through.")
        expect(page.locator("#anyway")).to_be_hidden()
        page.locator("#pick-adapter input").click()
        page.get_by_role("option", name=name).click()
        expect(page.locator("#gate")).to_contain_text("The gate refused it: 1 rule failed.")
        expect(page.locator("#gate")).to_contain_text("120 words before, 240 now.")
        for place in ("#adapters", "#lineage"):
            expect(page.locator(place)).to_contain_text("refused by the gate")
        page.locator("#compare-other input").click()
        page.get_by_role("option", name="the base model alone").click()
        page.locator("#anyway").click()
        expect(page.locator("#trial-said")).to_contain_text("Say in a sentence why")
        page.locator("#anyway-reason textarea").fill("I write long letters on purpose.")
        page.locator("#anyway").click()
        expect(page.locator("#trial-said")).to_contain_text("though the gate did not let it through")
        expect(page.locator("#adapters .current")).to_contain_text(name)
        expect(page.locator("#lineage")).to_contain_text("because: I write long letters on purpose.")
        expect(page.locator("#anyway")).to_be_hidden()
        expect(page.locator("#compare-other input")).to_have_value("the base model alone")


def test_a_measurement_keeps_nobody_from_writing_and_can_be_stopped(chrome, tmp_path, monkeypatch):
    def slow(*_, stop, **__):
        until = time.monotonic() + 120
        while not stop() and time.monotonic() < until:
            time.sleep(0.05)
        return {"rival": "starter", "passed": True, "rules": [], "values": {}}

    for name in ("of_run", "of_adapter"):
        monkeypatch.setattr(gate_measure, name, slow)
    with serve(tmp_path / "home") as (address, studio), opened(chrome, address) as page:
        name = taught(studio)
        models(page)
        expect(page.locator("#stop-gate")).to_be_hidden()
        page.locator("#pick-adapter input").click()
        page.get_by_role("option", name=name).click()
        page.locator("#ask-gate").click()
        expect(page.locator("#models-said")).to_contain_text("up to half an hour")
        page.get_by_role("tab", name="Write").click()
        write(page)
        finished(page)
        second = page.context.new_page()
        second.goto(page.url)
        models(second)
        second.locator("#stop-gate").click()
        models(page)
        for tab in (page, second):
            expect(tab.locator("#models-said")).to_contain_text("was stopped")
            expect(tab.locator("#stop-gate")).to_be_hidden()
        assert not studio.trial.measuring("local") and studio.trial.gate("local", name)["values"] == {"letters": 24}


def test_what_writes_is_in_the_list_though_no_adapter_does():
    rows = [{"id": "starter", "state": "retired", "run_id": None, "parent_id": None, "created_at": None, "refused": False}]
    assert "the base model" in timeline(rows).split("writes now")[0]
    assert "the base model" not in timeline([rows[0] | {"state": "live"}]).split("writes now")[0]
