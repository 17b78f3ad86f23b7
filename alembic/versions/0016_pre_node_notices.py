"""A node's row has what a replica had to tell of it, for whoever lists the nodes."""

from alembic import op

revision = "0016_pre_node_notices"
down_revision = "0015_pre_insurance"
branch_labels = None
depends_on = None

NODES = "ALTER TABLE nodes ADD COLUMN notices jsonb NOT NULL DEFAULT '[]'"


def upgrade() -> None:
    """Add the column; a replica of an earlier version leaves it as it is."""
    op.get_bind().exec_driver_sql(NODES)
