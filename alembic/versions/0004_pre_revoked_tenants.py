"""A tenant may be revoked: it gets no new key."""

from alembic import op

revision = "0004_pre_revoked_tenants"
down_revision = "0003_pre_key_permissions"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE tenants ADD COLUMN revoked_at timestamptz;
"""


def upgrade() -> None:
    """Add the column."""
    op.get_bind().exec_driver_sql(UP)
