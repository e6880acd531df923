"""Portfolio and documents as the page and the command line use them: store, make vectors, search.

Holds the encoder and each owner's index. Reads, closes, encodes, opens, writes: no transaction is open while a text is encoded.
When the encoder fails the search goes by words, and the reason stands in the result.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from db.engine import session, write
from ftapp import projects, retrieval
from ftapp.embeddings import Encoder
from ftapp.errors import ModelError, UserError
from ftapp.profiles import JobPosting
from ftapp.retrieval import Found, Index

AT_ONCE = 64  # passages encoded between two writes: what a stop in between can lose
ROWS_AT_ONCE = 200  # rows of a table stored in one transaction, so that others may write in between
OWNERS = 8  # whose passages are kept in memory
MOST_QUERIES = 24  # lines of a posting that are searched for

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """What a search found; `note` is a sentence when it went by words, wholly or in part."""

    found: list[Found]
    note: str = ""


@dataclass(frozen=True)
class Imported:
    """What became of a table's rows: ids of those stored, how many were there already, and the rows not taken."""

    ids: list[str]
    already: int
    rejected: list[projects.Rejected]


class Portfolio:
    """One for a home; the owner always comes first. Safe between threads."""

    def __init__(self, engine: Any, encoder: Encoder) -> None:
        self._engine, self._encoder = engine, encoder
        self._indexes: OrderedDict[str, Index] = OrderedDict()
        self._lock, self._making = threading.Lock(), threading.Lock()

    def add(self, owner: str, source: projects.Source) -> str:
        """Store what `source` or `projects.project` made of a form; returns its id. Raises UserError."""
        with write(self._engine) as opened:
            return retrieval.add(opened, owner, [source])[0]

    def replace(self, owner: str, id: str, source: projects.Source) -> str:
        """Store a corrected project or document in the place of another; returns its new id. Raises NotFound, UserError."""
        with write(self._engine) as opened:
            return retrieval.replace(opened, owner, id, source)

    def import_csv(self, owner: str, text: str) -> Imported:
        """Store the projects of a table. Raises UserError when it is none, or when it is too much."""
        sources, rejected = projects.import_csv(text)
        there = {row["id"] for row in self.listing(owner)}
        ids: list[str] = []
        for start in range(0, len(sources), ROWS_AT_ONCE):
            with write(self._engine) as opened:
                ids += retrieval.add(opened, owner, sources[start : start + ROWS_AT_ONCE])
        fresh = [id for id in dict.fromkeys(ids) if id not in there]
        return Imported(fresh, len(ids) - len(fresh), rejected)

    def listing(self, owner: str) -> list[dict[str, Any]]:
        """All projects and documents, newest first."""
        with session(self._engine) as opened:
            return retrieval.listing(opened, owner)

    def remove(self, owner: str, id: str) -> None:
        """Delete a project or document, its passages and vectors. Raises NotFound."""
        with write(self._engine) as opened:
            retrieval.remove(opened, owner, id)

    def refresh(self, owner: str, most: int | None = None, progress: Callable[[int], None] = lambda made: None) -> int:
        """Make the vectors that are missing, at most so many; returns how many were made. Raises ModelError.

        A table of thousands takes minutes: after an import, call it from a thread.
        """
        made = 0
        with self._making:
            while most is None or made < most:
                at_once = AT_ONCE if most is None else min(AT_ONCE, most - made)
                with session(self._engine) as opened:
                    todo = retrieval.pending(opened, owner, self._encoder.id, at_once)
                if not todo:
                    break
                vectors = self._encoder.encode([one.text for one in todo])
                with write(self._engine) as opened:
                    retrieval.store_vectors(opened, owner, self._encoder.id, todo, vectors)
                made += len(todo)
                progress(made)
        return made

    def search(self, owner: str, queries: Sequence[str], top: int = 3) -> Answer:
        """Search for lines of text; a handful of vectors that are missing is made first. Never fails for want of a model."""
        queries = list(dict.fromkeys(line.strip() for line in queries if line.strip()))[:MOST_QUERIES]
        model_id, vectors, note = "", None, ""
        if not queries or not self._any(owner):
            return Answer([])
        try:
            model_id = self._encoder.id
            if not self._making.locked():  # whoever imports a table makes them already
                self.refresh(owner, AT_ONCE)
            vectors = self._encoder.encode(queries, query=True)
        except ModelError as error:
            note = str(error)
            log.warning("%s", error)
        index = self._index(owner, model_id)
        if vectors is not None and index.without_vector:
            note = f"{index.without_vector:,} of {len(index.entries):,} passages are not prepared yet: they are found by their words only."
        return Answer(retrieval.search(index, queries, vectors, top), note)

    def for_job(self, owner: str, job: JobPosting, top: int = 3) -> Answer:
        """What of the portfolio speaks to a posting: its requirements first, then duties, question and title."""
        return self.search(owner, [*job.requirements, *job.duties, job.question, job.title], top)

    def _any(self, owner: str) -> bool:
        """Whether there is anything to search: an empty portfolio loads no model."""
        with session(self._engine) as opened:
            return retrieval.holds_any(opened, owner)

    def _index(self, owner: str, model_id: str) -> Index:
        """The owner's passages, read again when rows have changed, by this process or another."""
        with session(self._engine) as opened:
            with self._lock:
                kept = self._indexes.get(owner)
            now = retrieval.state(opened, owner, model_id)
            if kept is None or kept.state != now:
                kept = retrieval.load_index(opened, owner, model_id)
        with self._lock:
            self._indexes[owner] = kept
            self._indexes.move_to_end(owner)
            while len(self._indexes) > OWNERS:
                self._indexes.popitem(last=False)
        return kept


def source(kind: str, title: str, text: str, link: str = "", technologies: str | Sequence[str] = ()) -> projects.Source:
    """What a form holds, checked, for `Portfolio.add` and `Portfolio.replace`. Raises UserError."""
    if kind == projects.PROJECT:
        return projects.project(title, text, link, technologies)
    if link or technologies:
        raise UserError("A document has no link and no technologies. They would be lost. Put them into its text.")
    return projects.document(title, text)
