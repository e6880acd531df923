"""JSON Résumé in and out: the shipped schema decides what is valid, reading is kind and tells, nothing is invented."""

from __future__ import annotations

import hashlib
import random

import pytest

from ftapp import json_resume
from ftapp.errors import UserError
from ftapp.profiles import Experience, ResumeProfile, parse_resume
from tests.papers import RESUME

PROFILE = ResumeProfile(
    name="Mara Lindqvist",
    headline="Data Analyst",
    experience=[
        Experience(title="Data Analyst", employer="Pellworm Foods Ltd", start="Mar 2019", end="June 2023",
                   achievements=["Ran the weekly reports", "Taught SQL to 14 colleagues in two departments"]),
        Experience(title="Research Assistant", employer="Harbour & Vale Ltd", start="2016", end="2019", achievements=[]),
    ],
    education=["BSc Statistics, Lund University"],
    certificates=["Certified Data Steward"],
    skills=["SQL", "Python", "Excel"],
)  # fmt: skip


def changed(**sections) -> dict:
    return RESUME | sections


def test_the_schema_is_the_published_one():
    assert hashlib.sha256(json_resume.SCHEMA.read_bytes()).hexdigest() == "ff6e39e79cfe6dedddf7c1e313ddb4da346bde8b055a884d7f6d849965dc27a6"
    assert "MIT" in json_resume.SCHEMA.with_name("LICENSE.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("document", "places"),
    [
        ({}, []),
        (RESUME, []),
        (changed(work=[{"startDate": "2013-12"}, {"startDate": "2013"}]), []),
        (changed(work=[{"startDate": None}]), ["work[0].startDate"]),
        (changed(work=[{"startDate": "2013-12-021"}]), ["work[0].startDate"]),
        (changed(work=[{"endDate": "Present"}]), ["work[0].endDate"]),
        (changed(work=None), ["work"]),
        (changed(skills=[{"keywords": ["SQL", 5]}]), ["skills[0].keywords[1]"]),
        (changed(basics={"email": "no address"}), ["basics.email"]),
        (changed(sections={}), ["the top level"]),
        ([], ["the top level"]),
    ],
)
def test_problems_are_places_and_never_values(document, places):
    assert json_resume.problems(document) == places


def test_fields_of_a_valid_document():
    found, told = json_resume.profile(RESUME)
    assert told == []
    assert found == PROFILE.model_copy(update={
        "experience": [PROFILE.experience[0].model_copy(update={"achievements": ["Ran the reports.", "Taught SQL to 14 colleagues"]})],
        "skills": ["SQL", "Python", "Reporting"],
    })  # fmt: skip


def test_contact_data_is_not_read():
    found, _ = json_resume.profile(RESUME)
    assert "example.org" not in found.model_dump_json()


@pytest.mark.parametrize(
    ("entry", "dates"),
    [
        ({"startDate": "2019-03-01"}, ("Mar 2019", "present")),
        ({"startDate": "2019", "endDate": "2021-12"}, ("2019", "Dec 2021")),
        ({"startDate": "2019", "endDate": None}, ("2019", "present")),
        ({"startDate": "Spring 2019", "endDate": "Present"}, ("Spring 2019", "Present")),
        ({"startDate": 2019, "endDate": {"year": 1}}, ("", "")),
        ({}, ("", "")),
    ],
)
def test_dates_read_as_people_write_them(entry, dates):
    found, _ = json_resume.profile(changed(work=[{"name": "Pellworm", **entry}]))
    assert (found.experience[0].start, found.experience[0].end) == dates


def test_a_document_that_is_not_quite_valid_is_read_and_told():
    found, told = json_resume.profile(
        changed(basics={"name": "Mara Lindqvist", "email": "SECRET"}, work=[{"name": "Pellworm", "endDate": None}] * 3)
    )
    assert found.name == "Mara Lindqvist" and len(found.experience) == 3
    assert "(basics.email, work[0].endDate, work[1].endDate and 1 more)" in told[0] and "SECRET" not in told[0]


@pytest.mark.parametrize(
    "document", [[], "text", None, {}, {"basics": {"name": "Mara"}}, {"work": "x", "skills": [1], "education": None}, {"sections": {}}]
)
def test_nothing_to_write_from_is_refused(document):
    with pytest.raises(UserError, match=" - .* - "):
        json_resume.profile(document)


def test_what_is_written_is_valid_and_reads_back_the_same():
    written = json_resume.document(PROFILE)
    assert json_resume.problems(written) == []
    assert json_resume.profile(written) == (PROFILE, [])


@pytest.mark.parametrize(
    ("start", "end"), [("2019", "present"), ("Mar 2019", ""), ("2019", "2020"), ("", ""), ("", "2020"), ("Sept 2001", "May 2003")]
)
def test_no_date_is_invented_on_the_way_out_and_in(start, end):
    profile = PROFILE.model_copy(update={"experience": [Experience(title="Clerk", employer="Pellworm", start=start, end=end)]})
    written = json_resume.document(profile)
    assert json_resume.problems(written) == []
    assert json_resume.profile(written)[0].experience == profile.experience


@pytest.mark.parametrize(
    ("date", "iso"),
    [
        ("March 2019", "2019-03"),
        ("03/2019", "2019-03"),
        ("12/03/2019", "2019-03"),
        ("Summer 2019", "2019"),
        ("2019-03", "2019-03"),
        ("now", ""),
    ],
)
def test_dates_become_iso_dates(date, iso):
    work = json_resume.document(PROFILE.model_copy(update={"experience": [Experience(title="Clerk", start=date, end="present")]}))["work"]
    assert work[0].get("startDate", "") == iso


def test_any_document_is_fields_or_a_sentence():
    """No shape of a parsed JSON value, however odd, is anything else."""
    rng = random.Random(3)
    values = [None, True, 5, 1.5, "", "x" * 300, "2019-02", "\u202e", [], {}, [None], [[]], {"name": None}, {"keywords": [3]}]

    def odd(depth: int):
        pick = rng.random()
        if not depth or pick < 0.3:
            return rng.choice(values)
        if pick < 0.6:
            return [odd(depth - 1) for _ in range(3)]
        keys = [
            "basics",
            "work",
            "education",
            "skills",
            "certificates",
            "name",
            "position",
            "startDate",
            "endDate",
            "highlights",
            "summary",
        ]
        return {key: odd(depth - 1) for key in rng.sample(keys, 5)}

    read = 0
    for _ in range(300):
        try:
            profile, _ = json_resume.profile(odd(4))
            json_resume.as_text(profile)
            assert json_resume.problems(json_resume.document(profile)) == []
            read += 1
        except UserError:
            pass
    assert read > 10


def test_the_text_form_is_read_back_by_the_rules():
    found = parse_resume(json_resume.as_text(PROFILE))
    assert found == PROFILE
