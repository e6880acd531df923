"""Every table, top to bottom in the order data flows. Knows no rule of the app but those a database can keep.

Every row has `owner_id`: whoever reads or writes asks for it. Ids are random, so that a guess finds nothing.
Times are UTC. `table=True` classes do not validate: values are checked at the edges, states again by CHECKs.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlmodel import Field

from db.columns import Owned, Utc, key, listed, long_text, mapped, moment, new_id, now, one_of  # noqa: F401 - new_id is asked of here

DOCUMENT_KINDS = ("posting", "resume", "portfolio", "document")
VERDICTS = ("left", "right", "tie", "both_bad")
RUN_STATES = ("queued", "running", "stopping", "succeeded", "failed", "stopped", "interrupted")
ACTIVE_STATES = ("queued", "running", "stopping")
ITEM_STATES = ("waiting", "ready", "alike", "failed")
LABELER_WAYS = ("local", "password", "hf")
ADAPTER_STATES = ("candidate", "trial", "live", "retired")
TRIAL_STATES = ("running", "confirmed", "rolled_back", "taken", "ended")
PROMOTERS = ("person", "trial")


class Document(Owned, table=True):
    """A posting, résumé, portfolio project or other document as the person gave it, and the fields read from it."""

    __table_args__ = (one_of("kind", DOCUMENT_KINDS, "document_kind"),)
    id: str = key("doc")
    kind: str
    text: str = long_text()
    text_hash: str = Field(index=True)
    fields: dict[str, Any] = mapped()
    warnings: list[str] = listed()


class Passage(Owned, table=True):
    """A piece of a portfolio project or document that search can find, with its vector once one has been made."""

    __table_args__ = (
        CheckConstraint("(model_id IS NULL) = (vector IS NULL)", name="passage_vector_whole"),
        Index("ix_passage_state", "owner_id", "model_id", "created_at"),  # answers "has anything changed?" without reading vectors
    )
    id: str = key("psg")
    document_id: str = Field(foreign_key="document.id", index=True)
    position: int
    text: str = long_text()
    text_hash: str = Field(index=True)  # SHA-256 of exactly what the vector stands for
    model_id: str | None = None  # the embedding model that made the vector
    vector: bytes | None = Field(default=None, sa_type=LargeBinary)  # float32, little-endian, length 1


class Template(Owned, table=True):
    """A version of an owner's own system message for a kind of text. One may be active; the others stay, so that a hash names its text."""

    __table_args__ = (
        Index("one_template", "owner_id", "kind", "text_hash", unique=True),
        Index("one_active_template", "owner_id", "kind", unique=True, sqlite_where=text("active"), postgresql_where=text("active")),
    )
    id: str = key("tpl")
    kind: str
    text: str = long_text()
    text_hash: str = Field(index=True)  # SHA-256 of the text
    active: bool = True
    updated_at: datetime = Field(default_factory=now, sa_type=Utc)  # when it was last saved or put aside


class Prompt(Owned, table=True):
    """Exactly what the model was given, and what it was not."""

    id: str = key("prm")
    kind: str
    tone: str
    words: int
    messages: list[dict[str, str]] = listed()
    prompt_hash: str
    template_hash: str  # of the shipped text or of a Template, before its fields are filled
    split_key: str = Field(index=True)
    tokens: int
    left_out: list[str] = listed()
    forged: list[str] = listed()
    job_document_id: str | None = Field(default=None, foreign_key="document.id")
    resume_document_id: str | None = Field(default=None, foreign_key="document.id")


class Letter(Owned, table=True):
    """One text and what wrote it: base, adapter, seed, sampling."""

    id: str = key("let")
    prompt_id: str = Field(foreign_key="prompt.id", index=True)
    text: str = long_text()  # as it is shown, and as a trainer reads it
    stripped: list[dict[str, str]] = listed()  # talk around the letter that was taken off it: {kind, text}
    finished: bool  # the model gave its own end token
    base_id: str
    base_hash: str
    adapter_id: str | None = None  # None: the base alone; "starter": the adapter that ships
    adapter_sha256: str | None = None
    seed: int
    sampling: dict[str, Any] = mapped()
    tokens: int  # as many as were written
    token_ids: list[int] = listed()  # of `text` as sampled, without the end token: text alone may not give them back; empty if stripped
    seconds: float


class Comparison(Owned, table=True):
    """Two letters of one prompt, with the side on which each was shown."""

    __table_args__ = (CheckConstraint("left_letter_id <> right_letter_id", name="comparison_two_letters"),)
    id: str = key("cmp")
    prompt_id: str = Field(foreign_key="prompt.id", index=True)
    left_letter_id: str = Field(foreign_key="letter.id")
    right_letter_id: str = Field(foreign_key="letter.id")
    proven: bool  # the self-test showed that the adapter's side was the adapter's
    two_base_samples: bool = False
    repeat_of: str | None = Field(default=None, foreign_key="comparison.id")


class Preference(Owned, table=True):
    """One person's verdict on one comparison; its id is the receipt."""

    __table_args__ = (
        one_of("verdict", VERDICTS, "preference_verdict"),
        CheckConstraint("(edited_text IS NULL) = (edited_from IS NULL)", name="preference_edit_whole"),
        CheckConstraint("edited_from IS NULL OR edited_from IN ('left', 'right', 'both')", name="preference_edited_from"),
        Index("one_preference", "comparison_id", "labeler", unique=True,
              sqlite_where=text("undone_at IS NULL"), postgresql_where=text("undone_at IS NULL")),
        Index("ix_preference_newest", "owner_id", "labeler", "created_at"),  # a labeler's last decisions, among a hundred thousand
    )  # fmt: skip
    id: str = key("prf")
    comparison_id: str = Field(foreign_key="comparison.id", index=True)
    labeler: str
    verdict: str
    edited_text: str | None = long_text(default=None)
    edited_from: str | None = None
    reasons: list[str] = listed()
    seconds: float | None = None
    undone_at: datetime | None = moment()


IMPORTED_KINDS = ("pair", "label", "example")


class Imported(Owned, table=True):
    """A row of a file that a person brought: a pair, one answer with a thumb up or down, or an example answer. Ids grow in the order
    of arrival, which an export keeps; they never leave this machine."""

    __table_args__ = (
        one_of("kind", IMPORTED_KINDS, "imported_kind"),
        CheckConstraint("(kind = 'pair') = (rejected IS NOT NULL)", name="imported_pair_whole"),
        CheckConstraint("(kind = 'label') = (label IS NOT NULL)", name="imported_label_whole"),
        Index("one_imported", "owner_id", "content_hash", unique=True),
        Index("ix_imported_used", "owner_id", "kind", "used_at", "base_id"),  # answers "how many, how many train?" without the texts
    )
    id: int | None = Field(default=None, primary_key=True)
    format: str  # as it was recognised
    kind: str
    prompt: list[dict[str, str]] = listed()
    chosen: str = long_text()  # the better answer, or the only one
    rejected: str | None = long_text(default=None)
    label: bool | None = None  # of an answer alone: good or bad
    finished: bool = True
    base_id: str = ""  # the base model that wrote it; empty when the file does not say
    provenance: dict[str, Any] = mapped()  # what else the file said about it, given back by an export
    content_hash: str  # SHA-256 of prompt, answers and label
    split_key: str
    used_at: datetime | None = moment()  # since when it may train; None: it is only kept


EXAMPLE_SOURCES = ("pasted", "file", "imported", "edited")
EXAMPLE_STATES = ("in", "quarantined", "kept", "left_out")


class Example(Owned, table=True):
    """A text of a person's own that may teach their voice, with what it was written for."""

    __table_args__ = (
        one_of("source", EXAMPLE_SOURCES, "example_source"),
        one_of("state", EXAMPLE_STATES, "example_state"),
        Index("one_example", "owner_id", "content_hash", unique=True),
    )
    id: str = key("exm")
    kind: str
    letter: str = long_text()  # after repairs
    before: dict[str, str] = mapped()  # what a repair changed, as it was given: "letter", "posting", "turns" or a field -> its text
    job_document_id: str | None = Field(default=None, foreign_key="document.id")
    resume_document_id: str | None = Field(default=None, foreign_key="document.id")
    fields: dict[str, str] = mapped()  # by the names of quality.FIELDS, as they were given
    rebuilt: dict[str, str] = mapped()  # the same, read out of the letter where nothing was given
    messages: list[dict[str, str]] = listed()  # a conversation's turns before the answer
    source: str
    findings: list[dict[str, Any]] = listed()
    state: str = "in"
    content_hash: str  # SHA-256 of everything that was given
    split_key: str


class Labeler(Owned, table=True):
    """Somebody who may label the owner's queue, known by a name on this machine, a password, or a Hugging Face login."""

    __table_args__ = (
        one_of("way", LABELER_WAYS, "labeler_way"),
        Index("one_labeler", "owner_id", "name", unique=True,
              sqlite_where=text("gone_at IS NULL"), postgresql_where=text("gone_at IS NULL")),
    )  # fmt: skip
    id: str = key("lab")
    name: str
    way: str = "local"
    password_hash: str | None = None  # scrypt, with its salt
    gone_at: datetime | None = moment()


class QueueItem(Owned, table=True):
    """A pair to be labelled: first what it is to be written from, then the comparison that was written."""

    __tablename__ = "queue_item"
    __table_args__ = (
        one_of("state", ITEM_STATES, "queue_item_state"),
        CheckConstraint("state <> 'ready' OR comparison_id IS NOT NULL", name="queue_item_ready"),
        Index("ix_queue_item_next", "owner_id", "state", "position"),
    )
    id: str = key("itm")
    kind: str
    tone: str
    words: int
    job_document_id: str = Field(foreign_key="document.id")
    resume_document_id: str | None = Field(default=None, foreign_key="document.id")
    position: int
    state: str = "waiting"
    comparison_id: str | None = Field(default=None, foreign_key="comparison.id", index=True)
    labeler: str | None = None  # a repeat is asked only of whoever it repeats
    reason: str | None = long_text(default=None)  # why it could not be written


class Turn(Owned, table=True):
    """One labeler's turn with one item: until when it is held for them, or that they passed it over."""

    __table_args__ = (Index("one_turn", "item_id", "labeler", unique=True),)
    id: str = key("trn")
    item_id: str = Field(foreign_key="queue_item.id")
    labeler: str = Field(index=True)
    until: datetime = Field(sa_type=Utc)
    skipped_at: datetime | None = moment()


class LabelRules(Owned, table=True):
    """How an owner's queue is labelled: what the labelers are told, and how many of them see a pair."""

    __tablename__ = "label_rules"
    __table_args__ = (Index("one_label_rules", "owner_id", unique=True),)
    id: str = key("rul")
    guidelines: str = long_text()
    labels_needed: int = 1


_ACTIVE = f"state IN ({', '.join(repr(s) for s in ACTIVE_STATES)})"


class TrainingRun(Owned, table=True):
    """One training; what its folder's events have said so far."""

    __tablename__ = "training_run"
    __table_args__ = (
        one_of("state", RUN_STATES, "training_run_state"),
        # one model, one machine: the indexed value is the same for every active run of the home
        Index("one_active_run", text(f"({_ACTIVE})"), unique=True, sqlite_where=text(_ACTIVE), postgresql_where=text(_ACTIVE)),
    )
    id: str = key("run")
    recipe: str
    method: str
    scope: str
    state: str = "queued"
    step: int = 0
    steps: int = 0
    seconds_left: float | None = None
    reason: str | None = None
    metrics: dict[str, Any] = mapped()
    report: dict[str, Any] = mapped()
    base_id: str
    base_hash: str
    parent_adapter_id: str | None = None
    last_seq: int = 0
    started_at: datetime | None = moment()
    ended_at: datetime | None = moment()


class RunPair(Owned, table=True):
    """A preference that a run looked at, those it dropped included, so that the header counts from zero again."""

    __tablename__ = "run_pair"
    run_id: str = Field(foreign_key="training_run.id", primary_key=True)
    preference_id: str = Field(foreign_key="preference.id", primary_key=True)


class TrainingMetric(Owned, table=True):
    """One line of a run's events that carried metrics."""

    __tablename__ = "training_metric"
    run_id: str = Field(foreign_key="training_run.id", primary_key=True)
    seq: int = Field(primary_key=True)
    step: int
    metrics: dict[str, Any] = mapped()
    at: datetime = Field(default_factory=now, sa_type=Utc)


class Adapter(Owned, table=True):
    """LoRA weights in a folder, made by a run for one base model."""

    __table_args__ = (
        one_of("state", ADAPTER_STATES, "adapter_state"),
        one_of("scope", ("letter", "all"), "adapter_scope"),
        Index("one_live_adapter", "owner_id", "base_id", unique=True,
              sqlite_where=text("state = 'live'"), postgresql_where=text("state = 'live'")),
    )  # fmt: skip
    id: str = key("adp")
    run_id: str | None = Field(default=None, foreign_key="training_run.id")
    parent_id: str | None = None  # an adapter id, "starter", or None for the base
    base_id: str
    base_hash: str
    scope: str
    state: str = "candidate"
    sha256: str
    path: str
    promoted_at: datetime | None = moment()


class Promotion(Owned, table=True):
    """The history of what writes: the newest row that is not undone names the live adapter ("none" is the base)."""

    __table_args__ = (one_of("by", PROMOTERS, "promotion_by"),)
    id: str = key("pro")
    base_id: str = Field(index=True)
    adapter_id: str
    by: str = "person"
    reason: str | None = long_text(default=None)  # why a person let an adapter write that the gate had refused
    undone_at: datetime | None = moment()


class GateReport(Owned, table=True):
    """What the gate measured of an adapter beside what wrote then; the newest of an adapter counts."""

    __tablename__ = "gate_report"
    id: str = key("gat")
    adapter_id: str = Field(foreign_key="adapter.id", index=True)
    rival_id: str  # an adapter id, "starter" or "none"
    passed: bool
    rules: list[dict[str, Any]] = listed()  # {name, title, value, limit, state, sentence} of each rule
    values: dict[str, Any] = mapped()  # {letters, seconds}


class Trial(Owned, table=True):
    """A new adapter against what writes, decided by votes on pairs of both that were written since."""

    __table_args__ = (
        one_of("state", TRIAL_STATES, "trial_state"),
        Index("one_running_trial", "owner_id", "base_id", unique=True,
              sqlite_where=text("state = 'running'"), postgresql_where=text("state = 'running'")),
    )  # fmt: skip
    id: str = key("trl")
    base_id: str
    adapter_id: str = Field(foreign_key="adapter.id", index=True)
    rival_id: str  # an adapter id, "starter" or "none"
    state: str = "running"
    automatic: bool = True  # what the votes say is done at once
    votes: dict[str, int] = mapped()  # {wins, losses, ties} at its end; before it they are counted from the choices
    ended_at: datetime | None = moment()


class Evaluation(Owned, table=True):
    """What a held-out check of a run's adapter gave."""

    id: str = key("evl")
    run_id: str | None = Field(default=None, foreign_key="training_run.id", index=True)
    adapter_id: str | None = None
    values: dict[str, Any] = mapped()
