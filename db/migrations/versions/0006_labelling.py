"""Labelling: a queue of pairs, turns, labelers and rules; and an edited letter may be mixed from both sides."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OWNED = (sa.Column("owner_id", sa.String(), nullable=False), sa.Column("created_at", sa.DateTime(), nullable=False))


def _owned(name: str, *more: sa.schema.SchemaItem) -> None:
    id = sa.Column("id", sa.String(), nullable=False)
    op.create_table(name, *(column.copy() for column in OWNED), id, *more, sa.PrimaryKeyConstraint("id"))
    op.create_index(f"ix_{name}_owner_id", name, ["owner_id"])


def upgrade() -> None:
    _mixed()
    op.create_index("ix_preference_newest", "preference", ["owner_id", "labeler", "created_at"])
    _owned(
        "labeler",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("gone_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("way IN ('local', 'password', 'hf')", name="labeler_way"),
    )
    here = sa.text("gone_at IS NULL")
    op.create_index("one_labeler", "labeler", ["owner_id", "name"], unique=True, sqlite_where=here, postgresql_where=here)
    _owned(
        "queue_item",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("tone", sa.String(), nullable=False),
        sa.Column("words", sa.Integer(), nullable=False),
        sa.Column("job_document_id", sa.String(), sa.ForeignKey("document.id"), nullable=False),
        sa.Column("resume_document_id", sa.String(), sa.ForeignKey("document.id"), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("comparison_id", sa.String(), sa.ForeignKey("comparison.id"), nullable=True),
        sa.Column("labeler", sa.String(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'ready', 'alike', 'failed')", name="queue_item_state"),
        sa.CheckConstraint("state <> 'ready' OR comparison_id IS NOT NULL", name="queue_item_ready"),
    )
    op.create_index("ix_queue_item_comparison_id", "queue_item", ["comparison_id"])
    op.create_index("ix_queue_item_next", "queue_item", ["owner_id", "state", "position"])
    _owned(
        "turn",
        sa.Column("item_id", sa.String(), sa.ForeignKey("queue_item.id"), nullable=False),
        sa.Column("labeler", sa.String(), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=False),
        sa.Column("skipped_at", sa.DateTime(), nullable=True),
    )
    op.create_index("ix_turn_labeler", "turn", ["labeler"])
    op.create_index("one_turn", "turn", ["item_id", "labeler"], unique=True)
    _owned(
        "label_rules",
        sa.Column("guidelines", sa.Text(), nullable=False),
        sa.Column("labels_needed", sa.Integer(), nullable=False),
    )
    op.create_index("one_label_rules", "label_rules", ["owner_id"], unique=True)


def _mixed() -> None:
    """SQLite cannot change a CHECK in place: the table is written anew, with everything else that it has."""
    name = "preference_edited_from"
    with op.batch_alter_table("preference") as table:
        table.drop_constraint(name, type_="check")
        table.create_check_constraint(name, "edited_from IS NULL OR edited_from IN ('left', 'right', 'both')")
