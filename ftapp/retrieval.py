"""Projects and documents in the database, their passages, and the search in them.

A function takes a session, or vectors, never a model: read what is `pending`, close, encode, open, `store_vectors`. A search
reads an `Index`, which holds one owner's passages in memory; `state` tells cheaply whether it is still what is stored.

The score of a passage is a weighted mean of two cosines, each 0 to 1: of sentence vectors (meaning) and of TF-IDF weights
(shared words; Salton and Buckley 1988, as scikit-learn computes them). Without vectors the words decide alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, or_, update
from sqlmodel import Session, col, select

from db.models import Document, Passage
from ftapp import passages, prompts
from ftapp.config import app_config
from ftapp.errors import NotFound, UserError
from ftapp.projects import DOCUMENT, PROJECT, Rejected, Source, document, import_csv, project

if TYPE_CHECKING:
    import numpy as np

__all__ = ["DOCUMENT", "PROJECT", "Found", "Index", "Pending", "Rejected", "Source", "import_csv"]
SHOWN_TERMS = 6
AT_ONCE = 400  # values in one IN (...): SQLite has a limit


@dataclass(frozen=True)
class Pending:
    """A passage that has no vector of the present model: what is to be encoded."""

    id: str
    text_hash: str
    text: str


@dataclass(frozen=True)
class Found:
    """A source that fits a search, by its best passage. Score 0 to 1."""

    document_id: str
    title: str
    text: str
    link: str
    score: float
    why: str
    line: str  # of the search: the requirement that it fits best
    terms: tuple[str, ...]  # shared with that line

    @property
    def hit(self) -> prompts.Hit:
        """For `prompts.build`: the one line of the passage that speaks to the search."""
        return prompts.Hit(self.title, passages.best_line(self.text, set(passages.terms(self.line))), self.link)


# ---- storing ----------------------------------------------------------------------------------------------------


def add_project(
    session: Session, owner: str, title: str = "", text: str = "", link: str = "", technologies: str | Sequence[str] = ()
) -> str:
    """Store a project; returns its id, that of the same project if it is there already. Raises UserError."""
    return add(session, owner, [project(title, text, link, technologies)])[0]


def add_document(session: Session, owner: str, title: str, text: str) -> str:
    """Store a document; returns its id, that of the same document if it is there already. Raises UserError."""
    return add(session, owner, [document(title, text)])[0]


def add(session: Session, owner: str, sources: Sequence[Source]) -> list[str]:
    """Store sources, each once; returns their ids in order. Raises UserError, before anything is stored, when it is too much."""
    hashes = [_source_hash(source) for source in sources]
    there: dict[str, str] = {}
    for some in _portions(hashes):
        same = select(Document.text_hash, Document.id).where(
            Document.owner_id == owner, col(Document.kind).in_((PROJECT, DOCUMENT)), col(Document.text_hash).in_(some)
        )
        there |= {digest: id for digest, id in session.exec(same)}
    made = []
    for digest, source in zip(hashes, sources, strict=True):
        if digest not in there:
            row = _document(owner, digest, source)
            there[digest] = row.id
            made.append((row, _passages(row, source)))
    _make_room(session, owner, sum(len(rows) for _, rows in made))
    _reuse_vectors(session, owner, [passage for _, rows in made for passage in rows])
    session.add_all([row for row, _ in made])
    session.flush()  # the passages point to them
    session.add_all([passage for _, rows in made for passage in rows])
    session.flush()
    return [there[digest] for digest in hashes]


def replace(session: Session, owner: str, document_id: str, source: Source) -> str:
    """Put a corrected source in the place of another; returns its new id. Passages that did not change keep their vectors.
    Raises NotFound, UserError."""
    _own(session, owner, document_id)
    fresh = add(session, owner, [source])[0]
    if fresh != document_id:
        remove(session, owner, document_id)
    return fresh


def remove(session: Session, owner: str, document_id: str) -> None:
    """Delete a project or document with its passages and vectors. Raises NotFound."""
    row = _own(session, owner, document_id)
    session.exec(delete(Passage).where(col(Passage.owner_id) == owner, col(Passage.document_id) == document_id))
    session.delete(row)
    session.flush()


def listing(session: Session, owner: str) -> list[dict[str, Any]]:
    """All projects and documents of an owner, newest first: id, kind, title, text, link, technologies, created_at."""
    rows = select(Document).where(Document.owner_id == owner, col(Document.kind).in_((PROJECT, DOCUMENT)))
    found = session.exec(rows.order_by(col(Document.created_at).desc(), col(Document.id)))
    return [{"id": row.id, "kind": row.kind, "text": row.text, "created_at": row.created_at, **row.fields} for row in found]


def _own(session: Session, owner: str, document_id: str) -> Document:
    row = session.exec(select(Document).where(Document.id == document_id, Document.owner_id == owner)).first()
    if row is None or row.kind not in (PROJECT, DOCUMENT):
        raise NotFound("There is no such project or document. It may have been removed in another window. Look at the list again.")
    return row


def _document(owner: str, digest: str, source: Source) -> Document:
    fields = {"title": source.title, "link": source.link, "technologies": list(source.technologies)}
    return Document(owner_id=owner, kind=source.kind, text=source.text, text_hash=digest, fields=fields)


def _passages(row: Document, source: Source) -> list[Passage]:
    """A source without a text is one passage: its technologies, or its title."""
    texts = passages.split(source.text, app_config().passage_words) or [", ".join(source.technologies) or source.title]
    head = passages.heading(source.title, source.technologies)
    return [
        Passage(owner_id=row.owner_id, document_id=row.id, position=place, text=text, text_hash=_hash(_searched(head, text)))
        for place, text in enumerate(texts)
    ]


def _searched(head: str, text: str) -> str:
    """What is encoded and compared: a passage behind the name of what it belongs to."""
    return f"{head}\n{text}" if text not in head else head


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _source_hash(source: Source) -> str:
    return _hash("\x00".join([source.kind, source.title, source.link, *source.technologies, "", source.text]))


def _make_room(session: Session, owner: str, more: int) -> None:
    most = app_config().most_passages
    have = session.exec(select(func.count()).select_from(Passage).where(Passage.owner_id == owner)).one()
    if more and have + more > most:
        raise UserError(
            f"The portfolio would have {have + more:,} passages; up to {most:,} are searched quickly. Nothing was stored. "
            "Remove what is no longer needed, or add less."
        )


def _reuse_vectors(session: Session, owner: str, rows: list[Passage]) -> None:
    """The same text has the same vector: it is made again only when the text or the model changes."""
    known: dict[str, tuple[str | None, bytes | None]] = {}
    for some in _portions(list({row.text_hash for row in rows})):
        same = select(Passage.text_hash, Passage.model_id, Passage.vector).where(
            Passage.owner_id == owner, col(Passage.text_hash).in_(some), col(Passage.vector).is_not(None)
        )
        known |= {digest: (model, vector) for digest, model, vector in session.exec(same)}
    for row in rows:
        row.model_id, row.vector = known.get(row.text_hash, (None, None))


def _portions(values: list[str]) -> Iterable[list[str]]:
    return (values[i : i + AT_ONCE] for i in range(0, len(values), AT_ONCE))


# ---- vectors ----------------------------------------------------------------------------------------------------


def pending(session: Session, owner: str, model_id: str, most: int | None = None) -> list[Pending]:
    """Passages without a vector of this model, at most so many."""
    lacking = or_(col(Passage.model_id).is_(None), col(Passage.model_id) != model_id)
    rows = select(Passage.id, Passage.text_hash, Passage.text, Document.fields).join(Document, col(Document.id) == Passage.document_id)
    rows = rows.where(Passage.owner_id == owner, lacking).order_by(col(Passage.created_at), col(Passage.id)).limit(most)
    return [
        Pending(id, digest, _searched(passages.heading(fields["title"], fields["technologies"]), text))
        for id, digest, text, fields in session.exec(rows)
    ]


def store_vectors(session: Session, owner: str, model_id: str, made: Sequence[Pending], vectors: np.ndarray) -> int:
    """Keep a vector (a row of length 1) for each passage that still has the text it was made from; returns how many."""
    kept = 0
    for passage, vector in zip(made, vectors, strict=True):
        same = (col(Passage.id) == passage.id, col(Passage.owner_id) == owner, col(Passage.text_hash) == passage.text_hash)
        kept += session.exec(update(Passage).where(*same).values(model_id=model_id, vector=vector.astype("<f4").tobytes())).rowcount
    return kept


# ---- searching --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """One passage, as a search shows it."""

    document_id: str
    title: str
    text: str
    link: str
    searched: str


@dataclass(frozen=True)
class Index:
    """One owner's passages in memory. Rows of the matrix are vectors of length 1, or zeros where none has been made."""

    state: tuple[Any, ...]
    entries: tuple[Entry, ...] = ()
    matrix: np.ndarray | None = None
    without_vector: int = 0
    words: Any = None  # a fitted TfidfVectorizer
    weights: Any = field(default=None, repr=False)  # its sparse matrix, a row a passage


def state(session: Session, owner: str, model_id: str) -> tuple[Any, ...]:
    """Changes whenever an owner's passages or their vectors do (a stored source is never edited in place, only replaced)."""
    counted = select(func.count(), func.max(Passage.created_at), func.min(Passage.created_at)).where(Passage.owner_id == owner)
    done = select(func.count()).select_from(Passage).where(Passage.owner_id == owner, Passage.model_id == model_id)
    return (owner, model_id, *session.exec(counted).one(), session.exec(done).one())


def holds_any(session: Session, owner: str) -> bool:
    """Whether an owner has anything that could be searched."""
    return session.exec(select(Passage.id).where(Passage.owner_id == owner).limit(1)).first() is not None


def load_index(session: Session, owner: str, model_id: str) -> Index:
    """Read an owner's passages, with the vectors of one model."""
    import numpy as np

    seen = state(session, owner, model_id)
    asked = select(Passage.document_id, Passage.text, Passage.model_id, Passage.vector, Document.fields)
    asked = asked.join(Document, col(Document.id) == Passage.document_id).where(Passage.owner_id == owner)
    rows = session.exec(asked.order_by(col(Passage.created_at), col(Passage.id))).all()
    entries = []
    for document_id, text, _, _, fields in rows:
        searched = _searched(passages.heading(fields["title"], fields["technologies"]), text)
        entries.append(Entry(document_id, fields["title"], text, fields["link"], searched))
    kept = [np.frombuffer(vector, dtype="<f4") if made_by == model_id else None for _, _, made_by, vector, _ in rows]
    width = next((len(vector) for vector in kept if vector is not None), 0)
    matrix = np.zeros((len(rows), width), dtype=np.float32) if width else None
    for place, vector in enumerate(kept):
        if vector is not None:
            matrix[place] = vector
    return Index(seen, tuple(entries), matrix, sum(vector is None for vector in kept), *_weigh(entries))


def _weigh(entries: Sequence[Entry]) -> tuple[Any, Any]:
    """TF-IDF over all passages; (None, None) when they hold no word."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    weigher = TfidfVectorizer(analyzer=_term_list, sublinear_tf=True, dtype=np.float32)
    try:
        return weigher, weigher.fit_transform([entry.searched for entry in entries])
    except ValueError:  # "empty vocabulary"
        return None, None


def _term_list(text: str) -> list[str]:
    return list(passages.terms(text))


def search(index: Index, queries: Sequence[str], vectors: np.ndarray | None, top: int = 3, least: float | None = None) -> list[Found]:
    """The sources that fit best, best first, each once. `queries` are the lines searched for: a question, or the requirements of a
    posting; `vectors` a row of length 1 for each, None to go by words. A passage counts by the line that it fits best.

    What scores less than `least` is left out. By default configs/app.yaml has a limit for meaning and another for words alone, whose
    scores are lower. Raises ValueError when vectors do not fit the queries.
    """
    import numpy as np

    if not index.entries or not queries:
        return []
    scores = _scores(index, queries, vectors)
    nearest = scores.argmax(axis=1)
    best = scores[np.arange(len(nearest)), nearest]
    if least is None:
        limits = app_config()
        least = np.where(_with_meaning(index, vectors), limits.search_least_score, limits.search_least_word_score)
    enough = (best >= least) & (best > 0)
    found: dict[str, Found] = {}
    for place in np.argsort(np.where(enough, -best, 1), kind="stable")[: enough.sum()]:
        if len(found) == top:
            break
        entry = index.entries[place]
        if entry.document_id not in found:
            found[entry.document_id] = _found(entry, float(best[place]), queries[nearest[place]])
    return list(found.values())


def _scores(index: Index, queries: Sequence[str], vectors: np.ndarray | None) -> np.ndarray:
    """Passages x queries, 0 to 1. A passage whose vector has not been made yet is judged by its words alone."""
    import numpy as np

    words = np.zeros((len(index.entries), len(queries)), dtype=np.float32)
    if index.words is not None:
        words = (index.weights @ index.words.transform(queries).T).toarray()
    if vectors is None or index.matrix is None:
        return words
    if len(vectors) != len(queries):
        raise ValueError(f"{len(vectors)} vectors for {len(queries)} queries")
    share = app_config().search_word_share
    meaning = np.clip(index.matrix @ np.asarray(vectors, dtype=np.float32).T, 0, 1)
    return np.where(_with_meaning(index, vectors)[:, None], (1 - share) * meaning + share * words, words)


def _with_meaning(index: Index, vectors: np.ndarray | None) -> np.ndarray:
    """For each passage whether its meaning was compared, or its words alone."""
    import numpy as np

    if vectors is None or index.matrix is None:
        return np.zeros(len(index.entries), dtype=bool)
    return index.matrix.any(axis=1) if index.without_vector else np.ones(len(index.entries), dtype=bool)


def _found(entry: Entry, score: float, line: str) -> Found:
    asked, own = passages.terms(line), passages.terms(entry.searched)
    shared = tuple(own[term] for term in own if term in asked)[:SHOWN_TERMS]
    why = f"Fits “{prompts.condense(line)[0]}”: " + (f"both name {', '.join(shared)}." if shared else "close in meaning.")
    return Found(entry.document_id, entry.title, entry.text, entry.link, round(score, 3), why, line, shared)
