"""A full disk, a doubled click, a cut connection: one label a decision, told truly, and none lost."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import threading
from collections import defaultdict
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect
from sqlalchemy import event
from sqlmodel import select

from db.engine import session, write
from db.models import Preference
from ftapp import cli
from ftapp.ui.asking import BUG
from tests.browser import finished, opened, serve
from tests.browser import write as write_pair
from tests.desk import filled, post, stored
from tests.shelf import pair

pytestmark = [pytest.mark.timeout(600)]
FULL = "The disk is full"


@contextlib.contextmanager
def full_disk(engine):
    """No room: SQLite itself refuses each page more than there are now, and none is free."""
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE ballast (filling BLOB)")
        connection.commit()
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    limit = lambda raw, *more: raw.execute(f"PRAGMA max_page_count={pages}") and None  # noqa: E731
    event.listen(engine, "checkout", limit)
    try:
        with contextlib.suppress(Exception):  # what room the pages themselves still have
            while True:
                with engine.connect() as connection:
                    connection.exec_driver_sql("INSERT INTO ballast VALUES (zeroblob(1000))")
                    connection.commit()
        yield
    finally:
        event.remove(engine, "checkout", limit)
        event.listen(engine, "checkout", lambda raw, *more: raw.execute("PRAGMA max_page_count=1073741823") and None)
        with engine.connect() as connection:
            connection.exec_driver_sql("DROP TABLE ballast")
            connection.commit()


def no_more(engine, pairs):
    """Fill what little room the tables' own pages still have, until a choice no longer fits; returns the pairs not judged."""
    from ftapp import preferences

    for number, one in enumerate(pairs):
        try:
            with write(engine) as rows:
                preferences.record(rows, "local", one, "left")
        except Exception:
            return pairs[number:]
    raise AssertionError("the disk never filled")


def some(engine, count):
    with write(engine) as rows:
        return [pair(rows, company=f"Oven {number}") for number in range(count)]


def test_a_full_disk_is_told_at_the_desk_and_voting_goes_on_with_space(app, capsys):
    address, studio = app
    pairs = some(studio.engine, 80)
    with full_disk(studio.engine):
        rest = no_more(studio.engine, pairs)
        before = {row.id for row in stored(studio)}
        for _ in range(2):
            status, told, _ = post(address, "vote", {"id": rest[0], "verdict": "left"})
            assert status == 507 and told["error"].startswith(FULL) and "tried again" in told["error"]
        assert {row.id for row in stored(studio)} == before
    status, told, _ = post(address, "vote", {"id": rest[0], "verdict": "left"})
    assert status == 200 and {row.id for row in stored(studio)} == before | {told["receipt"]["receipt"]}


def test_the_command_line_says_that_the_disk_is_full(app, capsys, monkeypatch):
    _, studio = app
    pairs = some(studio.engine, 80)
    monkeypatch.setattr(cli, "_studio", lambda args: studio)
    monkeypatch.setattr(studio, "close", lambda: None)
    with full_disk(studio.engine):
        rest = no_more(studio.engine, pairs)
        assert cli.main(["prefer", rest[0], "left"]) == 1
        said = capsys.readouterr().err
        assert said.startswith(FULL) and "not stored" in said
    assert cli.main(["prefer", rest[0], "left"]) == 0


@pytest.mark.slow
@pytest.mark.browser
def test_on_a_full_disk_a_decision_stays_on_the_label_page_and_is_stored_with_space(chrome, app):
    address, studio = app
    filled(studio, 3)
    pairs = some(studio.engine, 80)
    window = opened(chrome, address)
    with window as page:
        page.get_by_role("tab", name="Label").click()
        expect(page.locator("#label-pairs .labelled:not([hidden])")).to_be_visible()
        page.wait_for_timeout(500)
        with full_disk(studio.engine):
            no_more(studio.engine, pairs)
            before = len(stored(studio))
            page.keyboard.press("1")
            expect(page.locator("#label-saved")).to_contain_text(FULL)
            expect(page.locator("#label-recent .pending")).to_be_visible()
            page.wait_for_timeout(3000)
            expect(page.locator("#label-recent .pending")).to_be_visible()
            assert len(stored(studio)) == before
        expect(page.locator("#label-saved")).to_contain_text("Saved: A")
        assert len(stored(studio)) == before + 1
        window.errors = [said for said in window.errors if "507" not in said]


@pytest.mark.browser
def test_on_a_full_disk_the_letters_stay_on_the_write_page(chrome, app):
    address, studio = app
    pairs = some(studio.engine, 80)
    with opened(chrome, address) as page:
        write_pair(page)
        finished(page)
        with full_disk(studio.engine):
            no_more(studio.engine, pairs)
            before = len(stored(studio))
            page.locator("#verdict-left").click()
            expect(page.get_by_text(FULL).first).to_be_visible()
            expect(page.locator("#verdict")).to_be_visible()
            assert len(stored(studio)) == before and BUG not in page.content()
        page.locator("#verdict-left").click()
        expect(page.locator("#verdict")).to_be_hidden()
        assert len(stored(studio)) == before + 1


@pytest.mark.slow
@pytest.mark.browser
def test_a_vote_counts_for_the_letters_that_stand_there_though_the_stored_pair_comes_late(chrome, tmp_path, monkeypatch):
    """On a machine that just started the stored pair's evidence takes a while. Who writes meanwhile votes on what is new."""
    with serve(tmp_path / "home") as (address, studio), opened(chrome, address) as page:
        write_pair(page)
        finished(page)
        old, stored_pair, held = studio.current_comparison("local")["comparison_id"], studio.current_comparison, threading.Event()

        def late(owner, comparison_id=""):
            found = stored_pair(owner, comparison_id)
            return found if comparison_id or held.wait(60) else None

        monkeypatch.setattr(studio, "current_comparison", late)
        page.reload()
        write_pair(page)
        finished(page)
        new = stored_pair("local")["comparison_id"]
        held.set()
        page.wait_for_timeout(2000)
        page.locator("#verdict-left").click()
        expect(page.locator("#outcome")).to_contain_text("You chose")
        with session(studio.engine) as opened_db:
            assert opened_db.exec(select(Preference.comparison_id)).all() == [new] != [old]


# ---- retried, doubled, cut ------------------------------------------------------------------------------------


def submit(address, seed, pairs):
    """Judge the pairs over HTTP from four clients; 30 % of the submissions come twice at once, again later, or are cut before the answer.
    Returns {pair: the receipts that were answered}."""
    host, chance, receipts, guard = urlsplit(address).netloc, random.Random(seed), defaultdict(set), threading.Lock()
    plans = [(one, chance.choice(["left", "right", "tie", "both_bad"]), chance.random(), chance.choice("rdc")) for one in pairs]

    def send(one, verdict, cut=False):
        body = json.dumps({"id": one, "verdict": verdict})
        link = http.client.HTTPConnection(host, timeout=120)
        link.request("POST", "/label/vote", body, {"Content-Type": "application/json"})
        if not cut:
            answer = link.getresponse()
            told = json.loads(answer.read())
            assert answer.status == 200, told
            with guard:
                receipts[one].add(told["receipt"]["receipt"])
        link.close()

    failed = []

    def client(mine):
        try:
            for one, verdict, often, how in mine:
                if often >= 0.3:
                    send(one, verdict)
                    continue
                if how == "d":
                    twin = threading.Thread(target=send, args=(one, verdict))
                    twin.start()
                    send(one, verdict)
                    twin.join()
                    continue
                send(one, verdict, cut=how == "c")
                send(one, verdict)
        except Exception as error:
            failed.append(error)

    clients = [threading.Thread(target=client, args=(plans[number::4],)) for number in range(4)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    assert not failed, failed
    return {one: verdict for one, verdict, *_ in plans}, receipts


def one_label_each(app, count):
    address, studio = app
    studio.labelling.ahead.wake = lambda *who: None
    pairs = some(studio.engine, count)
    verdicts, receipts = submit(address, 11, pairs)
    with session(studio.engine) as rows:
        found = rows.exec(select(Preference)).all()
    assert len(found) == count and {row.comparison_id: row.verdict for row in found} == verdicts
    assert {one: {row} for one, row in ((row.comparison_id, row.id) for row in found)} == dict(receipts)


@pytest.mark.slow
def test_200_submissions_some_doubled_and_cut_are_200_labels(app):
    one_label_each(app, 200)


@pytest.mark.torture
@pytest.mark.timeout(1800)
def test_2000_submissions_some_doubled_and_cut_are_2000_labels(app):
    one_label_each(app, 2000)
