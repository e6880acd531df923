"""How Alembic sees the database: always through a connection that `db.migrate.upgrade` opened."""

from alembic import context
from sqlmodel import SQLModel

from db import models  # noqa: F401  (fills the metadata)

context.configure(connection=context.config.attributes["connection"], target_metadata=SQLModel.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
