"""What a calibration measured of a node is kept, so that estimates begin with it."""

from alembic import op

revision = "0011_pre_node_speeds"
down_revision = "0010_pre_usage_days"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE node_speeds (
    node text NOT NULL, model text NOT NULL, url text NOT NULL,
    tokens_per_s double precision NOT NULL, prefill_per_s double precision NOT NULL, load_s double precision NOT NULL,
    measured_at timestamptz NOT NULL, PRIMARY KEY (node, model)
);
"""


def upgrade() -> None:
    """Make the table."""
    op.get_bind().exec_driver_sql(TABLE)
