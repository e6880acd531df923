"""Looking back on verdicts: the last ones, everything known of one, where they contradict each other, and what they say together.

Knows rows; the numbers are `agreement`'s and `strength`'s.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from db.models import Comparison, Document, Letter, Preference, Prompt
from ftapp import agreement, labelers, letters, preferences, strength
from ftapp.agreement import Label
from ftapp.backends.pair import SERVED
from ftapp.errors import NotFound

MOST_LISTED = 50


def recent(session: Session, owner: str, labeler: str, most: int = 10) -> list[dict[str, Any]]:
    """A labeler's last decisions, newest first: {receipt, comparison_id, verdict, edited, mixed, reasons, at, left_model, right_model,
    title, company}."""
    newest = (  # first the few, then what they are about
        select(Preference.id)
        .where(Preference.owner_id == owner, Preference.labeler == labeler, col(Preference.undone_at).is_(None))
        .order_by(col(Preference.created_at).desc(), col(Preference.id))
        .limit(most)
    )
    left, right = aliased(Letter), aliased(Letter)
    query = (
        select(Preference, left.adapter_id, left.base_id, right.adapter_id, right.base_id, Document.fields)
        .join(Comparison, col(Preference.comparison_id) == Comparison.id)
        .join(left, col(Comparison.left_letter_id) == left.id)
        .join(right, col(Comparison.right_letter_id) == right.id)
        .join(Prompt, col(Comparison.prompt_id) == Prompt.id)
        .outerjoin(Document, col(Prompt.job_document_id) == Document.id)
        .where(col(Preference.id).in_(newest))
        .order_by(col(Preference.created_at).desc(), col(Preference.id))
    )
    return [
        {
            "receipt": p.id, "comparison_id": p.comparison_id, "verdict": p.verdict, "edited": p.edited_text is not None,
            "mixed": p.edited_from == "both", "reasons": p.reasons, "at": p.created_at.isoformat(timespec="seconds"),
            "left_model": letters.writer(one, base), "right_model": letters.writer(other, its_base),
            "title": (fields or {}).get("title", ""), "company": (fields or {}).get("company", ""),
        }
        for p, one, base, other, its_base, fields in session.exec(query)
    ]  # fmt: skip


def story(session: Session, owner: str, receipt: str) -> dict[str, Any]:
    """A decision and its pair, complete: the exact prompt and its template, both letters with base, adapter, seed and sampling, who
    judged on which side, when, and how long it took. Raises NotFound."""
    stored = session.exec(select(Preference).where(Preference.owner_id == owner, Preference.id == receipt)).first()
    if stored is None:
        raise NotFound(f"There is no choice {str(receipt)[:24]!r} here. Nothing has changed. Give the receipt that the vote returned.")
    row = session.get_one(Comparison, stored.comparison_id)
    prompt = session.get_one(Prompt, row.prompt_id)
    wrote = {}
    for side, id in (("left", row.left_letter_id), ("right", row.right_letter_id)):
        letter = session.get_one(Letter, id)
        names = ("text", "finished", "base_id", "base_hash", "adapter_id", "adapter_sha256", "seed", "sampling", "seconds")
        wrote[side] = {name: getattr(letter, name) for name in names}
    about = {"kind": prompt.kind, "tone": prompt.tone, "words": prompt.words, "prompt": prompt.messages,
             "prompt_hash": prompt.prompt_hash, "template_hash": prompt.template_hash}  # fmt: skip
    given = {name: getattr(stored, name) for name in ("verdict", "edited_text", "edited_from", "reasons", "labeler", "seconds")}
    when = {"at": stored.created_at.isoformat(), "undone_at": stored.undone_at.isoformat() if stored.undone_at else None}
    return {"receipt": stored.id, "comparison_id": row.id, "repeat_of": row.repeat_of, **given, **when, **about, **wrote}


def labels(session: Session, owner: str, base_id: str | None = None) -> list[Label]:
    """All verdicts that stand, settlements apart, oldest first. An edit counts for the side it began from, a mix for neither."""
    left, right = aliased(Letter), aliased(Letter)
    query = (
        select(
            Preference.id, Preference.comparison_id, Comparison.repeat_of, Preference.labeler, Preference.verdict, Preference.edited_from,
            left.adapter_id, left.base_id, right.adapter_id, right.base_id, func.length(left.text), func.length(right.text),
            Prompt.kind, Preference.created_at, Preference.seconds,
        )
        .join(Comparison, col(Preference.comparison_id) == Comparison.id)
        .join(left, col(Comparison.left_letter_id) == left.id)
        .join(right, col(Comparison.right_letter_id) == right.id)
        .join(Prompt, col(Comparison.prompt_id) == Prompt.id)
        .where(Preference.owner_id == owner, col(Preference.undone_at).is_(None), Preference.labeler != preferences.SETTLED)
        .order_by(col(Preference.created_at), col(Preference.id))
    )  # fmt: skip
    if base_id is not None:
        query = query.where(*(or_(side.base_id == base_id, col(side.base_id).startswith(SERVED)) for side in (left, right)))
    return [
        Label(id, pair, repeat, who, "tie" if edited == "both" else edited or said, letters.writer(a, base), letters.writer(b, its_base),
              long, wide, kind, at, seconds)  # fmt: skip
        for id, pair, repeat, who, said, edited, a, base, b, its_base, long, wide, kind, at, seconds in session.exec(query)
    ]


def statistics(session: Session, owner: str) -> dict[str, Any]:
    """{labels, people, agreement, steadiness, side, length, models, by_kind, by_week, disagreements, contradictions}."""
    found, names = labels(session, owner), labelers.names(session, owner)
    settled = set(session.exec(select(Preference.comparison_id).where(
        Preference.owner_id == owner, Preference.labeler == preferences.SETTLED, col(Preference.undone_at).is_(None))))  # fmt: skip
    differ = {pair: said for pair, said in agreement.disagreements(found).items() if pair not in settled}
    first = agreement.first(found)
    return {
        "labels": len(found),
        "people": [row | {"name": names.get(row["labeler"], row["labeler"])} for row in agreement.people(found)],
        "agreement": agreement.between(found), "steadiness": agreement.steadiness(found),
        "side": agreement.sides(found), "length": agreement.lengths(found),
        "models": strength.fit([game(label) for label in first]),
        "by_kind": _won(first, lambda label: label.kind), "by_week": _won(first, lambda label: f"{label.at:%G}, week {label.at:%V}"),
        "disagreements": [
            {"comparison_id": pair, "said": {names.get(who, who): verdict for who, verdict in said.items()}}
            for pair, said in list(differ.items())[-MOST_LISTED:]
        ],
        "contradictions": contradictions(session, owner, found),
    }  # fmt: skip


def noise(session: Session, owner: str) -> float | None:
    """The measured share of wrong choices, or None while too few pairs were asked twice."""
    return agreement.steadiness(labels(session, owner))["flip_rate"]


def contradictions(session: Session, owner: str, found: Sequence[Label]) -> list[dict[str, Any]]:
    """Choices that cannot both be meant: a pair asked twice and answered differently, and two choices between the same two letters
    that go opposite ways. [{why, comparison_ids, receipts}]."""
    listed = [
        {"why": "asked twice", "comparison_ids": [one.comparison_id, again.comparison_id], "receipts": [one.receipt, again.receipt]}
        for one, again in agreement.twice(found) if not agreement.same(one, again)
    ]  # fmt: skip
    for ways in _directions(session, owner).values():
        ids = sorted({comparison for chosen in ways.values() for comparison, _ in chosen})
        if len(ways) == 2 and len(ids) > 1:  # on one comparison it is a disagreement between labelers
            receipts = sorted(receipt for chosen in ways.values() for _, receipt in chosen)
            listed.append({"why": "opposite choices", "comparison_ids": ids, "receipts": receipts})
    return listed[-MOST_LISTED:]


def _directions(session: Session, owner: str) -> dict[Any, dict[int, list[tuple[str, str]]]]:
    """For each two letters of one prompt: which of them was chosen -> [(comparison, receipt)]. Texts are read one row at a time."""
    left, right = aliased(Letter), aliased(Letter)
    query = (
        select(Preference.comparison_id, Preference.id, Preference.verdict, Prompt.prompt_hash, left.text, right.text)
        .join(Comparison, col(Preference.comparison_id) == Comparison.id)
        .join(left, col(Comparison.left_letter_id) == left.id)
        .join(right, col(Comparison.right_letter_id) == right.id)
        .join(Prompt, col(Comparison.prompt_id) == Prompt.id)
        .where(Preference.owner_id == owner, col(Preference.undone_at).is_(None), col(Comparison.repeat_of).is_(None))
        .where(col(Preference.verdict).in_(tuple(agreement.OTHER)), col(Preference.edited_text).is_(None))
    )
    found: dict[Any, dict[int, list[tuple[str, str]]]] = defaultdict(lambda: defaultdict(list))
    for comparison, receipt, verdict, prompt, one, other in session.exec(query.execution_options(yield_per=500)):
        texts = [hash(text.strip()) for text in ((one, other) if verdict == "left" else (other, one))]
        found[prompt, *sorted(texts)][texts[0]].append((comparison, receipt))
    return found


def game(label: Label) -> strength.Game:
    """A verdict as a comparison of two models; neither and a mix are ties."""
    return label.left_model, label.right_model, {"left": "one", "right": "other"}.get(label.verdict, "tie")


def _won(found: Sequence[Label], group: Any) -> list[dict[str, Any]]:
    """For each group how often an adapter's letter was chosen over the base's: {name, wins, losses, ties, share, low, high}."""
    counted: dict[str, dict[str, int]] = defaultdict(lambda: {"wins": 0, "losses": 0, "ties": 0})
    for label in found:
        wrote = [label.left_model, label.right_model]
        tuned = [side for side, model in zip(("left", "right"), wrote, strict=True) if model != "base"]
        if len(tuned) == 1 and not any(model.startswith(SERVED) for model in wrote):
            result = ("wins" if label.verdict == tuned[0] else "losses") if label.verdict in agreement.OTHER else "ties"
            counted[group(label)][result] += 1
    return [{"name": name, **row, **agreement.share(row["wins"], row["wins"] + row["losses"])} for name, row in sorted(counted.items())]
