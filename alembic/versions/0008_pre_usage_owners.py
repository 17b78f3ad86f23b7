"""Usage says which session a call was of and what it was for; a call of the platform itself has no tenant."""

from alembic import op

revision = "0008_pre_usage_owners"
down_revision = "0007_pre_finish_reasons"
branch_labels = None
depends_on = None

# A session goes with its usage's id in it: no foreign key. `unsaid` is what replicas of the version before leave, which
# do not say it.
COLUMNS = """
ALTER TABLE usage ADD COLUMN session_id uuid, ADD COLUMN purpose text NOT NULL DEFAULT 'unsaid',
    ALTER COLUMN tenant_id DROP NOT NULL;
"""
# Only of sessions that are still there, as only their runs are known: those of the sessions' time to live.
FILL = """
UPDATE usage SET session_id = runs.session_id,
                 purpose = CASE usage.kind WHEN 'chat' THEN 'chat' ELSE 'search' END
FROM runs WHERE runs.id = usage.run_id AND runs.tenant_id = usage.tenant_id;
"""


def upgrade() -> None:
    """Add the columns, and fill them where the session is known."""
    for statement in (COLUMNS, FILL):
        op.get_bind().exec_driver_sql(statement)
