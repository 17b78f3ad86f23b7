"""Documents keep the text that was read and its pages; chunks know their page and what a table's columns are called."""

from alembic import op

revision = "0021_pre_document_texts"
down_revision = "0020_pre_run_pages"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE documents ADD COLUMN charset text, ADD COLUMN title text NOT NULL DEFAULT '';
ALTER TABLE chunks ADD COLUMN page integer, ADD COLUMN lead text NOT NULL DEFAULT '';
CREATE TABLE document_texts (
    document_id uuid PRIMARY KEY REFERENCES documents ON DELETE CASCADE,
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    text text NOT NULL,
    encoding text NOT NULL,
    pages integer[] NOT NULL,
    unread_pages integer[] NOT NULL
);
"""


def upgrade() -> None:
    """Add the columns and the table."""
    op.get_bind().exec_driver_sql(UP)
