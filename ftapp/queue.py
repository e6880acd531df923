"""The labelling queue: pairs to be written and pairs to be judged, whose turn each is, and which are asked again.

An item waits, is written ahead (`labelling.py` does that), and is then ready until enough people have judged it; how many have
is counted from their choices, never noted down. Knows rows, not models or screens.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func
from sqlmodel import Session, col, select

from db.models import Comparison, LabelRules, Preference, QueueItem, Turn, new_id, now
from ftapp import config
from ftapp.errors import NotFound, UserError
from ftapp.preferences import SETTLED

MOST_LABELS_NEEDED = 9


# ---- what is to be written ------------------------------------------------------------------------------------


def add(session: Session, owner: str, texts: Iterable[tuple[str, str | None]], kind: str, tone: str, words: int) -> int:
    """Plan a pair for each (posting's document, résumé's document); returns how many are new. One that waits or is ready
    already is not planned twice. Raises UserError when too many would wait."""
    open_items = select(QueueItem).where(QueueItem.owner_id == owner, col(QueueItem.state).in_(("waiting", "ready")))
    rows = session.exec(open_items).all()
    known = {(row.job_document_id, row.resume_document_id, row.kind, row.words) for row in rows}
    last = session.exec(select(func.max(QueueItem.position)).where(QueueItem.owner_id == owner)).one() or 0
    fresh = [pair for pair in dict.fromkeys(texts) if (*pair, kind, words) not in known]
    most = config.app_config().queue_most_waiting
    if sum(row.state == "waiting" for row in rows) + len(fresh) > most:
        raise UserError(f"{len(fresh)} more pairs were asked for. No more than {most} can wait at once. Add fewer, or clear the queue.")
    session.add_all(
        QueueItem(owner_id=owner, kind=kind, tone=tone, words=words, job_document_id=job, resume_document_id=resume, position=last + n)
        for n, (job, resume) in enumerate(fresh, 1)
    )
    session.flush()
    return len(fresh)


def owners(session: Session) -> list[str]:
    """Everybody for whom something waits to be written."""
    return list(session.exec(select(QueueItem.owner_id).where(QueueItem.state == "waiting").distinct()))


def next_to_write(session: Session, owner: str) -> QueueItem | None:
    return session.exec(
        select(QueueItem).where(QueueItem.owner_id == owner, QueueItem.state == "waiting").order_by(col(QueueItem.position)).limit(1)
    ).first()


def written(session: Session, item_id: str, comparison_id: str) -> None:
    """The item's pair is stored: from now on it is asked."""
    item = session.get_one(QueueItem, item_id)
    item.state, item.comparison_id = "ready", comparison_id
    session.add(item)


def put_aside(session: Session, item_id: str, state: str, reason: str) -> None:
    """`alike` or `failed`, with a sentence; such an item is never asked."""
    item = session.get_one(QueueItem, item_id)
    item.state, item.reason = state, reason
    session.add(item)


def clear(session: Session, owner: str) -> int:
    """Forget what is not written yet, and what could not be; returns how many. What is ready stays."""
    gone = session.exec(select(QueueItem).where(QueueItem.owner_id == owner, col(QueueItem.state) != "ready")).all()
    for item in gone:
        session.delete(item)
    return len(gone)


# ---- whose turn it is -----------------------------------------------------------------------------------------


def take(session: Session, owner: str, labeler: str, most: int = 2) -> list[str]:
    """The comparisons that this labeler is to judge next, at most `most`, held for them from now; those already held come first.

    A pair is held by as many people as it needs labels, so nobody gets it by accident; who goes away gives it back by time.
    """
    until = now() + timedelta(seconds=config.app_config().queue_lease_seconds)
    mine = select(Turn.id).where(Turn.item_id == QueueItem.id, Turn.labeler == labeler, Turn.until > now()).exists()
    query = _open(owner, labeler, _needed(session, owner)).order_by(case((mine, 0), else_=1), col(QueueItem.position), QueueItem.id)
    found = session.exec(query.limit(most)).all()
    turns = {turn.item_id: turn for turn in session.exec(select(Turn).where(Turn.labeler == labeler, col(Turn.item_id).in_(
        [item.id for item in found])))}  # fmt: skip
    for item in found:
        turn = turns.get(item.id) or Turn(owner_id=owner, item_id=item.id, labeler=labeler, until=until)
        turn.until = until
        session.add(turn)
    return [item.comparison_id for item in found]


def available(session: Session, owner: str, labeler: str | None = None) -> int:
    """How many pairs are ready for this labeler, or for somebody new."""
    return session.exec(_open(owner, labeler or "", _needed(session, owner), func.count())).one()


def let_go(session: Session, owner: str, labeler: str, comparison_id: str, skipped: bool = False) -> None:
    """The labeler's turn with a pair is over, since it was judged or, with `skipped`, is not to be asked of them again.

    Raises NotFound for a pair to be skipped that is not in the owner's queue.
    """
    item = session.exec(select(QueueItem).where(QueueItem.owner_id == owner, QueueItem.comparison_id == comparison_id)).first()
    if item is None:
        if skipped:
            raise NotFound(f"There is no pair {comparison_id[:24]!r} in this queue. Nothing has changed. Ask for the next one.")
        return
    turn = session.exec(select(Turn).where(Turn.item_id == item.id, Turn.labeler == labeler)).first()
    if turn is None:
        turn = Turn(owner_id=owner, item_id=item.id, labeler=labeler, until=now())
    turn.until, turn.skipped_at = now(), now() if skipped else None
    session.add(turn)


def _open(owner: str, labeler: str, needed: int, *columns: Any) -> Select:
    """The items that this labeler may judge now: fewer labels and holders than needed, not theirs already, not passed over."""
    of_item = Preference.comparison_id == QueueItem.comparison_id, col(Preference.undone_at).is_(None)
    labels = select(func.count()).select_from(Preference).where(*of_item, Preference.labeler != SETTLED).scalar_subquery()
    held = select(func.count()).select_from(Turn).where(
        Turn.item_id == QueueItem.id, Turn.labeler != labeler, Turn.until > now(), col(Turn.skipped_at).is_(None)
    ).scalar_subquery()  # fmt: skip
    judged = select(Preference.id).where(*of_item, Preference.labeler == labeler).exists()
    skipped = select(Turn.id).where(Turn.item_id == QueueItem.id, Turn.labeler == labeler, col(Turn.skipped_at).is_not(None)).exists()
    return (
        (select(*columns).select_from(QueueItem) if columns else select(QueueItem))
        .where(QueueItem.owner_id == owner, QueueItem.state == "ready", ~judged, ~skipped)
        .where(col(QueueItem.labeler).is_(None) | (QueueItem.labeler == labeler))
        .where(labels + held < _wanted(needed))
    )


def _wanted(needed: int) -> ColumnElement[int]:
    return case((col(QueueItem.labeler).is_not(None), 1), else_=needed)


# ---- asked again ----------------------------------------------------------------------------------------------


def repeat(session: Session, owner: str, labeler: str, share: float | None = None) -> str | None:
    """With the chance `share`, ask one of the labeler's earlier pairs again with its sides swapped; returns the new comparison.

    It is a comparison of its own (`repeat_of`) and never a pair. A corrected letter is not asked again.
    """
    rules = config.app_config()
    if secrets.randbelow(10_000) >= 10_000 * (rules.repeat_share if share is None else share):
        return None
    asked = select(Comparison.repeat_of).join(QueueItem, col(QueueItem.comparison_id) == Comparison.id).where(QueueItem.labeler == labeler)
    query = (
        select(Comparison, QueueItem)
        .join(Preference, col(Preference.comparison_id) == Comparison.id)
        .join(QueueItem, col(QueueItem.comparison_id) == Comparison.id)
        .where(Preference.owner_id == owner, Preference.labeler == labeler, col(Preference.undone_at).is_(None))
        .where(col(Comparison.repeat_of).is_(None), col(Preference.edited_text).is_(None))
        .where(col(Comparison.id).not_in(asked.where(col(Comparison.repeat_of).is_not(None))))
        .order_by(col(Preference.created_at).desc())
        .offset(rules.repeat_after)
        .limit(50)
    )
    found = session.exec(query).all()
    if not found:
        return None
    first, item = secrets.choice(found)
    again = Comparison(
        id=new_id("cmp"), owner_id=owner, prompt_id=first.prompt_id, left_letter_id=first.right_letter_id,
        right_letter_id=first.left_letter_id, proven=first.proven, two_base_samples=first.two_base_samples, repeat_of=first.id,
    )  # fmt: skip
    session.add(again)
    session.flush()
    copied = {name: getattr(item, name) for name in ("kind", "tone", "words", "job_document_id", "resume_document_id")}
    session.add(QueueItem(owner_id=owner, position=0, state="ready", comparison_id=again.id, labeler=labeler, **copied))
    session.flush()
    return again.id


# ---- how far it is, and its rules -----------------------------------------------------------------------------


def progress(session: Session, owner: str, labeler: str) -> dict[str, int]:
    """{pairs, judged, ready, waiting, alike, failed, mine}: pairs planned (repeats apart), those judged by as many as are needed,
    those ready for this labeler, those still to be written, put aside, and this labeler's own labels."""
    states = dict(session.exec(
        select(QueueItem.state, func.count()).where(QueueItem.owner_id == owner, col(QueueItem.labeler).is_(None)).group_by(QueueItem.state)
    ).all())  # fmt: skip
    labels = select(func.count()).select_from(Preference).where(
        Preference.comparison_id == QueueItem.comparison_id, col(Preference.undone_at).is_(None), Preference.labeler != SETTLED
    ).scalar_subquery()  # fmt: skip
    asked = QueueItem.owner_id == owner, QueueItem.state == "ready", col(QueueItem.labeler).is_(None)
    judged = session.exec(select(func.count()).select_from(QueueItem).where(*asked, labels >= _needed(session, owner))).one()
    mine = select(func.count()).select_from(Preference).where(
        Preference.owner_id == owner, Preference.labeler == labeler, col(Preference.undone_at).is_(None)
    )  # fmt: skip
    counted = {state: states.get(state, 0) for state in ("waiting", "alike", "failed")}
    return counted | {
        "pairs": counted["waiting"] + states.get("ready", 0), "judged": judged,
        "ready": available(session, owner, labeler), "mine": session.exec(mine).one(),
    }  # fmt: skip


def reasons(session: Session, owner: str) -> list[str]:
    """Why items were put aside, newest first, each sentence once."""
    aside = select(QueueItem.reason).where(QueueItem.owner_id == owner, QueueItem.state == "failed")
    return list(dict.fromkeys(filter(None, session.exec(aside.order_by(col(QueueItem.position).desc()).limit(20)))))


def rules(session: Session, owner: str) -> LabelRules:
    """The owner's rules; the shipped ones, not stored, while there are none."""
    stored = session.exec(select(LabelRules).where(LabelRules.owner_id == owner)).first()
    return stored or LabelRules(owner_id=owner, guidelines=(config.CONFIGS / "guidelines.md").read_text(encoding="utf-8"))


def set_rules(session: Session, owner: str, guidelines: str | None = None, labels_needed: int | None = None) -> LabelRules:
    """Change what is given. Raises UserError for a number of labels that cannot be meant, and for too long a text."""
    if labels_needed is not None and not 1 <= labels_needed <= MOST_LABELS_NEEDED:
        raise UserError(f"{labels_needed} labels a pair were asked for. Nothing has changed. Choose 1 to {MOST_LABELS_NEEDED}.")
    if guidelines is not None and len(guidelines) > 20_000:
        raise UserError(f"The guidelines have {len(guidelines)} characters. Nobody would read them. Keep them below 20,000.")
    row = rules(session, owner)
    row.guidelines = row.guidelines if guidelines is None else guidelines.strip()
    row.labels_needed = labels_needed or row.labels_needed
    session.add(row)
    session.flush()
    return row


def _needed(session: Session, owner: str) -> int:
    return session.exec(select(LabelRules.labels_needed).where(LabelRules.owner_id == owner)).first() or 1
