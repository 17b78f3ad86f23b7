"""Runs count the attempts whose owner died, and keep the tier that their session had."""

from alembic import op

revision = "0002_run_attempts"
down_revision = "0001_pre_kernel"
branch_labels = None
depends_on = None

# A run in flight goes on with the tier that its session has now: nothing else can have changed it since.
UP = """
ALTER TABLE runs ADD COLUMN lost integer NOT NULL DEFAULT 0, ADD COLUMN session_tier text;
UPDATE runs SET lost = greatest(attempt - 1, 0), session_tier = sessions.tier
FROM sessions
WHERE sessions.id = runs.session_id AND sessions.tenant_id = runs.tenant_id
  AND runs.state IN ('accepted', 'running', 'waiting');
"""


def upgrade() -> None:
    """Add the columns."""
    op.get_bind().exec_driver_sql(UP)
