"""Lines of a résumé brought into the past tense, and lines that are left alone."""

from __future__ import annotations

import pytest

from ftapp.tense import in_past


@pytest.mark.parametrize(
    ("line", "bent"),
    [
        ("Handling orders from 40 shops", "Handled orders from 40 shops"),
        ("handle orders", "handled orders"),
        ("Design and develop screens", "Designed and developed screens"),
        ("Designing, building and testing pumps", "Designed, built and tested pumps"),
        ("Carry out checks", "Carried out checks"),
        ("Planning shifts", "Planned shifts"),
        ("Plan the shifts of a ward", "Planned the shifts of a ward"),
        ("Work with schools", "Worked with schools"),
        ("WRITE REPORTS", "WROTE REPORTS"),
        ("Making bread", "Made bread"),
        ("I won a cup", "won a cup"),
        ("Overseeing two sites", "Oversaw two sites"),
        ("Supporting users and solving faults", "Supported users and solving faults"),
    ],
)
def test_verbs_at_the_start_are_bent(line, bent):
    assert in_past(line) == bent


@pytest.mark.parametrize(
    "line",
    ["Handled orders", "Training sessions for staff", "Design patterns", "Test case execution", "Lead-free soldering",
     "Responsible for tills", "", "5 years of baking", "Marketing campaigns", "Strong communication", "料理"],
)  # fmt: skip
def test_other_lines_are_left_alone(line):
    assert in_past(line) == line
