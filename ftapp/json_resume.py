"""JSON Résumé 1.0.0 <-> ResumeProfile. Knows the schema, which ships unchanged in configs/json_resume, and no files.

Reading is kinder than the schema: a null where a text belongs or a malformed address hurts no letter, so it is left out
and told. Writing keeps to the schema. Contact data is neither read nor written. https://jsonresume.org/schema
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from ftapp.errors import UserError
from ftapp.profiles import Experience, ResumeProfile

SCHEMA = Path(__file__).resolve().parent.parent / "configs" / "json_resume" / "schema.json"
SCHEMA_URL = "https://raw.githubusercontent.com/jsonresume/resume-schema/v1.0.0/schema.json"
MOST_NAMED = 3  # places of a malformed document that a sentence names
_MONTHS = "Jan Feb Mar Apr May June July Aug Sept Oct Nov Dec".split()
_DATE = re.compile(r"(?P<year>[12]\d{3})(?:-(?P<month>0[1-9]|1[0-2])(?:-[0-3]\d)?)?")


@lru_cache(maxsize=1)
def validator() -> Any:
    """The schema's validator, formats checked where the standard library can (date, e-mail)."""
    from jsonschema.validators import validator_for

    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    kind = validator_for(schema)
    return kind(schema, format_checker=kind.FORMAT_CHECKER)


def problems(document: Any) -> list[str]:
    """Where a document departs from the schema, as "work[0].endDate"; empty for a valid one. Never a value of it."""
    return sorted({_place(error.absolute_path) for error in validator().iter_errors(document)})


def _place(path: Any) -> str:
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
    return "".join(steps).lstrip(".") or "the top level"


# ---- in --------------------------------------------------------------------------------------------------------


def profile(document: Any) -> tuple[ResumeProfile, list[str]]:
    """The fields of a parsed document, and a sentence when it departs from the schema.

    Dates become "Mar 2019"; a position without an end is held now. Raises UserError when nothing a letter could use stands
    where JSON Résumé has it (another program's export, for example).
    """
    if not isinstance(document, dict):
        raise UserError(
            "This JSON file is no JSON Résumé: it holds no object - nothing was read - see jsonresume.org/schema, or paste the text."
        )
    basics = _object(document.get("basics"))
    found = ResumeProfile(
        name=_text(basics, "name"),
        headline=_text(basics, "label"),
        experience=[_position(entry) for entry in _objects(document, "work")],
        education=_filled(_education(entry) for entry in _objects(document, "education")),
        certificates=_filled(_text(entry, "name") for entry in _objects(document, "certificates")),
        skills=list(dict.fromkeys(skill for entry in _objects(document, "skills") for skill in _skills(entry))),
    )
    if not (found.experience or found.education or found.skills or found.certificates):
        raise UserError(
            "This JSON file holds no work, education or skills where JSON Résumé 1.0.0 has them - it may be another program's "
            "export - export it as JSON Résumé or PDF, or paste the text."
        )
    return found, _told(problems(document))


def _told(places: list[str]) -> list[str]:
    if not places:
        return []
    named = ", ".join(places[:MOST_NAMED]) + (f" and {len(places) - MOST_NAMED} more" if len(places) > MOST_NAMED else "")
    return [f"The file is no valid JSON Résumé 1.0.0 ({named}); what could be understood was read. Check the fields."]


def _position(entry: dict[str, Any]) -> Experience:
    start, end = _date(_text(entry, "startDate")), _date(_text(entry, "endDate"))
    return Experience(
        title=_text(entry, "position"),
        employer=_text(entry, "name") or _text(entry, "company"),  # "company" before 1.0.0
        start=start,
        end=end or ("present" if start and entry.get("endKnown") is not False else ""),
        achievements=_filled([*_sentences(_text(entry, "summary")), *_strings(entry.get("highlights"))]),
    )


def _education(entry: dict[str, Any]) -> str:
    degree = " ".join(_filled([_text(entry, "studyType"), _text(entry, "area")]))
    return ", ".join(_filled([degree, _text(entry, "institution")]))


def _skills(entry: dict[str, Any]) -> list[str]:
    """The keywords, which are tools; the group's name ("Web Development") only where it has none."""
    return _strings(entry.get("keywords")) or _filled([_text(entry, "name")])


def _date(text: str) -> str:
    """ "2019-03-01" -> "Mar 2019"; anything that is no ISO date stays as it was written."""
    found = _DATE.fullmatch(text)
    if not found:
        return text
    return f"{_MONTHS[int(found['month']) - 1]} {found['year']}" if found["month"] else found["year"]


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(document: dict[str, Any], key: str) -> list[dict[str, Any]]:
    entries = document.get(key)
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _text(entry: dict[str, Any], key: str) -> str:
    value = entry.get(key)
    return re.sub(r"\s+", " ", value).strip() if isinstance(value, str) else ""


def _strings(values: Any) -> list[str]:
    return _filled(re.sub(r"\s+", " ", v).strip() for v in values if isinstance(v, str)) if isinstance(values, list) else []


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+(?=[A-Z])", text)


def _filled(texts: Any) -> list[str]:
    return [text for text in texts if text]


# ---- out -------------------------------------------------------------------------------------------------------


def document(profile: ResumeProfile) -> dict[str, Any]:
    """The profile as a valid JSON Résumé 1.0.0. A date that is neither a year nor a month is left out: the schema has no place for it."""
    filled: dict[str, Any] = {
        "$schema": SCHEMA_URL,
        "basics": _given(name=profile.name, label=profile.headline),
        "work": [_work(position) for position in profile.experience],
        "education": [_degree(line) for line in profile.education],
        "certificates": [{"name": name} for name in profile.certificates],
        "skills": [{"name": name} for name in profile.skills],
        "meta": {"version": "v1.0.0"},
    }
    return {key: value for key, value in filled.items() if value}


def _work(position: Experience) -> dict[str, Any]:
    start, end = _iso(position.start), _iso(position.end)
    entry = _given(name=position.employer, position=position.title, startDate=start, endDate=end, highlights=position.achievements)
    if start and not end and not re.match(r"(?i)present|current|now|today|ongoing|(?:till|to)\s?(?:date|now)", position.end):
        entry["endKnown"] = False  # the schema allows further names; without this the position would read as held now
    return entry


def _degree(line: str) -> dict[str, Any]:
    degree, comma, school = line.rpartition(", ")
    return {"studyType": degree, "institution": school} if comma else {"studyType": line}


def _iso(date: str) -> str:
    """ "Mar 2019", "March 2019", "03/2019", "2019" -> "2019-03", "2019"; anything else -> ""."""
    year = re.search(r"\b[12]\d{3}\b", date)
    if not year:
        return ""
    named = re.match(r"(?i)\W*([a-z]{3})[a-z]*\b", date)
    months = [m[:3].lower() for m in _MONTHS]
    if named and named[1].lower() in months:
        return f"{year[0]}-{months.index(named[1].lower()) + 1:02d}"
    digits = re.match(r"\W*(?:\d{1,2}[/.])?(0?[1-9]|1[0-2])[/.-](?=[12]\d{3})", date) or re.match(r"[12]\d{3}-(0[1-9]|1[0-2])\b", date)
    return f"{year[0]}-{int(digits[1]):02d}" if digits else year[0]


def _given(**fields: Any) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value}


def as_text(profile: ResumeProfile) -> str:
    """The profile as a plain résumé that `parse_resume` reads back, for a text field that a person may correct."""
    return "\n".join(_filled([profile.name, profile.headline])) + "".join(_sections(profile)) + "\n"


def _sections(profile: ResumeProfile) -> Iterator[str]:
    if profile.experience:
        yield "\n\nExperience"
        for position in profile.experience:
            dates = " - ".join(_filled([position.start, position.end]))
            yield "\n" + " | ".join(_filled([position.title, position.employer, dates]))
            yield "".join(f"\n• {line}" for line in position.achievements) + "\n"
    for heading, lines in (("Education", profile.education), ("Certificates", profile.certificates)):
        if lines:
            yield f"\n\n{heading}" + "".join(f"\n• {line}" for line in lines)
    if profile.skills:
        yield f"\n\nSkills\n{', '.join(profile.skills)}"
