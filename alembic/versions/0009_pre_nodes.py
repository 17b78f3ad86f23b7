"""Nodes are kept as operators declare them: what a GPU of theirs is, labels, and which were removed."""

from alembic import op

revision = "0009_pre_nodes"
down_revision = "0008_pre_usage_owners"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE nodes ADD COLUMN gpu text NOT NULL DEFAULT '', ADD COLUMN vram_bytes bigint, ADD COLUMN watts integer,
    ADD COLUMN labels jsonb NOT NULL DEFAULT '{}', ADD COLUMN revision integer NOT NULL DEFAULT 1,
    ADD COLUMN removed_at timestamptz;
"""
# A replica of the version before makes the table its nodes file's when it starts. It changes no revision, and nothing
# of this version deletes a row: so what an operator said stays. Drained and state are that replica's to write.
KEPT = """
CREATE FUNCTION nodes_kept() RETURNS trigger LANGUAGE plpgsql AS $kept$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RETURN NULL;
    END IF;
    IF NEW.revision = OLD.revision THEN
        NEW.url := OLD.url;
        NEW.slots := OLD.slots;
        NEW.gpus := OLD.gpus;
        NEW.price_usd_micro_per_hour := OLD.price_usd_micro_per_hour;
        NEW.models := OLD.models;
    END IF;
    RETURN NEW;
END
$kept$;
CREATE TRIGGER nodes_kept BEFORE UPDATE OR DELETE ON nodes FOR EACH ROW EXECUTE FUNCTION nodes_kept();
"""


def upgrade() -> None:
    """Add the columns, and keep rows from what a replica of the version before does at its start."""
    for statement in (COLUMNS, KEPT):
        op.get_bind().exec_driver_sql(statement)
