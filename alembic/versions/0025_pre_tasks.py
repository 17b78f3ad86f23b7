"""A run can be accepted for a worker to begin: a task, with the time that its deadline counts from and who is told."""

from alembic import op

revision = "0025_pre_tasks"
down_revision = "0024_pre_editions"
branch_labels = None
depends_on = None

# `due_from` is set while a task's own deadline counts from its acceptance, and not from the beginning of its work.
RUNS = """
ALTER TABLE runs ADD COLUMN is_task boolean NOT NULL DEFAULT false,
                 ADD COLUMN due_from timestamptz,
                 ADD COLUMN callback_url text;
"""
# Tasks are listed newest first, and those that nobody has begun are counted.
INDEXES = (
    "CREATE INDEX runs_tasks ON runs (tenant_id, created_at DESC, id DESC) WHERE is_task",
    "CREATE INDEX runs_accepted ON runs (due_from) WHERE state = 'accepted'",
)


def upgrade() -> None:
    """Add the columns and the indexes; no run that is there is a task."""
    for statement in (RUNS, *INDEXES):
        op.get_bind().exec_driver_sql(statement)
