"""The tasks of a tenant that have not ended can be counted, and workers leave a sign of life of their own."""

from alembic import op

from app.indexes import build

revision = "0031_pre_open_tasks"
down_revision = "0030_pre_session_summaries"
branch_labels = None
depends_on = None

WORKERS = """
CREATE TABLE IF NOT EXISTS workers (id uuid PRIMARY KEY, seen_at timestamptz NOT NULL DEFAULT now());
"""
OPEN_TASKS = "ON runs (tenant_id) WHERE is_task AND state IN ('accepted', 'running', 'waiting')"


def upgrade() -> None:
    """Add the table and the index."""
    op.get_bind().exec_driver_sql(WORKERS)
    build("runs_open_tasks", OPEN_TASKS)
