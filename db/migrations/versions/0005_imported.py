"""Rows of files that a person brought: pairs, labels and examples, kept apart from what was chosen here."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "imported",
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("prompt", sa.JSON(), nullable=False),
        sa.Column("chosen", sa.Text(), nullable=False),
        sa.Column("rejected", sa.Text(), nullable=True),
        sa.Column("label", sa.Boolean(), nullable=True),
        sa.Column("finished", sa.Boolean(), nullable=False),
        sa.Column("base_id", sa.String(), nullable=False),
        sa.Column("provenance", sa.JSON(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("split_key", sa.String(), nullable=False),
        sa.Column("used_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("kind IN ('pair', 'label', 'example')", name="imported_kind"),
        sa.CheckConstraint("(kind = 'pair') = (rejected IS NOT NULL)", name="imported_pair_whole"),
        sa.CheckConstraint("(kind = 'label') = (label IS NOT NULL)", name="imported_label_whole"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_imported_owner_id", "imported", ["owner_id"])
    op.create_index("one_imported", "imported", ["owner_id", "content_hash"], unique=True)
    op.create_index("ix_imported_used", "imported", ["owner_id", "kind", "used_at", "base_id"])
