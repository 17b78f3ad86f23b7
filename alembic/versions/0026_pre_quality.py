"""What people say of runs, and what a model says of them as their judge."""

from alembic import op

revision = "0026_pre_quality"
down_revision = "0025_pre_tasks"
branch_labels = None
depends_on = None

# A judgement is claimed before its model is asked: a row without scores whose claim is old may be claimed again.
UP = """
CREATE TABLE run_feedback (
    run_id uuid NOT NULL REFERENCES runs ON DELETE CASCADE,
    key_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    rating text NOT NULL CHECK (rating IN ('up', 'down')),
    score double precision CHECK (score BETWEEN 0 AND 1),
    text text NOT NULL DEFAULT '',
    given_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, key_id)
);
CREATE TABLE run_judgements (
    run_id uuid PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
    tenant_id uuid NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT now(),
    claims integer NOT NULL DEFAULT 1,
    groundedness double precision CHECK (groundedness BETWEEN 0 AND 1),
    groundedness_judged double precision CHECK (groundedness_judged BETWEEN 0 AND 1),
    relevance double precision CHECK (relevance BETWEEN 0 AND 1),
    completeness double precision CHECK (completeness BETWEEN 0 AND 1),
    model text,
    digest text,
    prompt_sha256 bytea,
    error_code text,
    created_at timestamptz
);
CREATE INDEX run_judgements_claimed ON run_judgements (claimed_at);
"""


def upgrade() -> None:
    """Add the tables."""
    op.get_bind().exec_driver_sql(UP)
