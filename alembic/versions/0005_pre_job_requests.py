"""Jobs know the request that asked for them, for the worker's log."""

from alembic import op

revision = "0005_pre_job_requests"
down_revision = "0004_pre_revoked_tenants"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE jobs ADD COLUMN request_id text;
"""


def upgrade() -> None:
    """Add the column."""
    op.get_bind().exec_driver_sql(UP)
