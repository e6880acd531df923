"""Lines of a résumé in the past tense, requirements as they follow "You ask for", and lines that are left alone."""

from __future__ import annotations

import pytest

from ftapp.grammar import as_wish, in_past, is_past, lower_first


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
        ("Actively participate in reviews", "Actively participated in reviews"),
        ("Submits the daily report", "Submitted the daily report"),
        ("Supporting users and solving faults", "Supported users and solving faults"),
    ],
)
def test_verbs_at_the_start_are_bent(line, bent):
    assert in_past(line) == bent


@pytest.mark.parametrize(
    "line",
    ["Repairs and maintenance", "Service desk", "Help desk for 300 people", "Answers to letters", "Works councils",
     "Handled orders", "Training sessions for staff", "Design patterns", "Test case execution", "Lead-free soldering",
     "Responsible for tills", "", "5 years of baking", "Marketing campaigns", "Strong communication", "料理"],
)  # fmt: skip
def test_other_lines_are_left_alone(line):
    assert in_past(line) == line


@pytest.mark.parametrize(
    ("requirement", "wish"),
    [
        ("Able to lead a shift", "someone able to lead a shift"),
        ("Experienced, flexible and calm", "someone experienced, flexible and calm"),
        ("You must be able to lift 20 kg", "someone able to lift 20 kg"),
        ("Must be flexible", "someone flexible"),
        ("Manage the budget", "someone to manage the budget"),
        ("Work with schools", "someone to work with schools"),
        ("Handles complaints", "someone who handles complaints"),
        ("You must have a driving licence", "a driving licence"),
        ("The successful candidate will have a degree", "a degree"),
        ("You are a patient listener", "a patient listener"),
        ("Highly skilled in welding", "someone highly skilled in welding"),
        ("Be part of a team", "someone who is part of a team"),
        ("You are new to the trade", "someone who is new to the trade"),
        ("We are looking for a chef", "a chef"),
        ("We are a small team", "We are a small team"),
        ("Services to schools", "Services to schools"),
        ("Experience of payroll", "Experience of payroll"),
        ("Qualified nurse", "Qualified nurse"),
        ("Very good Polish", "Very good Polish"),
        ("Work hours: full time", "Work hours: full time"),
        ("Hold or be willing to obtain a licence", "Hold or be willing to obtain a licence"),
        ("5+ years of baking", "5+ years of baking"),
        ("You have", "You have"),
        ("", ""),
        ("料理", "料理"),
    ],
)
def test_a_requirement_follows_you_ask_for(requirement, wish):
    assert as_wish(requirement) == wish


@pytest.mark.parametrize(
    ("line", "past"),
    [("handled orders", True), ("Successfully led two teams", True), ("was responsible for tills", True), ("experienced with tills", False),
     ("speed tests", False), ("stock control", False), ("daily reports", False), ("", False)],
)  # fmt: skip
def test_what_can_follow_i(line, past):
    assert is_past(line) is past


@pytest.mark.parametrize(
    ("line", "inside"),
    [("Handled orders", "handled orders"), ("Developed Mobile Apps", "developed Mobile Apps"),
     ("High School Diploma", "High School Diploma"),
     ("SQL tuning", "SQL tuning"), ("A degree", "a degree"), ("iOS work", "iOS work"), ("Café service", "café service"), ("", "")],
)  # fmt: skip
def test_a_line_inside_a_sentence(line, inside):
    assert lower_first(line) == inside


def test_a_word_that_a_skill_begins_with_keeps_its_capital():
    assert lower_first("Excel reports", frozenset({"Excel"})) == "Excel reports"
