"""Runs migrations on the connection that `db.upgrade` hands over."""

from __future__ import annotations

from alembic import context

from db.tables import Table

context.configure(connection=context.config.attributes["connection"], target_metadata=Table.metadata)
with context.begin_transaction():
    context.run_migrations()
