"""Documents know when they were last of use, became cold and were restored; a cold one keeps its chunks' edges."""

from alembic import op

revision = "0023_pre_cold_documents"
down_revision = "0022_pre_document_sets"
branch_labels = None
depends_on = None

# A cold document is `ready` in its row, with `cold_at`: the version before knows no other state, and finds it whole,
# with as many points as chunks: none. cold_chunks: [[id, ordinal, heading, start, end, page, lead], ...].
UP = """
ALTER TABLE documents
    ADD COLUMN used_at timestamptz, ADD COLUMN cold_at timestamptz, ADD COLUMN restored_at timestamptz;
ALTER TABLE document_texts ADD COLUMN cold_chunks jsonb;
CREATE INDEX documents_warm ON documents (created_at) WHERE state = 'ready' AND cold_at IS NULL;
CREATE INDEX documents_cold ON documents (tenant_id, id) WHERE cold_at IS NOT NULL;
CREATE OR REPLACE FUNCTION jobs_subject() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.subject_id := coalesce(NEW.subject_id, NEW.document_id);
    IF NEW.kind IN ('ingest', 'reindex', 'restore') THEN
        NEW.document_id := NEW.subject_id;
    END IF;
    RETURN NEW;
END $$;
"""


def upgrade() -> None:
    """Add the columns and the indexes."""
    op.get_bind().exec_driver_sql(UP)
