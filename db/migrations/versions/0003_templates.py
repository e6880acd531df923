"""Each owner's own system messages, with every earlier version."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "template",
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("text_hash", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    for column in ("owner_id", "text_hash"):
        op.create_index(f"ix_template_{column}", "template", [column])
    op.create_index("one_template", "template", ["owner_id", "kind", "text_hash"], unique=True)
    op.create_index(
        "one_active_template", "template", ["owner_id", "kind"], unique=True, sqlite_where=sa.text("active"),
        postgresql_where=sa.text("active"),
    )  # fmt: skip
