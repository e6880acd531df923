"""A choice between two letters, and the pairs that choices give a trainer. Knows rows, not models or screens.

Verdicts are by the side shown: left, right, tie, both_bad. An edited text is chosen over both letters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, or_, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from db.models import VERDICTS, Comparison, Letter, Preference, Prompt, RunPair, TrainingRun, now
from ftapp import counting, imported, letters
from ftapp.backends.pair import SERVED
from ftapp.errors import ModelError, NotFound, UserError

REASONS = {
    "invented_claim": "Invented claim", "generic": "Generic", "wrong_tone": "Wrong tone", "too_long": "Too long", "too_short": "Too short",
    "structure": "Structure", "repetition": "Repeats itself",
}  # fmt: skip
SETTLED = "settled"  # stands in a labeler's place: the owner's word where labelers disagree; it alone gives pairs then
NO_ADAPTER = "Both letters were samples of the base model: there is no adapter yet."
ONE_SERVED = "Both letters were samples of one model of a server."
ELSEWHERE = "A server's model wrote part of it: it is kept and exported, but the model here does not learn from it."
IDENTICAL, CONTRADICTORY, UNFINISHED = "identical", "contradictory", "unfinished"
WHY = {  # a pair teaches nothing
    UNFINISHED: "a letter was stopped before its end",
    IDENTICAL: "both letters are the same",
    CONTRADICTORY: "you chose differently between the same two letters",
}
MOST_EDITED_CHARACTERS = 20_000


@dataclass(frozen=True)
class Receipt:
    """A stored choice. The models are "base" or an adapter's id; `note` says what else a person should know."""

    receipt: str
    left_model: str
    right_model: str
    pairs_added: int
    two_base_samples: bool = False
    note: str = ""

    def told(self) -> dict[str, Any]:
        """As an object; what there is nothing to say of is left out."""
        return {name: value for name, value in asdict(self).items() if name not in ("two_base_samples", "note") or value}


@dataclass(frozen=True)
class PreferencePair:
    """One row for a preference trainer, under TRL's names; `prompt` is the exact messages that were shown to the model."""

    id: str
    preference_id: str  # empty for an imported pair
    prompt: list[dict[str, str]]
    chosen: str
    rejected: str
    split_key: str
    finished: bool  # both texts ended by themselves (an edited text always did)
    base_id: str
    prompt_hash: str
    chosen_ids: list[int]  # the tokens as they were sampled; empty for an edited text
    rejected_ids: list[int]
    edited: bool = False  # a person wrote the chosen text


# ---- choosing -------------------------------------------------------------------------------------------------


def record(
    session: Session, owner: str, comparison_id: str, verdict: str, edited: str | None = None, edited_from: str | None = None,
    reasons: Sequence[str] = (), seconds: float | None = None, labeler: str | None = None,
) -> Receipt:  # fmt: skip
    """Store a verdict once: the same verdict again gives the same receipt. Without a `labeler` it is the owner's own.

    Raises NotFound for a comparison that is not the owner's, ModelError when its sides are not proven, UserError for a
    verdict or reason that does not exist, or a verdict that differs from the stored one.
    """
    edited, edited_from = check(verdict, edited, edited_from)
    reasons, labeler = tags(reasons), labeler or owner
    row = letters.comparison(session, owner, comparison_id)
    if not row.proven:
        raise ModelError(
            "The two sides of this pair could not be proved to come from the models they name. A choice between them would teach "
            "the wrong lesson, so none is stored. Write a new pair."
        )
    given = dict(verdict=verdict, edited_text=edited, edited_from=edited_from)
    stored = standing(session, labeler, row.id)
    if stored is None:
        new = Preference(owner_id=owner, comparison_id=row.id, labeler=labeler, reasons=reasons, seconds=seconds, **given)
        try:
            with session.begin_nested():
                session.add(new)
            stored = new
        except IntegrityError:  # another process was faster; the partial unique index decided
            stored = standing(session, labeler, row.id)
    if stored is None or any(getattr(stored, name) != value for name, value in given.items()):
        before = stored.verdict if stored else "something else"
        raise UserError(f"This pair was already judged as {before!r}. The first choice stands. Undo it to choose again.")
    return _receipt(session, row, stored)


def change(session: Session, owner: str, receipt: str, verdict: str, labeler: str | None = None, **more: Any) -> Receipt:
    """Another verdict in the place of a stored one, which counts as taken back; `more` as `record` takes it. Asked again it
    gives the same receipt. Raises as `undo` and `record`."""
    before = undo(session, owner, receipt, labeler)
    return record(session, owner, before.comparison_id, verdict, labeler=before.labeler, **more)


def tags(reasons: Sequence[str]) -> list[str]:
    """Reasons as they are stored, each once. Raises UserError for one that does not exist."""
    named = list(dict.fromkeys(reason.strip().lower().replace("-", "_").replace(" ", "_") for reason in reasons))
    if unknown := [name for name in named if name not in REASONS]:
        raise UserError(f"There is no reason {unknown[0][:20]!r}. Nothing was stored. Choose among {', '.join(REASONS)}.")
    return named


def check(verdict: str, edited: str | None, edited_from: str | None) -> tuple[str | None, str | None]:
    """The edit to store: (text, side it began from), or (None, None). Raises UserError when the parts do not fit together."""
    if verdict not in VERDICTS:
        raise UserError(f"There is no verdict {str(verdict)[:20]!r}. Nothing was stored. Choose one of {', '.join(VERDICTS)}.")
    if edited is None:
        if edited_from:
            raise UserError(
                f"A side ({str(edited_from)[:20]!r}) was given without an edited text. Nothing was stored. Give both or neither."
            )
        return None, None
    side = edited_from or (verdict if verdict in ("left", "right") else None)
    if side not in ("left", "right", "both"):
        raise UserError(f"The edited text began from {str(side)[:20]!r}. Only left, right or both can be edited. Say which it was.")
    if not edited.strip() or len(edited) > MOST_EDITED_CHARACTERS:
        raise UserError(
            f"The edited letter has {len(edited)} characters. Between 1 and {MOST_EDITED_CHARACTERS} can be learned from. Edit it again."
        )
    return edited.strip(), side


def undo(session: Session, owner: str, receipt: str | None = None, labeler: str | None = None) -> Preference:
    """Take back a choice (the labeler's newest without `receipt`); its pair may be judged again. The owner may take back
    anybody's.

    Raises NotFound for a receipt that is not the owner's or not the labeler's, UserError when there is nothing to take back.
    """
    labeler = labeler or owner
    if receipt is None:
        mine = select(Preference).where(Preference.owner_id == owner, Preference.labeler == labeler)
        newest = mine.where(col(Preference.undone_at).is_(None)).order_by(col(Preference.created_at).desc()).limit(1)
        stored = session.exec(newest).first()
        if stored is None:
            raise UserError("There is no choice to take back. Nothing has changed. Choose between two letters first.")
    else:
        stored = _given(session, owner, receipt)
        if labeler not in (owner, stored.labeler):
            raise _missing(receipt)
    if stored.undone_at is None:
        stored.undone_at = now()
        session.add(stored)
        session.flush()
    return stored


def _given(session: Session, owner: str, receipt: str) -> Preference:
    """Raises NotFound for a receipt that is missing or another owner's."""
    stored = session.exec(select(Preference).where(Preference.owner_id == owner, Preference.id == receipt)).first()
    if stored is None:
        raise _missing(receipt)
    return stored


def _missing(receipt: str) -> NotFound:
    return NotFound(f"There is no choice {str(receipt)[:24]!r} here. Nothing has changed. Give the receipt that the vote returned.")


def chosen(session: Session, owner: str, receipt: str) -> tuple[str, str]:
    """(the comparison's id, the text that the owner would send): the edited one, or the letter of the chosen side.

    Raises NotFound for a receipt that is not the owner's, UserError for a tie and for neither.
    """
    stored = _given(session, owner, receipt)
    row = session.get_one(Comparison, stored.comparison_id)
    if stored.verdict not in ("left", "right"):
        raise UserError("Neither letter was chosen. There is none to take away. Choose or correct one first.")
    return row.id, stored.edited_text or letters.shown(session, owner, row.id)[stored.verdict]


def last(session: Session, owner: str) -> dict[str, Any] | None:
    """The owner's newest pair once it is decided: `letters.shown` of it, and {verdict, edited, got: the receipt told again}."""
    found = letters.newest(session, owner)
    stored = standing(session, owner, found) if found else None
    if stored is None:
        return None
    got = _receipt(session, letters.comparison(session, owner, found), stored).told()
    return letters.shown(session, owner, found) | {"verdict": stored.verdict, "edited": stored.edited_text, "got": got}


def standing(session: Session, labeler: str, comparison_id: str) -> Preference | None:
    """The labeler's choice on a comparison that is not taken back."""
    return session.exec(
        select(Preference).where(
            Preference.comparison_id == comparison_id, Preference.labeler == labeler, col(Preference.undone_at).is_(None)
        )
    ).first()


def _receipt(session: Session, row: Comparison, stored: Preference) -> Receipt:
    left, right = session.get_one(Letter, row.left_letter_id), session.get_one(Letter, row.right_letter_id)
    given = pairs_of(stored, left, right, session.get_one(Prompt, row.prompt_id))
    kept, dropped = sort_out(given)
    elsewhere = [p for p in kept if p.base_id.startswith(SERVED)]
    notes = [ONE_SERVED if left.base_id.startswith(SERVED) else NO_ADAPTER] if row.two_base_samples else []
    notes += [ELSEWHERE] if elsewhere else []
    few = "1 comparison is" if len(dropped) == 1 else f"{len(dropped)} comparisons are"
    notes += [f"{few} kept but not taught: {WHY[dropped[0][1]]}."] if dropped else []
    wrote = (letters.writer(letter.adapter_id, letter.base_id) for letter in (left, right))
    return Receipt(stored.id, *wrote, len(kept) - len(elsewhere), row.two_base_samples, " ".join(notes))


# ---- pairs ----------------------------------------------------------------------------------------------------


def pairs_of(stored: Preference, left: Letter, right: Letter, prompt: Prompt) -> list[PreferencePair]:
    """left or right: 1 pair; an edit: 2 pairs (the edit over both); tie and both_bad: none."""

    def make(name: str, chosen: Letter | str, rejected: Letter) -> PreferencePair:
        text, ids, ended = (chosen, [], True) if isinstance(chosen, str) else (chosen.text, chosen.token_ids, chosen.finished)
        bases = [rejected.base_id, *([] if isinstance(chosen, str) else [chosen.base_id])]
        base_id = next((one for one in bases if one.startswith(SERVED)), rejected.base_id)  # half by a server: not by the model here
        return PreferencePair(
            name, stored.id, prompt.messages, text, rejected.text, prompt.split_key, ended and rejected.finished,
            base_id, prompt.prompt_hash, list(ids), list(rejected.token_ids), isinstance(chosen, str),
        )  # fmt: skip

    if stored.edited_text is not None:
        return [make(f"{stored.id}.{side}", stored.edited_text, letter) for side, letter in (("left", left), ("right", right))]
    if stored.verdict == "left":
        return [make(stored.id, left, right)]
    return [make(stored.id, right, left)] if stored.verdict == "right" else []


def choices(
    session: Session, owner: str, base_id: str | None = None, after: Preference | None = None, most: int | None = None
) -> list[tuple[Preference, Letter, Letter, Prompt]]:
    """(choice, left letter, right letter, prompt) of all choices that stand, oldest first; with `base_id` only with a letter by that
    base model; with `after` and `most` the next page of them.

    Repeats measure their labeler and are none. Where a disagreement was settled, only the settlement is one.
    """
    standing = col(Preference.undone_at).is_(None)
    settled = select(Preference.comparison_id).where(Preference.owner_id == owner, Preference.labeler == SETTLED, standing)
    left, right = aliased(Letter), aliased(Letter)
    query = (
        select(Preference, left, right, Prompt)
        .join(Comparison, col(Preference.comparison_id) == Comparison.id)
        .join(left, col(Comparison.left_letter_id) == left.id)
        .join(right, col(Comparison.right_letter_id) == right.id)
        .join(Prompt, col(Comparison.prompt_id) == Prompt.id)
        .where(Preference.owner_id == owner, Comparison.owner_id == owner, standing, col(Comparison.repeat_of).is_(None))
        .where(or_(Preference.labeler == SETTLED, col(Preference.comparison_id).not_in(settled)))
        .order_by(col(Preference.created_at), col(Preference.id))
        .limit(most)
    )
    if base_id is not None:
        query = query.where(or_(left.base_id == base_id, right.base_id == base_id))
    if after is not None:
        query = query.where(tuple_(Preference.created_at, Preference.id) > tuple_(after.created_at, after.id))
    return list(session.exec(query))


def pairs(session: Session, owner: str, base_id: str | None = None, brought: bool = True) -> list[PreferencePair]:
    """All pairs of the choices that stand, oldest first; with `base_id` only those that this base model wrote. Then, with `brought`, the
    imported pairs that may train."""
    own = [made for row in choices(session, owner, base_id) for made in pairs_of(*row) if base_id in (None, made.base_id)]
    return own + [PreferencePair(*values) for values in imported.used(session, owner, base_id)] if brought else own


def sort_out(found: Sequence[PreferencePair]) -> tuple[list[PreferencePair], list[tuple[PreferencePair, str]]]:
    """(pairs that can teach, [(pair, reason)]). Reasons: unfinished, identical, contradictory (both directions drop)."""
    directions = {(p.prompt_hash, p.chosen.strip(), p.rejected.strip()) for p in found}
    kept: list[PreferencePair] = []
    dropped: list[tuple[PreferencePair, str]] = []
    for p in found:
        chosen, rejected = p.chosen.strip(), p.rejected.strip()
        if not p.finished:
            dropped.append((p, UNFINISHED))
        elif chosen == rejected:
            dropped.append((p, IDENTICAL))
        elif (p.prompt_hash, rejected, chosen) in directions:
            dropped.append((p, CONTRADICTORY))
        else:
            kept.append(p)
    return kept, dropped


def new_count(session: Session, owner: str, base_id: str | None = None) -> int:
    """How many choices that can teach are in no succeeded run; the texts are read again only after something changed."""
    own = counting.remembered(session, owner, base_id, lambda: _untrained(session, owner, base_id))
    return own + imported.new_count(session, owner, base_id)


def _untrained(session: Session, owner: str, base_id: str | None) -> int:
    trained = set(
        session.exec(
            select(RunPair.preference_id)
            .join(TrainingRun, col(RunPair.run_id) == TrainingRun.id)
            .where(RunPair.owner_id == owner, TrainingRun.state == "succeeded")
        )
    )
    kept, _ = sort_out(pairs(session, owner, base_id, brought=False))
    return len({p.preference_id for p in kept} - trained)  # an edit is one choice, though it makes two pairs


def recent(session: Session, owner: str, most: int = 10, labeler: str | None = None) -> list[dict[str, Any]]:
    """A labeler's newest choices (the owner's own without one), newest first: receipt, comparison, verdict, edited."""
    found = session.exec(
        select(Preference)
        .where(Preference.owner_id == owner, Preference.labeler == (labeler or owner), col(Preference.undone_at).is_(None))
        .order_by(col(Preference.created_at).desc())
        .limit(most)
    )
    return [{"receipt": p.id, "comparison_id": p.comparison_id, "verdict": p.verdict, "edited": p.edited_text is not None} for p in found]


def counts(session: Session, owner: str) -> dict[str, int]:
    """How much the owner has stored: comparisons, choices (edits, ties and neither among them) and pairs that can teach."""
    written = session.exec(select(func.count()).select_from(Comparison).where(Comparison.owner_id == owner)).one()
    choices = session.exec(select(Preference).where(Preference.owner_id == owner, col(Preference.undone_at).is_(None))).all()
    verdicts = [p.verdict for p in choices if p.edited_text is None]
    return {
        "comparisons": written, "choices": len(choices), "edits": sum(p.edited_text is not None for p in choices),
        "ties": verdicts.count("tie"), "neither": verdicts.count("both_bad"),
        "pairs": len(sort_out(pairs(session, owner, brought=False))[0]),
    }  # fmt: skip
