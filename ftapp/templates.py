"""What the model is told first, as each owner words it: the shipped text of a kind, or an edited one.

A template holds plain named fields (`{title}`), replaced as text and nothing else. Saved texts are never overwritten, so the
`template_hash` of every Prompt names a text for ever. Knows rows and prompts; no model.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from sqlmodel import Session, select, update

from db.engine import session, write
from db.models import Template, now
from ftapp import documents, prompts
from ftapp.errors import NotFound, UserError
from ftapp.profiles import JobPosting

# Field -> what stands there when the texts do not say. A field's value is one line: a posting's title cannot add a line of orders.
FIELDS = {"kind": "letter", "tone": "plain", "words": "", "language": "English", "title": "the job", "company": "the company"}
MOST_CHARACTERS = 1000  # about 250 tokens: more would crowd the posting and the résumé out of a small model's prompt
NOT_THE_ORIGINAL = "The model that ships with ftapp was trained on the original. With another text it may write worse."
_FIELD = re.compile(r"\{([^{}]*)\}")


def digest(text: str) -> str:
    """SHA-256 hex of a template."""
    return hashlib.sha256(text.encode()).hexdigest()


def checked(text: str) -> str:
    """A template as it is stored: visible characters, no empty edges. Raises UserError when it is empty, too long, or names
    a field that does not exist."""
    text = documents.read_text(text, "template").text.strip()
    if not text:
        raise UserError("The template is empty. The model would not know what to write. Type one, or go back to the original.")
    if len(text) > MOST_CHARACTERS:
        raise UserError(
            f"The template has {len(text):,} characters; up to {MOST_CHARACTERS:,} are taken. A longer one would leave too little room "
            "for the posting and the résumé. Shorten it."
        )
    unknown = list(dict.fromkeys(name for name in _FIELD.findall(text) if name not in FIELDS))
    if unknown:
        raise UserError(
            f"The template names {', '.join('{' + name[:30] + '}' for name in unknown[:3])}, which is no field. It was not stored. "
            f"The fields are {', '.join('{' + name + '}' for name in FIELDS)}; write other text without braces."
        )
    return text


def filled(text: str, values: Mapping[str, str]) -> str:
    """The template with its fields replaced, each by one line; an empty value by its stand-in."""
    return _FIELD.sub(lambda m: prompts.condense(values.get(m[1], ""))[0] or FIELDS.get(m[1], m[0]), text)


def values(kind: str, tone: str, words: int, job: JobPosting) -> dict[str, str]:
    """What the fields stand for in one prompt."""
    return {"kind": prompts.KIND_NAMES[kind], "tone": tone, "words": str(words), "language": job.language, "title": job.title,
            "company": job.company}  # fmt: skip


class Templates:
    """The templates of a home; the owner always comes first."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def own(self, owner: str, kind: str) -> str | None:
        """The owner's edited text, None where the original is used. Raises UserError for a kind that does not exist."""
        prompts.template(kind)
        with session(self._engine) as opened:
            return own_text(opened, owner, kind)

    def listing(self, owner: str) -> list[dict[str, Any]]:
        """[{kind, text, hash, edited, updated_at}], one a kind, in the order of the kinds; updated_at is None for an original."""
        with session(self._engine) as opened:
            found = {kind: _active(opened, owner, kind) for kind in prompts.KINDS}
        return [_shown(kind, row) for kind, row in found.items()]

    def show(self, owner: str, kind: str) -> dict[str, Any]:
        """One entry of `listing`. Raises UserError for a kind that does not exist."""
        prompts.template(kind)
        return next(row for row in self.listing(owner) if row["kind"] == kind)

    def save(self, owner: str, kind: str, text: str) -> dict[str, Any]:
        """Use this text from the next prompt on; the original's own words are the original. Returns the entry. Raises UserError."""
        original, text = prompts.template(kind), checked(text)
        with write(self._engine) as opened:
            _put_aside(opened, owner, kind)
            if text != original:
                opened.add(_version(opened, owner, kind, text))
        return self.show(owner, kind)

    def reset(self, owner: str, kind: str) -> dict[str, Any]:
        """Back to the original; the edited text stays in the history. Returns the entry. Raises UserError."""
        prompts.template(kind)
        with write(self._engine) as opened:
            _put_aside(opened, owner, kind)
        return self.show(owner, kind)

    def text_of(self, owner: str, template_hash: str) -> str:
        """The text that a prompt's `template_hash` stands for. Raises NotFound when it is neither shipped nor this owner's."""
        shipped = {digest(text): text for text in map(prompts.template, prompts.KINDS)}
        with session(self._engine) as opened:
            same = select(Template.text).where(Template.owner_id == owner, Template.text_hash == template_hash)
            text = shipped.get(template_hash) or opened.exec(same).first()
        if text is None:
            raise NotFound(
                f"There is no template {template_hash[:12]!r} here. It was shipped with another version of ftapp, or it is another "
                "person's. What the model was told stands in the prompt itself."
            )
        return text


def own_text(opened: Session, owner: str, kind: str) -> str | None:
    """The owner's edited text, None where the original is used."""
    found = _active(opened, owner, kind)
    return found.text if found else None


def _active(opened: Session, owner: str, kind: str) -> Template | None:
    return opened.exec(select(Template).where(Template.owner_id == owner, Template.kind == kind, Template.active)).first()


def _put_aside(opened: Session, owner: str, kind: str) -> None:
    """At once, not with the next flush: two active rows are never allowed, and a flush inserts before it updates."""
    active = update(Template).where(Template.owner_id == owner, Template.kind == kind, Template.active)
    opened.exec(active.values(active=False, updated_at=now()))


def _version(opened: Session, owner: str, kind: str, text: str) -> Template:
    """The row of this text, made active; an earlier one with the same words comes back."""
    same = select(Template).where(Template.owner_id == owner, Template.kind == kind, Template.text_hash == digest(text))
    row = opened.exec(same).first() or Template(owner_id=owner, kind=kind, text=text, text_hash=digest(text))
    row.active, row.updated_at = True, now()
    return row


def _shown(kind: str, row: Template | None) -> dict[str, Any]:
    text = row.text if row else prompts.template(kind)
    return {"kind": kind, "text": text, "hash": digest(text), "edited": row is not None,
            "updated_at": row.updated_at.isoformat(timespec="seconds") if row else None}  # fmt: skip
