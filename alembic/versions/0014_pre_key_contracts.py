"""A key may insist on a minimum tier, on one digest, or on no lower tier than is needed."""

from alembic import op

revision = "0014_pre_key_contracts"
down_revision = "0013_pre_waiting_runs"
branch_labels = None
depends_on = None

COLUMNS = """
    ALTER TABLE api_keys
        ADD COLUMN min_tier text CHECK (min_tier IN ('simple', 'medium', 'complex')),
        ADD COLUMN digest text CHECK (digest ~ '^[0-9a-f]{64}$'),
        ADD COLUMN no_degrade boolean NOT NULL DEFAULT false
"""


def upgrade() -> None:
    """Add the columns; the keys that are there insist on nothing."""
    op.get_bind().exec_driver_sql(COLUMNS)
