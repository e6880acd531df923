"""A gate's report, a trial by votes, and who let an adapter write and why."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gate_report",
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("adapter_id", sa.String(), sa.ForeignKey("adapter.id"), nullable=False),
        sa.Column("rival_id", sa.String(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_gate_report_owner_id", "gate_report", ["owner_id"])
    op.create_index("ix_gate_report_adapter_id", "gate_report", ["adapter_id"])
    op.create_table(
        "trial",
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("base_id", sa.String(), nullable=False),
        sa.Column("adapter_id", sa.String(), sa.ForeignKey("adapter.id"), nullable=False),
        sa.Column("rival_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("votes", sa.JSON(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("state IN ('running', 'confirmed', 'rolled_back', 'taken', 'ended')", name="trial_state"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_trial_owner_id", "trial", ["owner_id"])
    op.create_index("ix_trial_adapter_id", "trial", ["adapter_id"])
    running = sa.text("state = 'running'")
    op.create_index("one_running_trial", "trial", ["owner_id", "base_id"], unique=True, sqlite_where=running, postgresql_where=running)
    with op.batch_alter_table("promotion") as promotion:
        promotion.add_column(sa.Column("by", sa.String(), nullable=False, server_default="person"))
        promotion.add_column(sa.Column("reason", sa.Text(), nullable=True))
        promotion.create_check_constraint("promotion_by", "by IN ('person', 'trial')")
