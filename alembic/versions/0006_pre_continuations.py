"""What each model and digest does with a final assistant message is kept."""

from alembic import op

revision = "0006_pre_continuations"
down_revision = "0005_pre_job_requests"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE continuations (
    model text NOT NULL,
    digest text NOT NULL,
    found text NOT NULL CHECK (found IN ('goes_on', 'closed', 'anew')),
    found_at timestamptz NOT NULL,
    PRIMARY KEY (model, digest)
);
"""


def upgrade() -> None:
    """Create the table."""
    op.get_bind().exec_driver_sql(UP)
