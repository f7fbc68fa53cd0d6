"""Runs the steps on the connection that `steps.py` hands over."""

from __future__ import annotations

from alembic import context

from assistant.clinic.records.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # Whoever hands the connection over has begun the transaction, and ends it.
    transactional_ddl=False,
)
context.run_migrations()
