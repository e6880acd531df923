"""Labelling as the page and the command line use it: fill the queue, take pairs, judge them, look back. The owner always first.

Holds what `Studio` holds; rows are `queue`'s, `preferences`' and `labelers`', writing ahead is `Ahead`'s. Nothing that a labeler
gets before the vote tells the sides apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlmodel import select

from db.engine import session, write
from db.models import Document, Prompt
from ftapp import labelers, letters, likeness, preferences, queue, sets, verdicts
from ftapp.ahead import Ahead
from ftapp.documents import PlainText, read_text
from ftapp.errors import UserError
from ftapp.forgetting_files import still
from ftapp.profiles import parse_resume

PRELOADED = 4  # pairs that a page holds, so that the next one is there at once


class Labelling:
    """The verbs of the Label tab. `labeler` is the owner's id, or that of one of the owner's labelers."""

    def __init__(self, studio: Any) -> None:
        self._studio, self.ahead = studio, Ahead(studio)

    @property
    def _engine(self) -> Any:
        return self._studio.engine

    def resume(self) -> None:
        """At the start of an app: load the model, then write what was still to be written."""
        self._studio.backend()
        with session(self._engine) as opened:
            waiting = queue.owners(opened)
        for owner in waiting:
            self.ahead.wake(owner)

    # ---- what is asked ------------------------------------------------------------------------------------------

    def fill(
        self, owner: str, texts: Sequence[sets.Texts], resume: str = "", kind: str = "cover_letter", tone: str = "plain",
        words: int | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Plan a pair for each (posting, résumé); `resume` stands in where there is none, else the newest one stored.

        {added, refused: [sentence]}. Raises UserError when a posting needs a résumé and there is none at all.
        """
        words, there = letters.length(self._studio.spec, kind, words), still(self._studio.settings.home, owner)
        given, refused, planned = bool(resume), [], []
        resume = resume or self._newest_resume(owner)
        read = {}
        for number, (job, own) in enumerate(texts, 1):
            try:
                planned.append((read_text(job, "posting"), read_text(own or resume, "résumé")))
                if not planned[-1][1].text.strip():
                    raise UserError("There is no résumé to write from. Nothing was added. Paste or choose one.")
            except UserError as error:
                if not (own or resume):
                    raise
                refused.append(f"posting {number}: {error}")
        with write(self._engine) as opened:
            if not given:  # the newest one was read before: it may be gone by now
                there()
            pairs = [(self._kept(opened, owner, "posting", job, kind, read), self._kept(opened, owner, "resume", cv, kind, read))
                     for job, cv in planned]  # fmt: skip
            added = queue.add(opened, owner, [pair for pair in pairs if pair[0]], kind, tone, words)
        self.ahead.wake(owner)
        return {"added": added, "refused": refused}

    def fill_fictional(self, owner: str, kind: str = "cover_letter", tone: str = "plain", words: int | None = None) -> dict[str, Any]:
        """The built-in set of forty."""
        return self.fill(owner, sets.fictional(), "", kind, tone, words)

    def fill_pasted(self, owner: str, kind: str = "cover_letter", tone: str = "plain", words: int | None = None) -> dict[str, Any]:
        """Every posting and résumé that were pasted together before. Raises UserError when there are none."""
        words = letters.length(self._studio.spec, kind, words)
        with write(self._engine) as opened:
            asked = select(Prompt.job_document_id, Prompt.resume_document_id).where(Prompt.owner_id == owner).distinct()
            pairs = [(job, resume) for job, resume in opened.exec(asked).all() if job and resume]
            added = queue.add(opened, owner, pairs, kind, tone, words)
        if not pairs:
            raise UserError("Nothing was pasted yet. The queue stays as it is. Write two letters first, or take the fictional set.")
        self.ahead.wake(owner)
        return {"added": added, "refused": []}

    @staticmethod
    def _kept(opened: Any, owner: str, kind: str, given: PlainText, letter: str, read: dict[str, str]) -> str:
        """The document's id; a text that comes again is read once."""
        if given.text not in read:
            fields = parse_resume(given.text) if kind == "resume" else letters.job_of(given.text, letter)
            read[given.text] = letters.keep_document(opened, owner, kind, given, fields.model_dump())
        return read[given.text]

    def _newest_resume(self, owner: str) -> str:
        with session(self._engine) as opened:
            newest = select(Document.text).where(Document.owner_id == owner, Document.kind == "resume")
            return opened.exec(newest.order_by(Document.created_at.desc()).limit(1)).first() or ""

    def clear(self, owner: str) -> int:
        """Forget what is not written yet; returns how many."""
        with write(self._engine) as opened:
            return queue.clear(opened, owner)

    def progress(self, owner: str, labeler: str) -> dict[str, Any]:
        """How far the queue is (see `queue.progress`), with `reasons` why items were put aside."""
        with session(self._engine) as opened:
            return queue.progress(opened, owner, labeler) | {"reasons": queue.reasons(opened, owner)}

    def rules(self, owner: str) -> dict[str, Any]:
        with session(self._engine) as opened:
            row = queue.rules(opened, owner)
            return {"guidelines": row.guidelines, "labels_needed": row.labels_needed}

    def set_rules(self, owner: str, guidelines: str | None = None, labels_needed: int | None = None) -> dict[str, Any]:
        with write(self._engine) as opened:
            row = queue.set_rules(opened, owner, guidelines, labels_needed)
            return {"guidelines": row.guidelines, "labels_needed": row.labels_needed}

    # ---- judging ------------------------------------------------------------------------------------------------

    def next(self, owner: str, labeler: str, have: Sequence[str] = (), most: int = PRELOADED) -> list[dict[str, Any]]:
        """Up to `most` pairs to judge next, held for this labeler, but those that they `have`; more are written meanwhile."""
        with write(self._engine) as opened:
            ids = queue.take(opened, owner, labeler, most + len(have))
        self.ahead.wake(owner, labeler)
        return [self.pair(owner, id) for id in ids if id not in have][:most]

    def pair(self, owner: str, comparison_id: str) -> dict[str, Any]:
        """What may be seen of a pair before the vote: {id, left, right, kind, words, title, company, job, resume}."""
        with session(self._engine) as opened:
            row = letters.shown(opened, owner, comparison_id)
            sources = letters.sources(opened, owner, comparison_id)
        seen = {name: row[name] for name in ("left", "right", "left_finished", "right_finished", "kind", "words", "job", "resume")}
        return {"id": comparison_id, **seen, "title": sources.job.title, "company": sources.job.company}

    def marks(self, pair: dict[str, Any]) -> tuple[likeness.Marks, likeness.Marks]:
        return likeness.compare(pair["left"], pair["right"])

    def vote(
        self, owner: str, labeler: str, comparison_id: str, verdict: str, edited: str | None = None, edited_from: str | None = None,
        reasons: Sequence[str] = (), seconds: float | None = None, replaces: str | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Store a verdict; it is committed when this returns. Asked again it gives the same receipt. `replaces` is the receipt of an
        earlier decision on the pair, which is taken back; a labeler SETTLED settles a disagreement."""
        preferences.check(verdict, edited, edited_from)
        if edited is not None:
            reasons = [*reasons, *self._studio.mended(owner, comparison_id, edited, edited_from or verdict)]
        given = {"edited": edited, "edited_from": edited_from, "reasons": reasons, "seconds": seconds}
        with write(self._engine) as opened:
            known = preferences.standing(opened, labeler, comparison_id) is not None
            if replaces:
                receipt = preferences.change(opened, owner, replaces, verdict, labeler, **given)
            else:
                receipt = preferences.record(opened, owner, comparison_id, verdict, labeler=labeler, **given)
            queue.let_go(opened, owner, labeler, comparison_id)
            if not known and not replaces and labeler != preferences.SETTLED:
                queue.repeat(opened, owner, labeler)
        receipt = self._studio.trial.voted(owner, receipt)
        self.ahead.wake(owner, labeler)
        return {name: value for name, value in asdict(receipt).items() if name not in ("two_base_samples", "note") or value}

    def skip(self, owner: str, labeler: str, comparison_id: str) -> None:
        """Pass a pair over: this labeler is not asked it again."""
        with write(self._engine) as opened:
            queue.let_go(opened, owner, labeler, comparison_id, skipped=True)
        self.ahead.wake(owner, labeler)

    def undo(self, owner: str, labeler: str, receipt: str | None = None) -> dict[str, str]:
        """Take back a decision, the newest without a receipt: {receipt, comparison_id}."""
        with write(self._engine) as opened:
            taken = preferences.undo(opened, owner, receipt, labeler)
            return {"receipt": taken.id, "comparison_id": taken.comparison_id}

    def recent(self, owner: str, labeler: str, most: int = 10) -> list[dict[str, Any]]:
        """The labeler's last decisions, newest first, each with who wrote the letters and which posting it was about."""
        with session(self._engine) as opened:
            return verdicts.recent(opened, owner, labeler, most)

    def story(self, owner: str, receipt: str) -> dict[str, Any]:
        """Everything that is known of a decision and its pair."""
        with session(self._engine) as opened:
            return verdicts.story(opened, owner, receipt)

    # ---- people -------------------------------------------------------------------------------------------------

    def people(self, owner: str) -> list[dict[str, Any]]:
        with session(self._engine) as opened:
            return [labelers.shown(row) for row in labelers.present(opened, owner)]

    def invite(self, owner: str, name: str, way: str = "local", password: str = "") -> dict[str, Any]:
        with write(self._engine) as opened:
            return labelers.shown(labelers.add(opened, owner, name, way, password))

    def dismiss(self, owner: str, labeler_id: str) -> None:
        with write(self._engine) as opened:
            labelers.remove(opened, owner, labeler_id)

    def known(self, owner: str, way: str, name: str, password: str = "") -> dict[str, Any]:
        """Who comes in under this name. Raises NotAllowed."""
        with session(self._engine) as opened:
            return labelers.shown(labelers.known(opened, owner, way, name, password))

    def named(self, owner: str, name: str) -> str:
        """A labeler's id by name; the owner for an empty one. Raises UserError."""
        if not name:
            return owner
        found = next((row["id"] for row in self.people(owner) if row["name"].casefold() == name.casefold()), None)
        if found is None:
            raise UserError(f"There is no labeler called {name[:40]!r}. Nothing has changed. Add one: python -m ftapp labelers add NAME.")
        return found

    def still(self, owner: str, labeler: str) -> bool:
        """Whether a labeler has not been dismissed."""
        return labeler == owner or any(row["id"] == labeler for row in self.people(owner))

    # ---- what the labels say ------------------------------------------------------------------------------------

    def statistics(self, owner: str) -> dict[str, Any]:
        """Agreement, steadiness and strengths, all with intervals (see `verdicts.statistics`)."""
        with session(self._engine) as opened:
            return verdicts.statistics(opened, owner)
