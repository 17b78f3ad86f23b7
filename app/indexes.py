"""Builds indexes on tables that are written to meanwhile."""

from typing import LiteralString

from alembic import op

# What a build leaves behind that was cut off: nothing reads it, and everything that writes keeps it up.
IS_BROKEN: LiteralString = """
    SELECT EXISTS (SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(%(name)s) AND NOT indisvalid)
"""


def build(name: LiteralString, of: LiteralString) -> None:
    """Build an index without holding up who writes to its table; one that was left broken is built anew.

    `of` is what follows the name in `CREATE INDEX`. For a migration: what it did before is committed, so all of it must
    be such that it can be done again.
    """
    with op.get_context().autocommit_block():
        bind = op.get_bind()
        if bind.exec_driver_sql(IS_BROKEN, {"name": name}).scalar():
            bind.exec_driver_sql(f"DROP INDEX CONCURRENTLY {name}")
        bind.exec_driver_sql(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} {of}")
