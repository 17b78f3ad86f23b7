"""What is kept of usage once its rows are old, by day; what a call asked of its placement."""

from alembic import op

revision = "0010_pre_usage_days"
down_revision = "0009_pre_nodes"
branch_labels = None
depends_on = None

# Rows come in the order of time, so a block range says enough to find the old ones, and costs next to nothing.
ROUTES = """
ALTER TABLE routes ADD COLUMN asking jsonb NOT NULL DEFAULT '{}';
CREATE INDEX routes_created ON routes USING brin (created_at);
CREATE INDEX usage_ended ON usage USING brin (ended_at);
"""
DAYS = """
CREATE TABLE usage_days (
    day date NOT NULL,
    tenant_id uuid,
    key_id uuid,
    purpose text NOT NULL,
    kind text NOT NULL,
    agent text NOT NULL,
    tier text,
    node text NOT NULL,
    model text NOT NULL,
    outcome text NOT NULL,
    calls bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    thinking_tokens bigint NOT NULL,
    wait_us bigint NOT NULL,
    load_us bigint NOT NULL,
    prefill_us bigint NOT NULL,
    decode_us bigint NOT NULL,
    gpu_us bigint NOT NULL,
    cost_usd_micro bigint NOT NULL,
    CONSTRAINT usage_days_of UNIQUE NULLS NOT DISTINCT
        (day, tenant_id, key_id, purpose, kind, agent, tier, node, model, outcome)
);
"""


def upgrade() -> None:
    """Add the column, the indexes and the table."""
    for statement in (ROUTES, DAYS):
        op.get_bind().exec_driver_sql(statement)
