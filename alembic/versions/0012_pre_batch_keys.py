"""A key may be for batch work only: its calls never go before those that somebody waits for."""

from alembic import op

revision = "0012_pre_batch_keys"
down_revision = "0011_pre_node_speeds"
branch_labels = None
depends_on = None

COLUMN = "ALTER TABLE api_keys ADD COLUMN batch_only boolean NOT NULL DEFAULT false"


def upgrade() -> None:
    """Add the column; the keys that are there stay as they are."""
    op.get_bind().exec_driver_sql(COLUMN)
