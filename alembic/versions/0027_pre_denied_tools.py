"""Tools that the runs of a tenant may not use."""

from alembic import op

revision = "0027_pre_denied_tools"
down_revision = "0026_pre_quality"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE tenants ADD COLUMN denied_tools text[] NOT NULL DEFAULT '{}';
"""


def upgrade() -> None:
    """Add the column."""
    op.get_bind().exec_driver_sql(UP)
