"""The end of a task is told to its callback URL: a delivery is written with the end, by whatever statement that is."""

from alembic import op

revision = "0028_pre_webhooks"
down_revision = "0027_pre_denied_tools"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE webhook_secrets (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    secret text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz
);
CREATE INDEX webhook_secrets_tenant ON webhook_secrets (tenant_id);
CREATE TABLE webhook_deliveries (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL REFERENCES runs ON DELETE CASCADE,
    url text NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'dead')),
    attempts integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT now(),
    last_status integer,
    last_error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE INDEX webhook_deliveries_tenant ON webhook_deliveries (tenant_id, created_at DESC, id DESC);
CREATE INDEX webhook_deliveries_run ON webhook_deliveries (run_id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_at) WHERE state = 'pending';
"""
# Ends are written by several statements, and by those of the version before. The errand is deferred as
# app/jobs/errands.py does it. PostgreSQL looks at the condition only; a run without a callback costs nothing more.
FUNCTION = """
CREATE FUNCTION tell_end_of_run() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    delivery_id uuid := gen_random_uuid();
BEGIN
    INSERT INTO webhook_deliveries (id, tenant_id, run_id, url)
    VALUES (delivery_id, NEW.tenant_id, NEW.id, NEW.callback_url);
    PERFORM procrastinate_defer_jobs_v1(ARRAY[ROW(
        'webhooks', 'deliver', 0, NULL, 'webhook:' || delivery_id,
        jsonb_build_object('delivery_id', delivery_id::text), NULL
    )::procrastinate_job_to_defer_v1]);
    RETURN NULL;
END
$$;
"""
TRIGGER = """
CREATE TRIGGER runs_end_told AFTER UPDATE OF state ON runs FOR EACH ROW
WHEN (NEW.callback_url IS NOT NULL
      AND NEW.state IN ('done', 'refused', 'failed', 'cancelled', 'dead')
      AND OLD.state NOT IN ('done', 'refused', 'failed', 'cancelled', 'dead'))
EXECUTE FUNCTION tell_end_of_run();
"""


def upgrade() -> None:
    """Add the tables and the trigger."""
    for statement in (TABLES, FUNCTION, TRIGGER):
        op.get_bind().exec_driver_sql(statement)
