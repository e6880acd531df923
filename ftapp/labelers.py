"""Who may label an owner's queue: people named on this machine, with a password, or by their Hugging Face login.

Knows rows and passwords (kept as scrypt hashes), not how somebody's browser is known.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any

from sqlmodel import Session, col, select

from db.models import LABELER_WAYS, Labeler, now
from ftapp.errors import NotAllowed, NotFound, UserError

MOST_NAME, LEAST_PASSWORD = 40, 8
_COST = {"n": 2**14, "r": 8, "p": 1}  # 16 MB and some 50 ms a guess (RFC 7914)


def add(session: Session, owner: str, name: str, way: str = "local", password: str = "") -> Labeler:
    """A new labeler. Raises UserError for a name or password that will not do, or a name that is taken."""
    name = " ".join(name.split())
    if not 0 < len(name) <= MOST_NAME:
        raise UserError(f"The name has {len(name)} characters. Nobody was added. Give one of 1 to {MOST_NAME}.")
    if way not in LABELER_WAYS:
        raise UserError(f"There is no way {way[:20]!r} to be known. Nobody was added. Choose {', '.join(LABELER_WAYS)}.")
    if way == "password" and len(password) < LEAST_PASSWORD:
        raise UserError(f"The password has {len(password)} characters. Nobody was added. Give at least {LEAST_PASSWORD}.")
    if any(row.name.casefold() == name.casefold() for row in present(session, owner)):
        raise UserError("There is a labeler of that name already. Nobody was added. Give another name.")
    row = Labeler(owner_id=owner, name=name, way=way, password_hash=_hashed(password) if way == "password" else None)
    session.add(row)
    session.flush()
    return row


def present(session: Session, owner: str) -> list[Labeler]:
    """The owner's labelers, those who left apart, by name."""
    return list(session.exec(select(Labeler).where(Labeler.owner_id == owner, col(Labeler.gone_at).is_(None)).order_by(Labeler.name)))


def remove(session: Session, owner: str, labeler_id: str) -> None:
    """They cannot label any more; what they chose stays. Raises NotFound."""
    row = find(session, owner, labeler_id)
    row.gone_at = now()
    session.add(row)


def find(session: Session, owner: str, labeler_id: str) -> Labeler:
    """Raises NotFound for one that is not the owner's or has left."""
    row = session.exec(
        select(Labeler).where(Labeler.owner_id == owner, Labeler.id == labeler_id, col(Labeler.gone_at).is_(None))
    ).first()
    if row is None:
        raise NotFound("There is no such labeler here. Nothing has changed. Choose a name of the list.")
    return row


def known(session: Session, owner: str, way: str, name: str, password: str = "") -> Labeler:
    """The labeler who comes in this way under this name. Raises NotAllowed, with the same words whatever was wrong."""
    row = next((one for one in present(session, owner) if one.way == way and one.name.casefold() == name.strip().casefold()), None)
    stored = row.password_hash if row and row.password_hash else _hashed("")  # as slow for a name that does not exist
    right = _is(password, stored)
    if row is None or (way == "password" and not right):
        raise NotAllowed("That name and password do not belong together. You are not signed in. Try again or ask the owner.")
    return row


def names(session: Session, owner: str) -> dict[str, str]:
    """labeler id -> name, of everybody who ever labelled for this owner."""
    rows = session.exec(select(Labeler).where(Labeler.owner_id == owner)).all()
    return {row.id: row.name for row in rows} | {owner: "You" if owner == "local" else "The owner"}


def shown(row: Labeler) -> dict[str, Any]:
    return {"id": row.id, "name": row.name, "way": row.way, "since": row.created_at.date().isoformat()}


def _hashed(password: str) -> str:
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${hashlib.scrypt(password.encode(), salt=salt, **_COST).hex()}"


def _is(password: str, stored: str) -> bool:
    salt, _, digest = stored.partition("$")
    return hmac.compare_digest(hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), **_COST).hex(), digest)
