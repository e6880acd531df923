"""An own example as a row: from what was given to its columns and documents, and back to what a report, a list or a prompt needs.

What an example was written for is what was given with it; without a posting it is read out of the letter (`rebuilt`). Who wrote it is
told by columns or a résumé beside it, else by the owner's résumé of the name under the letter, else by the letter. Knows no decision.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from db.models import Document, Example, new_id, now
from ftapp import briefs, config, documents, example_readers, letters, prompts, quality, structure
from ftapp.documents import PlainText, read_text
from ftapp.errors import UserError
from ftapp.example_readers import Given
from ftapp.profiles import JobPosting, ResumeProfile, parse_resume
from ftapp.scripts import word_count

PAGE = 500
MOST_RESUMES = 200  # whose names are compared with the name under a letter
_COMPANY = re.compile(r"(?m)^company: (.+)$")  # as prompts.build writes it
_OF_PERSON = ("applicant", "past", "current", "skills", "qualifications")
Documents = dict[str, Document]

# ---- in ------------------------------------------------------------------------------------------


def made(given: Given) -> dict[str, Any]:
    """The columns of a new row; and the texts of its documents under `posting` and `resume`, and under `signed` the name by which a
    résumé of the owner is looked for, "" when the person is known already."""
    kind = given.kind or example_readers.guessed(given.letter)
    turns = () if given.source == "edited" else tuple((m["role"], m["content"]) for m in given.messages)  # what a model was shown stays
    mended, findings = quality.repair(quality.Item("new", kind, given.letter, given.posting, dict(given.fields), turns))
    letter, fields = documents.clean(mended.letter), dict(mended.fields)
    messages = [m | {"content": said} for m, (_, said) in zip(given.messages, mended.turns, strict=True)] if turns else list(given.messages)
    texts = {"letter": given.letter, "posting": given.posting, "turns": _said(given.messages), **given.fields}
    unknown = not (given.messages or _knows_person(given))
    blind = not (given.posting or given.messages or fields.get("title") or fields.get("company"))
    read = ({"title": _topic(letter)} if blind else {}) if kind == "answer" else briefs.rebuilt(letter) if blind or unknown else {}
    wanted = (*(("title", "company") if blind else ()), *(_OF_PERSON if unknown else ()))
    rebuilt = {name: text for name, text in read.items() if name in wanted and not fields.get(name)}
    return {
        "kind": kind, "letter": letter, "before": {name: texts[name] for name in {one.field or "letter" for one in findings}},
        "fields": fields, "rebuilt": rebuilt, "messages": messages, "source": given.source,
        "findings": [told(one) for one in findings], "split_key": _split_key(kind, given, rebuilt | fields, letter),
        "content_hash": content_hash(given),
        "posting": mended.posting, "resume": given.resume, "signed": (rebuilt | fields).get("applicant", "") if unknown else "",
    }  # fmt: skip


def content_hash(given: Given) -> str:
    """SHA-256 of everything that was given: what has it already comes in no second time."""
    whole = [given.letter, given.posting, given.resume, dict(given.fields), list(given.messages)]
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def _said(messages: Iterable[Mapping[str, str]]) -> str:
    return "\n\n".join(m["content"] for m in messages)


def _knows_person(given: Given) -> bool:
    return bool(given.resume) or any(given.fields.get(name) for name in _OF_PERSON if name != "applicant")


def _topic(letter: str) -> str:
    """What a post of which no question is known is about: its first sentence."""
    return prompts.condense(next(iter(structure.sentences(letter)), ""))[0]


def _split_key(kind: str, given: Given, fields: dict[str, str], letter: str) -> str:
    """By job or question, never by row: the employer, else the posting or the question, else the text itself."""
    if given.messages and not given.posting:
        company = _COMPANY.search(given.messages[-1]["content"])
        asked = next((m["content"] for m in given.messages if m["role"] == "user"), given.messages[-1]["content"])
        return letters.split_key(company.group(1) if company else "", asked)
    if kind == "answer":
        return letters.split_key("", given.posting or fields.get("title", ""), letter)
    company = fields.get("company") or (letters.job_of(given.posting, kind).company if given.posting else "")
    return letters.split_key(company, given.posting, letter)


def store(opened: Session, owner: str, rows: Sequence[dict[str, Any]]) -> list[str]:
    """Store what `made` made if its content is new; returns the ids of the new rows. They teach nothing before they are checked."""
    people = _people(opened, owner)
    values = []
    for row in rows:
        given = {name: text for name, text in row.items() if name not in ("posting", "resume", "signed")}
        resume = _document(opened, owner, "resume", row["resume"], row["kind"]) or people.get(row["signed"].casefold() or None)
        values.append(given | {
            "id": new_id("exm"), "owner_id": owner, "created_at": now(), "state": "quarantined", "resume_document_id": resume,
            "job_document_id": _document(opened, owner, "posting", row["posting"], row["kind"]),
        })  # fmt: skip
    insert = (postgresql if opened.get_bind().dialect.name == "postgresql" else sqlite).insert(Example)
    opened.connection().execute(insert.on_conflict_do_nothing(), values)
    ids = [row["id"] for row in values]
    stored = set(opened.exec(select(Example.id).where(Example.owner_id == owner, col(Example.id).in_(ids))))
    return [id for id in ids if id in stored]


def _people(opened: Session, owner: str) -> dict[str, str]:
    """Names in the owner's résumés -> the newest résumé of that name."""
    query = select(Document.id, Document.fields).where(Document.owner_id == owner, Document.kind == "resume")
    newest = opened.exec(query.order_by(col(Document.created_at).desc()).limit(MOST_RESUMES)).all()
    return {str((fields or {}).get("name") or "").casefold(): id for id, fields in reversed(newest)}


def _document(opened: Session, owner: str, kind: str, text: str, wanted: str) -> str | None:
    """The id of the document with this text. One that is there keeps its fields, which the person may have corrected."""
    given = read_text(text, "posting" if kind == "posting" else "résumé")
    if not given.text.strip():
        return None
    digest = hashlib.sha256(given.text.encode()).hexdigest()
    same = select(Document.id).where(Document.owner_id == owner, Document.kind == kind, Document.text_hash == digest)
    if (found := opened.exec(same).first()) is not None:
        return found
    fields = parse_resume(given.text) if kind == "resume" else letters.job_of(given.text, wanted)
    return letters.keep_document(opened, owner, kind, PlainText(given.text, given.warnings), fields.model_dump())


# ---- out ------------------------------------------------------------------------------------------------------------------


def documents_of(opened: Session, rows: Sequence[Example]) -> Documents:
    wanted = {id for row in rows for id in (row.job_document_id, row.resume_document_id) if id}
    found: Documents = {}
    for at in range(0, len(ids := sorted(wanted)), PAGE):
        found |= {one.id: one for one in opened.exec(select(Document).where(col(Document.id).in_(ids[at : at + PAGE])))}
    return found


def job_of(row: Example, known: Documents) -> JobPosting:
    """The posting as it was parsed or corrected; what columns said of it goes before. An answer's posting is its question."""
    document = known.get(row.job_document_id or "")
    if row.kind == "answer":
        return letters.job_of(document.text if document else row.rebuilt.get("title", ""), row.kind)
    said = briefs.job(row.rebuilt | row.fields)
    if document is None:
        return said
    read = JobPosting.model_validate(document.fields)
    return read.model_copy(update={name: value for name in ("title", "company", "requirements") if (value := getattr(said, name))})


def person_of(row: Example, known: Documents) -> ResumeProfile:
    document = known.get(row.resume_document_id or "")
    return ResumeProfile.model_validate(document.fields) if document else briefs.profile(row.rebuilt | row.fields)


def items(rows: Iterable[Example], known: Documents) -> list[quality.Item]:
    return [item(row, known) for row in rows]


def item(row: Example, known: Documents) -> quality.Item:
    """An example as the quality report reads it: with the facts that were given only, since a letter cannot contradict what was read out
    of itself. For whom and by whom it is written is no fact to be proved."""
    document, resume = (known.get(id or "") for id in (row.job_document_id, row.resume_document_id))
    if row.kind == "answer" or row.messages and not (document or row.fields):
        turns = tuple((m["role"], m["content"]) for m in row.messages) or ((("user", document.text),) if document else ())
        return quality.Item(row.id, row.kind, row.letter, turns=turns)
    job = JobPosting.model_validate(document.fields) if document else JobPosting()
    person = ResumeProfile.model_validate(resume.fields) if resume else ResumeProfile()
    names = {name: text for name, text in row.rebuilt.items() if name in ("title", "company", "applicant")}
    said = names | briefs.fields_of(job, person) | row.fields
    return quality.Item(row.id, row.kind, row.letter, document.text if document else "", said)


def is_rebuilt(row: Example) -> bool:
    """Whether it was read out of the letter what it was written for."""
    return not (row.job_document_id or row.messages or row.fields.get("title") or row.fields.get("company"))


def line(row: Example, known: Documents) -> dict[str, Any]:
    return {
        "id": row.id, "kind": row.kind, "name": name_of(row, known), "words": word_count(row.letter), "source": row.source,
        "state": row.state, "rebuilt": is_rebuilt(row), "repairable": is_repairable(row),
        "findings": list(dict.fromkeys(quality.CODES[one["code"]] for one in row.findings)),
    }  # fmt: skip


def name_of(row: Example, known: Documents) -> str:
    """What a person knows an example by: the job, the question, or how it begins."""
    document = known.get(row.job_document_id or "")
    said = "" if row.kind == "answer" else " at ".join(filter(None, (_told_of(row, document, "title"), _told_of(row, document, "company"))))
    asked = document.text if document else next((m["content"] for m in row.messages if m["role"] == "user"), "")
    said = prompts.one_line(said or asked or row.letter)
    return said if len(said) <= 80 else said[:79].rsplit(" ", 1)[0] + " …"


def company_of(row: Example, known: Documents) -> str:
    """The employer that an example was written to, "" where none is known."""
    return _told_of(row, known.get(row.job_document_id or ""), "company")


def _told_of(row: Example, document: Document | None, name: str) -> str:
    return row.fields.get(name) or row.rebuilt.get(name) or str((document.fields if document else {}).get(name) or "")


def summed(rows: Sequence[Example]) -> list[dict[str, Any]]:
    """The findings of all examples by what was found, in the order of the report."""
    seen = [(row, one) for row in rows if row.state != "left_out" for one in row.findings]
    found = []
    for code, name in quality.CODES.items():
        if hits := [(row, one) for row, one in seen if one["code"] == code]:
            aside = {row.id for row, one in hits if one["quarantine"] and row.state == "quarantined"}
            found.append({"code": code, "name": name, "count": len({row.id for row, _ in hits}), "quarantined": len(aside),
                          "reason": hits[0][1]["reason"], "example": hits[0][1]["example"]})  # fmt: skip
    return found


def repairs(row: Example, known: Documents) -> list[dict[str, Any]]:
    """What was repaired in an example: before and after, a text each."""
    found = []
    for name, before in row.before.items():
        reasons = [one["reason"] for one in row.findings if is_repair(row, one) and (one["field"] or "letter") == name]
        document = known.get(row.job_document_id or "")
        texts = {"letter": row.letter, "posting": document.text if document else "", "turns": _said(row.messages), **row.fields}
        found.append(
            {"id": row.id, "name": name_of(row, known), "field": name, "before": before, "after": texts[name], "reason": " ".join(reasons)}
        )
    return found


def told(finding: quality.Finding) -> dict[str, Any]:
    held = asdict(finding)
    return {name: held[name] for name in ("code", "reason", "example", "quarantine", "field", "twin")} | {
        "repaired": finding.repaired is not None, "by_meaning": finding.by_meaning}  # fmt: skip


def is_repair(row: Example, one: Mapping[str, Any]) -> bool:
    """Whether a finding tells of what was repaired in the example itself: what it was before is kept."""
    return one["repaired"] and not one["quarantine"] and (one["field"] or "letter") in row.before


def is_repairable(row: Example) -> bool:
    """Whether a finding sets the example aside for what a repaired text, which the person may take, would put right."""
    return any(map(_offers, row.findings))


def _offers(one: Mapping[str, Any]) -> bool:
    return one["repaired"] and one["quarantine"]


def take_repair(row: Example, known: Documents) -> None:
    """Put the repaired text that the findings offer in the place of the letter, which is kept as what was before."""
    letter, done = quality.take(item(row, known))
    if done:
        row.before = {"letter": row.letter} | row.before
        row.letter = letter
    row.findings = [*(one for one in row.findings if not _offers(one)), *map(told, done)]


def messages(row: Example, known: Documents, facts: Any, template: str | None) -> list[dict[str, str]]:
    """The prompt that writing would make for this job and person, or the conversation as it was given."""
    if row.messages:
        return row.messages
    asked = dict(kind=row.kind, words=_words(facts.spec, row))
    for budget in (facts.spec.prompt_budget_tokens, 10**9):  # a question that no budget holds is for the training's plan to name
        room = SimpleNamespace(spec=facts.spec.model_copy(update={"prompt_budget_tokens": budget}), count_tokens=facts.count_tokens,
                               special_tokens=facts.special_tokens)  # fmt: skip
        try:
            return [dict(m) for m in letters.prompt_of(room, person_of(row, known), job_of(row, known), template, **asked).messages]
        except UserError:
            continue
    raise AssertionError("no budget was enough")


def _words(spec: config.ModelSpec, row: Example) -> int:
    """The length to ask for: the one that the screen offers if the letter is about so long, else the letter's own in tens. Asking for
    160 words of a letter that has 400 would teach that the number means nothing."""
    own = word_count(row.letter)
    near = min(spec.words[row.kind], key=lambda words: abs(words - own))
    return near if abs(near - own) <= structure.TOLERANCE * near else max(10, round(own, -1))
