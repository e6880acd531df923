"""The Data tab brings a file, lets it train, gives everything back as a file, and deletes it; a visitor may do none of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import opened, serve

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
PAIR = {"prompt": "Which bread?", "chosen": "Rye, says <b>Sam</b>.", "rejected": "None."}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(PAIR) + "\n{broken\n")
    return str(path)


def bring(page, file):
    page.get_by_role("tab", name="Data").click()
    expect(page.locator("#imported-state")).to_contain_text("Nothing imported yet")
    page.locator("input[type=file][accept*='.jsonl']").set_input_files(file)


def test_a_file_comes_in_trains_goes_out_and_is_deleted(chrome, tmp_path, file):
    with serve(tmp_path / "home") as (address, studio), opened(chrome, address) as page:
        bring(page, file)
        expect(page.locator("#import-said")).to_contain_text("1 row added, 0 there already")
        expect(page.locator("#import-said")).to_contain_text("line 2: not JSON")
        page.locator("#imported-use input").check()
        expect(page.locator("#imported-state")).to_contain_text("1 pair, 1 of them used for training")
        assert studio.transfer.counts("local")["used"] == 1
        page.locator("#export-make").click()
        expect(page.locator("#export-said")).to_contain_text("The file has 1 row")
        with page.expect_download() as saving:
            page.locator("#export-save").click()
        (line,) = Path(saving.value.path()).read_text().splitlines()
        assert json.loads(line)["chosen"][0]["content"] == PAIR["chosen"] and saving.value.suggested_filename == "ftapp-trl.jsonl"
        page.locator("#imported-remove").click()
        expect(page.locator("#import-said")).to_contain_text("will be gone")
        assert studio.transfer.counts("local")["pair"] == 1, "asked first"
        page.locator("#imported-sure").click()
        expect(page.locator("#imported-state")).to_contain_text("Nothing imported yet")
        assert not list((tmp_path / "home" / "uploads").rglob("*mine*")), "the upload is gone"


def test_a_visitor_brings_and_takes_nothing(chrome, tmp_path, file):
    with serve(tmp_path / "home", host="0.0.0.0") as (address, studio), opened(chrome, address) as page:
        bring(page, file)
        expect(page.get_by_text("You are a visitor here").first).to_be_visible()
        page.locator("#export-make").click()
        expect(page.locator("#export-save")).to_be_hidden()
        assert not any(studio.transfer.counts("local").values()) and not list((tmp_path / "home" / "uploads").glob("export_*"))
