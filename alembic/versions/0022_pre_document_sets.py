"""Documents carry metadata and may stand in a set; jobs tell counts, and that they are to stop."""

from alembic import op

revision = "0022_pre_document_sets"
down_revision = "0021_pre_document_texts"
branch_labels = None
depends_on = None

# metadata: {"ticker": text, "date": "YYYY-MM-DD", "tags": [text, ...], further keys: text}; a set is the documents that
# name it. A job that was cancelled is `failed` with the code `cancelled` in its row: the version before knows no other
# state. counts: {"pages": n, "chunks": n, "chunks_done": n}, as far as they are known.
UP = """
ALTER TABLE documents ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}', ADD COLUMN set_name text;
CREATE INDEX documents_newest ON documents (tenant_id, created_at DESC, id DESC);
CREATE INDEX documents_set ON documents (tenant_id, set_name) WHERE set_name IS NOT NULL;
CREATE INDEX documents_metadata ON documents USING gin (metadata jsonb_path_ops);
ALTER TABLE jobs ADD COLUMN counts jsonb NOT NULL DEFAULT '{}', ADD COLUMN cancel_asked_at timestamptz;
"""


def upgrade() -> None:
    """Add the columns and their indexes."""
    op.get_bind().exec_driver_sql(UP)
