"""A run can be accepted for a worker to begin: a task, with the time that its deadline counts from and who is told."""

from alembic import op

from app.indexes import build

revision = "0025_pre_tasks"
down_revision = "0024_pre_editions"
branch_labels = None
depends_on = None

# `due_from` is set while a task's own deadline counts from its acceptance, and not from the beginning of its work.
RUNS = """
ALTER TABLE runs ADD COLUMN IF NOT EXISTS is_task boolean NOT NULL DEFAULT false,
                 ADD COLUMN IF NOT EXISTS due_from timestamptz,
                 ADD COLUMN IF NOT EXISTS callback_url text;
"""
# Tasks are listed newest first, and those that nobody has begun are counted.
TASKS = "ON runs (tenant_id, created_at DESC, id DESC) WHERE is_task"
ACCEPTED = "ON runs (due_from) WHERE state = 'accepted'"


def upgrade() -> None:
    """Add the columns and the indexes; no run that is there is a task."""
    op.get_bind().exec_driver_sql(RUNS)
    build("runs_tasks", TASKS)
    build("runs_accepted", ACCEPTED)
