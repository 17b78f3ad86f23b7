"""Tenants, nodes, sessions, runs, effects, routes, usage, documents and jobs."""

from alembic import op
from langgraph.checkpoint.postgres.base import MIGRATIONS as CHECKPOINT_MIGRATIONS
from procrastinate.schema import SchemaManager

revision = "0001_pre_kernel"
down_revision = None
branch_labels = None
depends_on = None

ACCOUNTS = """
CREATE TABLE tenants (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    name text NOT NULL,
    prefix text NOT NULL UNIQUE,
    secret_sha256 bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX api_keys_tenant ON api_keys (tenant_id);
"""

NODES = """
CREATE TABLE nodes (
    name text PRIMARY KEY,
    url text NOT NULL,
    slots integer NOT NULL CHECK (slots > 0),
    gpus integer NOT NULL CHECK (gpus > 0),
    price_usd_micro_per_hour bigint NOT NULL CHECK (price_usd_micro_per_hour >= 0),
    models jsonb NOT NULL,
    state text NOT NULL DEFAULT 'ready',
    drained boolean NOT NULL DEFAULT false,
    updated_at timestamptz NOT NULL DEFAULT now()
);
"""

RUNS = """
CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_activity_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    state jsonb NOT NULL DEFAULT '{}',
    tier text,
    node text,
    model text
);
CREATE INDEX sessions_tenant ON sessions (tenant_id, last_activity_at DESC, id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE runs (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    key_id uuid,
    session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    team text NOT NULL,
    question text NOT NULL,
    context jsonb NOT NULL DEFAULT '{}',
    options jsonb NOT NULL DEFAULT '{}',
    state text NOT NULL CHECK (
        state IN ('accepted', 'running', 'waiting', 'done', 'refused', 'failed', 'cancelled', 'dead')
    ),
    on_disconnect text NOT NULL CHECK (on_disconnect IN ('cancel', 'continue')),
    idempotency_key text,
    idempotency_sha256 bytea,
    lease_owner text,
    lease_until timestamptz,
    fence bigint NOT NULL DEFAULT 0,
    attempt integer NOT NULL DEFAULT 0,
    cancel_asked boolean NOT NULL DEFAULT false,
    answer text,
    result jsonb,
    error_code text,
    error_detail text,
    degraded text[] NOT NULL DEFAULT '{}',
    request_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz
);
CREATE UNIQUE INDEX runs_idempotency ON runs (tenant_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL AND state <> 'refused';
CREATE UNIQUE INDEX runs_one_per_session ON runs (session_id) WHERE state IN ('accepted', 'running', 'waiting');
CREATE INDEX runs_session ON runs (session_id);
CREATE INDEX runs_leases ON runs (lease_until) WHERE state IN ('accepted', 'running');

CREATE TABLE messages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id uuid NOT NULL,
    session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    run_id uuid NOT NULL,
    role text NOT NULL CHECK (role IN ('user', 'assistant')),
    content text NOT NULL,
    agent text,
    citations jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX messages_session ON messages (session_id, id);

CREATE TABLE effects (
    run_id uuid NOT NULL REFERENCES runs ON DELETE CASCADE,
    step_key text NOT NULL,
    tenant_id uuid NOT NULL,
    input_sha256 bytea NOT NULL,
    result bytea NOT NULL,
    gpu_us bigint NOT NULL DEFAULT 0,
    cost_usd_micro bigint NOT NULL DEFAULT 0,
    fence bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, step_key)
);
"""

# Usage outlives what it was for: no foreign keys to runs or sessions.
CALLS = """
CREATE TABLE routes (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    run_id uuid,
    tier text NOT NULL,
    tier_reason text NOT NULL,
    need real NOT NULL,
    reason text NOT NULL,
    model text NOT NULL,
    digest text NOT NULL,
    node text NOT NULL,
    candidates jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX routes_run ON routes (run_id);

CREATE TABLE usage (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    key_id uuid,
    run_id uuid,
    route_id uuid,
    kind text NOT NULL CHECK (kind IN ('chat', 'embed')),
    agent text NOT NULL,
    tier text,
    node text NOT NULL,
    model text NOT NULL,
    digest text NOT NULL,
    input_tokens integer NOT NULL,
    output_tokens integer NOT NULL,
    wait_us bigint NOT NULL,
    load_us bigint NOT NULL,
    prefill_us bigint NOT NULL,
    decode_us bigint NOT NULL,
    first_token_us bigint,
    gpu_us bigint NOT NULL,
    cost_usd_micro bigint NOT NULL,
    outcome text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL
);
CREATE INDEX usage_tenant ON usage (tenant_id, started_at);
CREATE INDEX usage_run ON usage (run_id);
"""

DOCUMENTS = """
CREATE TABLE documents (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    name text NOT NULL,
    media_type text NOT NULL,
    size_bytes bigint NOT NULL,
    sha256 bytea NOT NULL,
    version integer NOT NULL,
    state text NOT NULL CHECK (
        state IN ('received', 'parsed', 'chunked', 'indexed', 'ready', 'failed', 'superseded', 'deleted')
    ),
    embed_model text,
    error_code text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, name, version)
);
CREATE INDEX documents_live ON documents (tenant_id, state, id);

CREATE TABLE chunks (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    document_id uuid NOT NULL REFERENCES documents ON DELETE CASCADE,
    ordinal integer NOT NULL,
    heading text NOT NULL,
    text text NOT NULL,
    start_offset integer NOT NULL,
    end_offset integer NOT NULL,
    UNIQUE (document_id, ordinal)
);

CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    kind text NOT NULL,
    document_id uuid REFERENCES documents ON DELETE CASCADE,
    state text NOT NULL CHECK (state IN ('accepted', 'running', 'done', 'failed')),
    step text NOT NULL,
    progress real NOT NULL DEFAULT 0,
    attempt integer NOT NULL DEFAULT 0,
    error_code text,
    error_detail text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE INDEX jobs_tenant ON jobs (tenant_id, created_at DESC);
CREATE INDEX jobs_document ON jobs (document_id);
"""


def upgrade() -> None:
    """Create every table; the saver's and procrastinate's schemas are those of the pinned versions."""
    connection = op.get_bind()
    for statements in (ACCOUNTS, NODES, RUNS, CALLS, DOCUMENTS):
        connection.exec_driver_sql(statements)
    for version, statement in enumerate(CHECKPOINT_MIGRATIONS):
        # CONCURRENTLY cannot run in a transaction, and a new table has nobody to wait for.
        connection.exec_driver_sql(statement.replace("CONCURRENTLY", ""))
        connection.exec_driver_sql("INSERT INTO checkpoint_migrations (v) VALUES (%s)", (version,))
    # The driver reads % as a placeholder.
    connection.exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))
