"""The form of what was understood: which reading may write into it."""

from types import SimpleNamespace

import gradio as gr
import pytest

from ftapp.ui.fields import OF_THE_JOB, read_of
from ftapp.ui.owner import Door
from ftapp.ui.sources import SourcesPanel

POSTING = "Pastry Chef\nCompany: Fernhill Bakery\n"
RESUME = "Sam Ode\nBaker\n"
EMPTY = [""] * 11
REQUEST = SimpleNamespace(headers={"host": "127.0.0.1"}, client=SimpleNamespace(host="127.0.0.1"))


@pytest.fixture
def read(studio):
    with gr.Blocks():
        panel = SourcesPanel(studio, Door("127.0.0.1"))

    def reading(job, resume, read, told):
        filled = dict(zip(panel.filled, panel.read(job, resume, "cover_letter", read, told, REQUEST, *EMPTY), strict=True))
        assert filled[panel.read_of] == filled[panel.told] == read_of(job, resume)
        return [filled[box].get("value") for box in panel.form.boxes]

    return reading


def test_a_reading_fills_the_form_once(read):
    first = read(POSTING, RESUME, "", "")
    assert "Pastry Chef" in first and "Fernhill Bakery" in first and "Sam Ode" in first
    again = read(POSTING, RESUME, "", read_of(POSTING, RESUME))  # asked for before the page showed the first
    assert again == [None] * len(EMPTY)
    shown = read(POSTING, RESUME, read_of(POSTING, RESUME), read_of(POSTING, RESUME))
    assert shown == [None] * len(EMPTY)


def test_another_text_fills_its_half(read):
    other = read(POSTING.replace("Fernhill", "Oakline"), RESUME, "", read_of(POSTING, RESUME))
    assert "Oakline Bakery" in other[:OF_THE_JOB] and other[OF_THE_JOB:] == [None] * (len(EMPTY) - OF_THE_JOB)
    back = read(POSTING, RESUME, read_of(POSTING.replace("Fernhill", "Oakline"), RESUME), "")
    assert "Fernhill Bakery" in back[:OF_THE_JOB]
