"""The first tables. Frozen: later changes are later files."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ACTIVE = "state IN ('queued', 'running', 'stopping')"


def words(name: str, null: bool = False) -> sa.Column:
    return sa.Column(name, sa.String(), nullable=null)


def at(name: str, null: bool = True) -> sa.Column:
    return sa.Column(name, sa.DateTime(), nullable=null)


def number(name: str, kind: type = sa.Integer, null: bool = False) -> sa.Column:
    return sa.Column(name, kind(), nullable=null)


def json(name: str) -> sa.Column:
    return sa.Column(name, sa.JSON(), nullable=False)


def to(column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target])


def table(name: str, *parts: sa.Column | sa.Constraint, key: tuple[str, ...] = ("id",), indexed: tuple[str, ...] = ()) -> None:
    """A table with its owner, its time and its key, and plain indexes on `owner_id` and `indexed`."""
    named = [words("id")] if key == ("id",) else []
    op.create_table(name, words("owner_id"), at("created_at", null=False), *named, *parts, sa.PrimaryKeyConstraint(*key))
    for column in ("owner_id", *indexed):
        op.create_index(f"ix_{name}_{column}", name, [column])


def only_one(name: str, of: str, columns: list, where: str) -> None:
    """A partial unique index."""
    op.create_index(name, of, columns, unique=True, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def upgrade() -> None:
    table(
        "document", words("kind"), sa.Column("text", sa.Text(), nullable=False), words("text_hash"), json("fields"), json("warnings"),
        sa.CheckConstraint("kind IN ('posting', 'resume', 'portfolio')", name="document_kind"), indexed=("text_hash",),
    )  # fmt: skip
    table(
        "prompt", words("kind"), words("tone"), number("words"), json("messages"), words("prompt_hash"), words("template_hash"),
        words("split_key"), number("tokens"), json("left_out"), json("forged"), words("job_document_id", null=True),
        words("resume_document_id", null=True), to("job_document_id", "document.id"), to("resume_document_id", "document.id"),
        indexed=("split_key",),
    )  # fmt: skip
    table(
        "letter", words("prompt_id"), sa.Column("text", sa.Text(), nullable=False), number("finished", sa.Boolean), words("base_id"),
        words("base_hash"), words("adapter_id", null=True), words("adapter_sha256", null=True), number("seed"), json("sampling"),
        number("tokens"), json("token_ids"), number("seconds", sa.Float), to("prompt_id", "prompt.id"), indexed=("prompt_id",),
    )  # fmt: skip
    table(
        "comparison", words("prompt_id"), words("left_letter_id"), words("right_letter_id"), number("proven", sa.Boolean),
        number("two_base_samples", sa.Boolean), words("repeat_of", null=True), to("prompt_id", "prompt.id"),
        to("left_letter_id", "letter.id"), to("right_letter_id", "letter.id"), to("repeat_of", "comparison.id"),
        sa.CheckConstraint("left_letter_id <> right_letter_id", name="comparison_two_letters"), indexed=("prompt_id",),
    )  # fmt: skip
    table(
        "preference", words("comparison_id"), words("labeler"), words("verdict"), sa.Column("edited_text", sa.Text()),
        words("edited_from", null=True), json("reasons"), number("seconds", sa.Float, null=True), at("undone_at"),
        to("comparison_id", "comparison.id"),
        sa.CheckConstraint("verdict IN ('left', 'right', 'tie', 'both_bad')", name="preference_verdict"),
        sa.CheckConstraint("(edited_text IS NULL) = (edited_from IS NULL)", name="preference_edit_whole"),
        sa.CheckConstraint("edited_from IS NULL OR edited_from IN ('left', 'right')", name="preference_edited_from"),
        indexed=("comparison_id",),
    )  # fmt: skip
    only_one("one_preference", "preference", ["comparison_id", "labeler"], "undone_at IS NULL")
    table(
        "training_run", words("recipe"), words("method"), words("scope"), words("state"), number("step"), number("steps"),
        number("seconds_left", sa.Float, null=True), words("reason", null=True), json("metrics"), json("report"), words("base_id"),
        words("base_hash"), words("parent_adapter_id", null=True), number("last_seq"), at("started_at"), at("ended_at"),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'stopping', 'succeeded', 'failed', 'stopped', 'interrupted')", name="training_run_state"
        ),
    )  # fmt: skip
    only_one("one_active_run", "training_run", [sa.text(f"({ACTIVE})")], ACTIVE)
    table(
        "run_pair", words("run_id"), words("preference_id"), to("run_id", "training_run.id"), to("preference_id", "preference.id"),
        key=("run_id", "preference_id"),
    )  # fmt: skip
    table(
        "training_metric", words("run_id"), number("seq"), number("step"), json("metrics"), at("at", null=False),
        to("run_id", "training_run.id"), key=("run_id", "seq"),
    )  # fmt: skip
    table(
        "adapter", words("run_id", null=True), words("parent_id", null=True), words("base_id"), words("base_hash"), words("scope"),
        words("state"), words("sha256"), words("path"), at("promoted_at"), to("run_id", "training_run.id"),
        sa.CheckConstraint("state IN ('candidate', 'trial', 'live', 'retired')", name="adapter_state"),
        sa.CheckConstraint("scope IN ('letter', 'all')", name="adapter_scope"),
    )  # fmt: skip
    only_one("one_live_adapter", "adapter", ["owner_id", "base_id"], "state = 'live'")
    table("promotion", words("base_id"), words("adapter_id"), at("undone_at"), indexed=("base_id",))
    table(
        "evaluation", words("run_id", null=True), words("adapter_id", null=True), json("values"), to("run_id", "training_run.id"),
        indexed=("run_id",),
    )  # fmt: skip
