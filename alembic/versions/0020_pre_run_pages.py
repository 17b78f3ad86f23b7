"""What a run writes takes less of the log: room beside its row for its end, and no index that a key makes needless."""

from alembic import op

revision = "0020_pre_run_pages"
down_revision = "0019_pre_job_subjects"
branch_labels = None
depends_on = None

# A row that is changed within its page is logged without what stayed: a run's question, context and options stand
# before all that its end changes.
ROOM = "ALTER TABLE runs SET (fillfactor = 40)"
# Each key of these begins with the thread, so a thread is found without an index of its own.
INDEXES = """
DROP INDEX IF EXISTS checkpoints_thread_id_idx, checkpoint_blobs_thread_id_idx, checkpoint_writes_thread_id_idx;
"""


def upgrade() -> None:
    """Leave room in new pages, and drop the indexes."""
    for statement in (ROOM, INDEXES):
        op.get_bind().exec_driver_sql(statement)
