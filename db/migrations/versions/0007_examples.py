"""A person's own letters, messages and answers, which may teach their voice."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "example",
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("letter", sa.Text(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("job_document_id", sa.String(), sa.ForeignKey("document.id"), nullable=True),
        sa.Column("resume_document_id", sa.String(), sa.ForeignKey("document.id"), nullable=True),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("rebuilt", sa.JSON(), nullable=False),
        sa.Column("messages", sa.JSON(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("split_key", sa.String(), nullable=False),
        sa.CheckConstraint("source IN ('pasted', 'file', 'imported', 'edited')", name="example_source"),
        sa.CheckConstraint("state IN ('in', 'quarantined', 'kept', 'left_out')", name="example_state"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_example_owner_id", "example", ["owner_id"])
    op.create_index("one_example", "example", ["owner_id", "content_hash"], unique=True)
