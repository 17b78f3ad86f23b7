"""A run can wait for a person, keeps what each effect had to do without, and pins the texts of its prompts."""

from alembic import op

revision = "0013_pre_waiting_runs"
down_revision = "0012_pre_batch_keys"
branch_labels = None
depends_on = None

# `interrupts` has the open requests of a run that waits, and is an empty list otherwise. Runs that wait are found by
# `runs_one_per_session`, whose condition holds for them: they need no index of their own.
RUNS = """
ALTER TABLE runs ADD COLUMN interrupts jsonb NOT NULL DEFAULT '[]',
                 ADD COLUMN waits_until timestamptz,
                 ADD COLUMN prompts_sha256 bytea;
"""
EFFECTS = "ALTER TABLE effects ADD COLUMN degraded text[] NOT NULL DEFAULT '{}'"
PROMPT_SETS = """
CREATE TABLE prompt_sets (
    sha256 bytea PRIMARY KEY,
    team text NOT NULL,
    texts jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
"""


def upgrade() -> None:
    """Add the columns and the table; rows that are there stay as they are."""
    for statement in (RUNS, EFFECTS, PROMPT_SETS):
        op.get_bind().exec_driver_sql(statement)
