"""Runs migrations on the connection that `app.migrations` hands over."""

from alembic import context

connection = context.config.attributes["connection"]
# Each version stands once its migration is done: what comes after it may fail, and is done again.
context.configure(connection=connection, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
