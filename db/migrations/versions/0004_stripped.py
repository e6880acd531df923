"""What was taken off a letter stands beside it. Letters from before have nothing beside them: they are shown as they were."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("letter", sa.Column("stripped", sa.JSON(), nullable=False, server_default="[]"))
