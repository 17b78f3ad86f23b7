"""Which rows of an ingestion are places to hold it, and who has begun which attempt of a job."""

from typing import LiteralString

PLACES: LiteralString = """
    CREATE FUNCTION drill.place(kind text, made text, old jsonb, new jsonb) RETURNS text LANGUAGE sql AS $$
        SELECT CASE WHEN kind = 'documents' AND old->>'state' <> new->>'state' THEN 'document ' || (new->>'state')
                    WHEN kind = 'jobs' AND old->>'attempt' <> new->>'attempt' THEN 'job claimed'
                    WHEN kind = 'jobs' AND old->>'state' <> new->>'state' THEN 'job ' || (new->>'state')
                    WHEN kind = 'jobs' AND old->>'step' <> new->>'step' THEN 'step ' || (new->>'step')
                    WHEN kind = 'jobs' AND old->'counts' <> new->'counts' THEN 'batch told'
               END
    $$;
    CREATE TRIGGER drill_write BEFORE UPDATE ON documents
        FOR EACH ROW EXECUTE FUNCTION drill.hold('write', '772001');
    CREATE TRIGGER drill_write BEFORE UPDATE ON jobs
        FOR EACH ROW EXECUTE FUNCTION drill.hold('write', '772001');
    CREATE CONSTRAINT TRIGGER drill_commit AFTER UPDATE ON documents DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION drill.hold('commit', '772001');
    CREATE CONSTRAINT TRIGGER drill_commit AFTER UPDATE ON jobs DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION drill.hold('commit', '772001');
    CREATE TABLE drill.claims (job_id uuid, attempt integer, worker text);
    CREATE FUNCTION drill.note_claim() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO drill.claims VALUES (NEW.id, NEW.attempt, current_setting('application_name'));
        RETURN NULL;
    END
    $$;
    CREATE TRIGGER drill_claim AFTER UPDATE ON jobs FOR EACH ROW WHEN (OLD.attempt <> NEW.attempt)
        EXECUTE FUNCTION drill.note_claim();
"""
NAMES = (
    "job claimed", "step parsed", "document chunked", "step chunked", "batch told", "document indexed", "step indexed",
    "document ready", "job done",
)  # fmt: skip
"""In the order in which an ingestion comes to them; `batch told` once a batch, when its points are written."""
