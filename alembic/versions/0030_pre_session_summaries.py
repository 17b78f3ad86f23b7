"""Summaries of what a long session said first."""

from alembic import op

from app.indexes import build

revision = "0030_pre_session_summaries"
down_revision = "0029_pre_scheduler"
branch_labels = None
depends_on = None

# A summary stands for the session's messages up to `up_to`, `messages` of them. An empty one says that there was
# nothing to sum up. `created_at` is of the moment in which the session was locked: a run that was accepted before that
# reads none.
UP = """
CREATE TABLE IF NOT EXISTS session_summaries (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    up_to bigint NOT NULL,
    messages integer NOT NULL,
    text text NOT NULL,
    model text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS session_summaries_newest ON session_summaries (session_id, created_at DESC);
"""
HISTORY_CUT = "ON runs (finished_at) WHERE state = 'done' AND 'history' = ANY(degraded)"


def upgrade() -> None:
    """Add the table, and the index of the runs whose history was cut."""
    op.get_bind().exec_driver_sql(UP)
    build("runs_history_cut", HISTORY_CUT)
