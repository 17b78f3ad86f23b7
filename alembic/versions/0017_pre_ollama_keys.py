"""A key may have the public key of an `ollama` command, whose signature then stands for its secret."""

from alembic import op

revision = "0017_pre_ollama_keys"
down_revision = "0016_pre_node_notices"
branch_labels = None
depends_on = None

COLUMN = "ALTER TABLE api_keys ADD COLUMN ollama_key bytea CHECK (length(ollama_key) = 32)"
INDEX = "CREATE UNIQUE INDEX api_keys_ollama_key ON api_keys (ollama_key) WHERE revoked_at IS NULL"


def upgrade() -> None:
    """Add the column; two live keys never have one public key."""
    op.get_bind().exec_driver_sql(COLUMN)
    op.get_bind().exec_driver_sql(INDEX)
