"""Documents beside the portfolio, and the passages that search finds in both."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

DOCUMENT = sa.Table(  # as 0001 made it: SQLite cannot change a CHECK, so the table is rebuilt, and its CHECKs cannot be read back
    "document", sa.MetaData(),
    sa.Column("owner_id", sa.String(), nullable=False),
    sa.Column("created_at", sa.DateTime(), nullable=False),
    sa.Column("id", sa.String(), nullable=False),
    sa.Column("kind", sa.String(), nullable=False),
    sa.Column("text", sa.Text(), nullable=False),
    sa.Column("text_hash", sa.String(), nullable=False),
    sa.Column("fields", sa.JSON(), nullable=False),
    sa.Column("warnings", sa.JSON(), nullable=False),
    sa.CheckConstraint("kind IN ('posting', 'resume', 'portfolio')", name="document_kind"),
    sa.PrimaryKeyConstraint("id"),
    sa.Index("ix_document_owner_id", "owner_id"),
    sa.Index("ix_document_text_hash", "text_hash"),
)  # fmt: skip


def upgrade() -> None:
    with op.batch_alter_table("document", copy_from=DOCUMENT) as table:
        table.drop_constraint("document_kind", type_="check")
        table.create_check_constraint("document_kind", "kind IN ('posting', 'resume', 'portfolio', 'document')")
    op.create_table(
        "passage",
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("text_hash", sa.String(), nullable=False),
        sa.Column("model_id", sa.String(), nullable=True),
        sa.Column("vector", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("(model_id IS NULL) = (vector IS NULL)", name="passage_vector_whole"),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    for column in ("owner_id", "document_id", "text_hash"):
        op.create_index(f"ix_passage_{column}", "passage", [column])
    op.create_index("ix_passage_state", "passage", ["owner_id", "model_id", "created_at"])
