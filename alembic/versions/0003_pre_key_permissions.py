"""Api keys hold permissions beyond what every key may do."""

from alembic import op

revision = "0003_pre_key_permissions"
down_revision = "0002_run_attempts"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE api_keys ADD COLUMN permissions text[] NOT NULL DEFAULT '{}'
    CHECK (permissions <@ ARRAY['operate']);
"""


def upgrade() -> None:
    """Add the column."""
    op.get_bind().exec_driver_sql(UP)
