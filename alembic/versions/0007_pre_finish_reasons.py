"""Runs, answers and calls say why their model stopped; calls count what was thinking."""

from alembic import op

revision = "0007_pre_finish_reasons"
down_revision = "0006_pre_continuations"
branch_labels = None
depends_on = None

# None for what ended before: nobody asked then.
UP = """
ALTER TABLE runs ADD COLUMN finish_reason text;
ALTER TABLE messages ADD COLUMN finish_reason text;
ALTER TABLE usage ADD COLUMN finish_reason text, ADD COLUMN thinking_tokens integer NOT NULL DEFAULT 0;
"""


def upgrade() -> None:
    """Add the columns."""
    op.get_bind().exec_driver_sql(UP)
