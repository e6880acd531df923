"""How long what goes on will take, in words."""

from __future__ import annotations

import pytest

from ftapp import pace


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "an unknown time"), (-3, "1 second"), (0.4, "1 second"), (89, "89 seconds"), (125, "2 minutes"), (9000, "2.5 hours")],
)
def test_a_duration_is_said_as_people_say_it(seconds, said):
    assert pace.duration(seconds) == said


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass only when they are added."""
    now = [1000.0]
    monkeypatch.setattr(pace.time, "monotonic", lambda: now[0])
    return now


def test_the_time_for_the_other_letters_goes_by_the_pace_since_the_first(clock):
    said = []
    told = pace.of_letters(said.append)
    clock[0] += 50  # a model loads: that does not come again
    for done in (10, 20, 40, 50):
        told(done, 50)
        clock[0] += 60
    assert said == ["10 of 50 letters are there.", "20 of 50 letters are there, about 3 minutes more.",
                    "40 of 50 letters are there, about 40 seconds more.", "50 of 50 letters are there."]  # fmt: skip


def test_what_ends_at_a_limit_is_said_to_take_no_longer(clock):
    said = []
    told = pace.of_letters(said.append, most=600)
    for done in (1, 2, 3):
        told(done, 100)
        clock[0] += 240
    assert said[1:] == ["2 of 100 letters are there, about 6 minutes more.", "3 of 100 letters are there, about 2 minutes more."]
