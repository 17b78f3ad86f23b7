"""Who sums up a session, and which summary a run reads."""

from alembic import op

revision = "0032_pre_summary_claims"
down_revision = "0031_pre_open_tasks"
branch_labels = None
depends_on = None

# A session that is to be summed up: until `free_at` it is some worker's, or rests after it failed. Whose it is the
# `claim` says. The row goes once the session is summed up.
# `summary_id` is the newest summary that there was when a run was accepted; none of a run that an older version took.
UP = """
CREATE TABLE IF NOT EXISTS summary_claims (
    session_id uuid PRIMARY KEY REFERENCES sessions ON DELETE CASCADE,
    tenant_id uuid NOT NULL,
    claim uuid NOT NULL,
    failures integer NOT NULL DEFAULT 0,
    free_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS summary_claims_free ON summary_claims (free_at);
ALTER TABLE runs ADD COLUMN IF NOT EXISTS summary_id uuid;
"""


def upgrade() -> None:
    """Add the table, and the column."""
    op.get_bind().exec_driver_sql(UP)
