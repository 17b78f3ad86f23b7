"""A job's subject may be anything; for a document both versions find it under the name that they know."""

from alembic import op

revision = "0019_pre_job_subjects"
down_revision = "0018_pre_model_pins"
branch_labels = None
depends_on = None

# Replicas of the version before write and read document_id, which also removes the jobs of a document that is removed.
UP = """
ALTER TABLE jobs ADD COLUMN subject_id uuid;
CREATE FUNCTION jobs_subject() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.subject_id := coalesce(NEW.subject_id, NEW.document_id);
    IF NEW.kind IN ('ingest', 'reindex') THEN
        NEW.document_id := NEW.subject_id;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER jobs_subject BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION jobs_subject();
UPDATE jobs SET subject_id = document_id WHERE subject_id IS NULL;
"""


def upgrade() -> None:
    """Add the column and the trigger, then fill in the rows there are."""
    op.get_bind().exec_driver_sql(UP)
