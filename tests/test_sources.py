"""The form of what was understood: which reading may write into it."""

from types import SimpleNamespace

import gradio as gr
import pytest

from ftapp.ui.fields import OF_THE_JOB, read_of
from ftapp.ui.owner import Door
from ftapp.ui.sources import SourcesPanel, Visit

POSTING = "Pastry Chef\nCompany: Fernhill Bakery\n"
RESUME = "Sam Ode\nBaker\n"
EMPTY = [""] * 11
REQUEST = SimpleNamespace(headers={"host": "127.0.0.1"}, client=SimpleNamespace(host="127.0.0.1"))


@pytest.fixture
def panel(studio):
    with gr.Blocks():
        return SourcesPanel(studio, Door("127.0.0.1"))


@pytest.fixture
def read(panel):
    def reading(job, resume, read, visit):
        filled = dict(zip(panel.filled, panel.read(job, resume, "cover_letter", read, visit, REQUEST, *EMPTY), strict=True))
        assert filled[panel.read_of] == visit.of == read_of(job, resume)
        return [filled[box].get("value") for box in panel.form.boxes]

    return reading


def test_a_reading_fills_the_form_once(read):
    visit = Visit()
    first = read(POSTING, RESUME, "", visit)
    assert "Pastry Chef" in first and "Fernhill Bakery" in first and "Sam Ode" in first
    again = read(POSTING, RESUME, "", visit)  # asked for before the page showed the first
    assert again == [None] * len(EMPTY)
    shown = read(POSTING, RESUME, read_of(POSTING, RESUME), visit)
    assert shown == [None] * len(EMPTY)


def test_another_text_fills_its_half(read):
    other = read(POSTING.replace("Fernhill", "Oakline"), RESUME, "", Visit(read_of(POSTING, RESUME)))
    assert "Oakline Bakery" in other[:OF_THE_JOB] and other[OF_THE_JOB:] == [None] * (len(EMPTY) - OF_THE_JOB)
    back = read(POSTING, RESUME, read_of(POSTING.replace("Fernhill", "Oakline"), RESUME), Visit())
    assert "Fernhill Bakery" in back[:OF_THE_JOB]


@pytest.mark.parametrize("late", [(POSTING, RESUME), (POSTING.replace("Fernhill", "Oakline"), "")], ids=["same texts", "older texts"])
def test_of_two_readings_at_once_the_one_that_ends_late_writes_over_nothing(panel, monkeypatch, late):
    """A person may have corrected the form since the other one filled it."""
    visit, understand, inner = Visit(), panel.studio.understand, []

    def meanwhile(owner, job, resume, *given):
        if not inner:
            inner.append("begun")
            inner[:] = panel.read(POSTING, RESUME, "cover_letter", "", visit, REQUEST, *EMPTY)
        return understand(owner, job, resume, *given)

    monkeypatch.setattr(panel.studio, "understand", meanwhile)
    filled = panel.read(*late, "cover_letter", "", visit, REQUEST, *EMPTY)
    boxes = slice(-len(EMPTY), None)
    assert "Fernhill Bakery" in [box.get("value") for box in inner[boxes]]
    assert all(box.get("value") is None for box in filled[boxes]) and visit.of == read_of(POSTING, RESUME)
