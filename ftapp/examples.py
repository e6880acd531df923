"""A person's own letters, messages and answers: stored, checked, kept or left out, and given to a trainer. Knows rows.

Nothing is dropped: what the quality report sets aside waits in quarantine until the person keeps it, leaves it out or deletes it.
Edited letters and imported examples lie elsewhere in the home and are offered: they become examples when the person asks for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Engine, delete, update
from sqlmodel import Session, col, select

from db.engine import session, write
from db.models import EXAMPLE_STATES, Comparison, Document, Example, Imported, Preference, Prompt
from ftapp import config, example_readers, example_rows, masking, preferences, prompts, quality, templates
from ftapp.errors import NotFound, UserError
from ftapp.example_readers import Given
from ftapp.formats import BadRow, Row
from ftapp.metrics import Similar

PAGE = 500
TRAINS = ("in", "kept")


@dataclass(frozen=True)
class Added:
    """What became of the examples that were given: ids of the new ones, how many were there already, how many of the new ones were
    repaired and how many are in quarantine."""

    ids: tuple[str, ...] = ()
    already: int = 0
    repaired: int = 0
    quarantined: int = 0


class Examples:
    """The examples of a home; every method takes the owner first and touches nobody else's rows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # ---- in -----------------------------------------------------------------------------------------------------

    def add(self, owner: str, given: Sequence[Given], similar: Similar | None = None, still: Callable[[], None] = lambda: None) -> Added:
        """`store`, and check everything anew. `similar` compares by meaning too, as in `quality.check`."""
        added = self.store(owner, given, still)
        if not added.ids:
            return added
        self.check(owner, similar)
        with session(self._engine) as opened:
            aside = _mine(owner).where(Example.state == "quarantined", col(Example.id).in_(added.ids))
            return replace(added, quarantined=len(opened.exec(aside).all()))

    def store(self, owner: str, given: Sequence[Given], still: Callable[[], None] = lambda: None) -> Added:
        """Store what is not there yet; it waits in quarantine for `check`. `still` raises where it may not be stored any more: what was
        read from the tables may have been deleted since."""
        made = [example_rows.made(one) for one in given]
        ids: list[str] = []
        for at in range(0, len(made), PAGE):
            with write(self._engine) as opened:
                still()
                ids += example_rows.store(opened, owner, made[at : at + PAGE])
        repaired = {one["content_hash"] for one in made if one["before"]}
        with session(self._engine) as opened:
            new = opened.exec(select(Example.content_hash).where(Example.owner_id == owner, col(Example.id).in_(ids))).all()
        return Added(tuple(ids), len(made) - len(ids), len(repaired.intersection(new)))

    def offered(self, owner: str) -> int:
        """How many of `offers` are no examples yet."""
        with session(self._engine) as opened:
            there = set(opened.exec(select(Example.content_hash).where(Example.owner_id == owner)))
        return len({example_rows.content_hash(one) for one in self.offers(owner)} - there)

    def offers(self, owner: str) -> list[Given]:
        """All letters that were edited or mixed here, and the imported examples."""
        with session(self._engine) as opened:
            return [*_edited(opened, owner), *_imported(opened, owner)]

    # ---- checked ------------------------------------------------------------------------------------------------

    def check(self, owner: str, similar: Similar | None = None) -> bool:
        """The quality report anew: findings, and who is in quarantine. What the person decided stays decided, and where meaning does not
        speak, what it said before. Returns whether anything is found to be otherwise than before."""
        meaning = _Meaning(similar) if similar else None
        with session(self._engine) as opened:
            rows = opened.exec(_mine(owner).where(Example.state != "left_out")).all()
            items = example_rows.items(rows, example_rows.documents_of(opened, rows))
        read = {row.id: row.letter for row in rows}  # a text that is repaired meanwhile is checked by who repairs it
        found: dict[str, list[dict[str, Any]]] = {item.id: [] for item in items}
        for finding in quality.check(items, similar=meaning):
            if finding.quarantine or finding.repaired is None:  # a mere repair is made when a text comes in, and told then
                found[finding.item_id].append(example_rows.told(finding))
        if not (meaning and meaning.spoke):
            _remember(rows, found)
        with write(self._engine) as opened:
            changed = [_judged(row, found[row.id]) for row in opened.exec(_mine(owner)) if read.get(row.id) == row.letter]
        return any(changed)

    def keep(self, owner: str, ids: Iterable[str]) -> int:
        """Let examples teach whatever was found, also those left out before; returns how many. Raises NotFound."""
        return self._decide(owner, ids, "kept")

    def leave_out(self, owner: str, ids: Iterable[str]) -> int:
        """Let examples not teach, and keep them; returns how many. Raises NotFound."""
        return self._decide(owner, ids, "left_out")

    def _decide(self, owner: str, ids: Iterable[str], state: str) -> int:
        ids = list(dict.fromkeys(ids))
        with write(self._engine) as opened:
            _found(opened, owner, ids)
            mine = update(Example).where(Example.owner_id == owner, col(Example.id).in_(ids))
            number = opened.connection().execute(mine.values(state=state)).rowcount
        if state == "left_out":
            self.freed(owner, ids)
        return number

    def repair(self, owner: str, ids: Iterable[str]) -> int:
        """Take the repaired text of examples that have one; what they were stays to be seen. Returns how many. Raises NotFound, and
        UserError when none has one."""
        with write(self._engine) as opened:
            rows = [row for row in _found(opened, owner, list(dict.fromkeys(ids))) if example_rows.is_repairable(row)]
            if not rows:
                raise UserError("None of these has a repaired text. Nothing has changed. Choose one of which the report says: take it.")
            known, changed = example_rows.documents_of(opened, rows), {row.id for row in rows}
            for row in rows:
                example_rows.take_repair(row, known)
            for row in opened.exec(_mine(owner)):  # meaning spoke of the text as it was
                row.findings = [one for one in row.findings if not (one.get("by_meaning") and changed & {row.id, one["twin"]})]
        self.check(owner)
        return len(changed)

    def delete(self, owner: str, ids: Iterable[str]) -> int:
        """Delete examples; returns how many. Raises NotFound."""
        ids = list(dict.fromkeys(ids))
        with write(self._engine) as opened:
            _found(opened, owner, ids)
            number = opened.connection().execute(delete(Example).where(Example.owner_id == owner, col(Example.id).in_(ids))).rowcount
        self.freed(owner, ids)
        return number

    def freed(self, owner: str, gone: Sequence[str]) -> None:
        """What was set aside only because of another that is gone comes back."""
        with session(self._engine) as opened:
            rows = opened.exec(_mine(owner)).all()
        if any(finding["twin"] in gone for row in rows for finding in row.findings):
            self.check(owner)
            with write(self._engine) as opened:  # those are not checked, and a finding may quote what is gone
                for row in opened.exec(_mine(owner).where(Example.state == "left_out")):
                    row.findings = [one for one in row.findings if one["twin"] not in gone]

    # ---- shown --------------------------------------------------------------------------------------------------

    def listing(self, owner: str, state: str = "") -> list[dict[str, Any]]:
        """[{id, kind, name, words, source, state, rebuilt, repairable, findings}], newest first; `findings` are names of what was found."""
        query = _mine(owner).order_by(col(Example.created_at).desc(), col(Example.id))
        with session(self._engine) as opened:
            rows = opened.exec(query.where(Example.state == state) if state else query).all()
            known = example_rows.documents_of(opened, rows)
        return [example_rows.line(row, known) for row in rows]

    def show(self, owner: str, id: str) -> dict[str, Any]:
        """An example complete: its line, letter, what a repair changed, fields given and rebuilt, posting, messages, findings.

        Raises NotFound."""
        with session(self._engine) as opened:
            (row,) = _found(opened, owner, [id])
            known = example_rows.documents_of(opened, [row])
        item = example_rows.item(row, known)
        return example_rows.line(row, known) | {
            "letter": row.letter, "before": row.before, "fields": row.rebuilt | dict(item.fields), "posting": item.posting,
            "messages": row.messages, "findings": row.findings,
        }  # fmt: skip

    def report(self, owner: str) -> dict[str, Any]:
        """{total, in, quarantined, kept, left_out, findings, quarantine, repaired, enough}.

        `findings`: [{code, name, count, quarantined, reason, example}], `quarantine`: those set aside as `listing` has them, with their
        findings whole, `repaired`: [{id, name, field, before, after, reason}], `enough`: quality.Enough as an object.
        """
        with session(self._engine) as opened:
            rows = opened.exec(_mine(owner).order_by(col(Example.created_at), col(Example.id))).all()
            known = example_rows.documents_of(opened, rows)
        states = Counter(row.state for row in rows)
        held = [row for row in rows if row.state == "quarantined"]
        enough = asdict(quality.enough(example_rows.items([row for row in rows if row.state in TRAINS], known), []))
        return {
            "total": len(rows), **{state: states[state] for state in EXAMPLE_STATES}, "findings": example_rows.summed(rows),
            "quarantine": [example_rows.line(row, known) | {"letter": row.letter, "findings": row.findings} for row in held],
            "repaired": [one for row in rows for one in example_rows.repairs(row, known)],
            "enough": enough | {"kinds": dict(enough["kinds"])},
        }  # fmt: skip


# ---- out: what a trainer and the voice card read --------------------------------------------------------------------------


def letters(opened: Session, owner: str) -> list[str]:
    """The texts that teach, oldest first."""
    return list(opened.exec(select(Example.letter).where(*_teaching(owner)).order_by(col(Example.created_at), col(Example.id))))


def training_rows(opened: Session, owner: str, facts: Any = None) -> list[dict[str, Any]]:
    """[{id, kind, prompt, completion, split_key}] of the examples that teach, in the order of their ids.

    `prompt` is what writing would give the model for this job and person, or the conversation as it was given, of which each answer is
    a row. Contact data and other people's names are masks. `facts` is the model that will learn: a backend, or anything with its `spec`,
    `count_tokens` (or None) and `special_tokens`; without it the model of configs/app.yaml.
    """
    facts = facts or _facts()
    rows = opened.exec(select(Example).where(*_teaching(owner)).order_by(col(Example.id))).all()
    mask = masking.Mask(people=False)

    def harmless(text: str) -> str:
        return mask(prompts.neutralise(text, facts.special_tokens)[0])

    made = []
    for row, known, messages in _asked(opened, owner, rows, facts):
        company = example_rows.company_of(row, known)
        said = [m | {"content": masking.nobody(harmless(m["content"]), company) if m["role"] == "assistant" else harmless(m["content"])}
                for m in messages]  # fmt: skip
        turns = [*said, {"role": "assistant", "content": masking.nobody(harmless(row.letter), company)}]
        for at in (at for at, turn in enumerate(turns) if turn["role"] == "assistant" and at):
            id = row.id if at == len(turns) - 1 else f"{row.id}.{at}"
            made.append({"id": id, "kind": row.kind, "prompt": turns[:at], "completion": turns[at]["content"], "split_key": row.split_key})
    return made


def answered(opened: Session, owner: str, after: str, most: int) -> list[Row]:
    """Up to `most` examples that teach, in the order of their ids behind `after`, each as one row with the prompt that it answers. Nothing
    is masked; `applicant` in the provenance is whose name the text is signed with."""
    rows = opened.exec(select(Example).where(*_teaching(owner), col(Example.id) > after).order_by(col(Example.id)).limit(most)).all()
    made = []
    for row, known, messages in _asked(opened, owner, rows, _facts()):
        told = {"id": row.id, "kind": row.kind, "split_key": row.split_key, "applicant": example_rows.person_of(row, known).name}
        made.append(Row("example", messages, row.letter, provenance=told))
    return made


def _facts() -> SimpleNamespace:
    """Of a backend what a prompt needs, for the model of configs/app.yaml, without loading it."""
    return SimpleNamespace(spec=config.model_spec(config.app_config().model), count_tokens=None, special_tokens=())


def _asked(
    opened: Session, owner: str, rows: Sequence[Example], facts: Any
) -> Iterator[tuple[Example, example_rows.Documents, list[dict[str, str]]]]:
    """Each example with the documents that are known and the messages that it answers."""
    known = example_rows.documents_of(opened, rows)
    own = {kind: templates.own_text(opened, owner, kind) for kind in {row.kind for row in rows}}
    for row in rows:
        yield row, known, example_rows.messages(row, known, facts, own[row.kind])


# ---- rows -------------------------------------------------------------------------------------------------------------


def _mine(owner: str) -> Any:
    return select(Example).where(Example.owner_id == owner)


def _teaching(owner: str) -> tuple[Any, ...]:
    return Example.owner_id == owner, col(Example.state).in_(TRAINS)


def _found(opened: Session, owner: str, ids: Sequence[str]) -> list[Example]:
    """Raises NotFound for the first that is missing or another owner's."""
    rows = {row.id: row for row in opened.exec(_mine(owner).where(col(Example.id).in_(list(ids))))}
    for id in ids:
        if id not in rows:
            raise NotFound(f"There is no example {str(id)[:24]!r} here. Nothing has changed. Choose one that the list shows.")
    return [rows[id] for id in ids]


def _judged(row: Example, found: list[dict[str, Any]]) -> bool:
    """Put findings on a row, and it in or out of quarantine unless the person decided; whether that changed anything."""
    before = row.findings, row.state
    row.findings = [one for one in row.findings if example_rows.is_repair(row, one)] + found
    if row.state in ("in", "quarantined"):
        row.state = "quarantined" if any(one["quarantine"] for one in row.findings) else "in"
    return (row.findings, row.state) != before


class _Meaning:
    """Sentence embeddings, and whether they spoke: a model that is not there says nothing, and none is asked about too many texts."""

    def __init__(self, similar: Similar) -> None:
        self._similar, self._asked, self._answered = similar, 0, 0

    def __call__(self, texts: Sequence[str], lines: Sequence[str]) -> Any:
        self._asked += 1
        cosines = self._similar(texts, lines)
        self._answered += 1
        return cosines

    @property
    def spoke(self) -> bool:
        return 0 < self._asked == self._answered


def _remember(rows: Sequence[Example], found: dict[str, list[dict[str, Any]]]) -> None:
    """What only meaning finds stays found while words alone are asked, as long as both of its examples are there. Of several that
    repeat one that is gone, the first comes back, and the others repeat that."""
    place = {code: at for at, code in enumerate(quality.CODES)}
    heirs: dict[str, str] = {}
    for row in rows:
        again = {one["code"] for one in found[row.id]}
        for one in (one for one in row.findings if one.get("by_meaning") and one["code"] not in again):
            gone = one["twin"] not in found
            twin = heirs.setdefault(one["twin"], row.id) if gone and one["code"] == "near_duplicate" else one["twin"]
            if twin in found and twin != row.id:
                found[row.id].append(one | {"twin": twin})
        found[row.id].sort(key=lambda one: place[one["code"]])


# ---- offered ------------------------------------------------------------------------------------------------------------


def _edits(owner: str) -> Any:
    """Letters that the owner edited or mixed in choices that stand; those of other labelers are in another voice, and what was asked
    twice measures its labeler."""
    return (
        select(Preference.edited_text, Prompt)
        .join(Comparison, col(Preference.comparison_id) == Comparison.id)
        .join(Prompt, col(Comparison.prompt_id) == Prompt.id)
        .where(Preference.owner_id == owner, col(Preference.undone_at).is_(None), col(Preference.edited_text).is_not(None))
        .where(col(Comparison.repeat_of).is_(None), col(Preference.labeler).in_((owner, preferences.SETTLED)))
        .order_by(col(Preference.created_at), col(Preference.id))
    )


def _edited(opened: Session, owner: str) -> list[Given]:
    made = []
    for text, prompt in opened.exec(_edits(owner)):
        found = (opened.get(Document, id) if id else None for id in (prompt.job_document_id, prompt.resume_document_id))
        job, resume = (one.text if one else "" for one in found)
        made.append(Given(text, prompt.kind, job, resume, messages=tuple(prompt.messages), source="edited"))
    return made


def _imported(opened: Session, owner: str) -> list[Given]:
    query = select(Imported.prompt, Imported.chosen).where(Imported.owner_id == owner, Imported.kind == "example")
    made = []
    for prompt, chosen in opened.exec(query.order_by(col(Imported.id)).limit(example_readers.MOST_EXAMPLES)):
        try:
            made.append(example_readers.of_chat(Row("example", prompt, chosen)))
        except BadRow:  # longer than any example may be: it stays among the imported rows
            continue
    return example_readers.as_source(made, "imported")
