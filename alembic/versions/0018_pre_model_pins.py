"""Operators keep models in memory on nodes, whoever asks for them."""

from alembic import op

revision = "0018_pre_model_pins"
down_revision = "0017_pre_ollama_keys"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE model_pins (
    node text NOT NULL, model text NOT NULL, pinned boolean NOT NULL, changed_at timestamptz NOT NULL,
    PRIMARY KEY (node, model)
);
"""


def upgrade() -> None:
    """Make the table."""
    op.get_bind().exec_driver_sql(TABLE)
