"""The statements that add a session's checkpoints, and remove those that are outlived; each where `held` has a row."""

from typing import LiteralString

ADD_CHECKPOINTS: LiteralString = """stood AS (
    INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint, metadata)
    SELECT thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint, metadata
    FROM held, jsonb_populate_recordset(NULL::checkpoints, %(checkpoints)s::jsonb)
    ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id)
    DO UPDATE SET checkpoint = excluded.checkpoint, metadata = excluded.metadata
)"""
BLOB_COLUMNS = ("checkpoint_ns", "channel", "version", "type", "blob")
ADD_BLOBS: LiteralString = """held_values AS (
    INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
    SELECT %(thread_id)s, given.*
    FROM held, unnest(%(blob_checkpoint_ns)s::text[], %(blob_channel)s::text[], %(blob_version)s::text[],
                      %(blob_type)s::text[], %(blob_blob)s::bytea[]) AS given
    ON CONFLICT (thread_id, checkpoint_ns, channel, version) DO NOTHING
)"""
WRITE_COLUMNS = (
    "thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "task_path", "idx", "channel", "type", "blob",
)  # fmt: skip
# An error or an interrupt replaces what its task told before; of a task's other writes the first stands
# (langgraph/checkpoint/postgres/aio.py, `aput_writes`).
ADD_WRITES: LiteralString = """wrote AS (
    INSERT INTO checkpoint_writes
        (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob)
    SELECT given.*
    FROM held, unnest(%(write_thread_id)s::text[], %(write_checkpoint_ns)s::text[], %(write_checkpoint_id)s::text[],
                      %(write_task_id)s::text[], %(write_task_path)s::text[], %(write_idx)s::integer[],
                      %(write_channel)s::text[], %(write_type)s::text[], %(write_blob)s::bytea[]) AS given
    ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) DO NOTHING
)"""
REPLACE_WRITES: LiteralString = """told AS (
    INSERT INTO checkpoint_writes
        (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob)
    SELECT given.*
    FROM held, unnest(%(told_thread_id)s::text[], %(told_checkpoint_ns)s::text[], %(told_checkpoint_id)s::text[],
                      %(told_task_id)s::text[], %(told_task_path)s::text[], %(told_idx)s::integer[],
                      %(told_channel)s::text[], %(told_type)s::text[], %(told_blob)s::bytea[]) AS given
    ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
    DO UPDATE SET channel = excluded.channel, type = excluded.type, blob = excluded.blob
)"""


# A session goes on only from its newest checkpoint: a run that waits has written that one, and ends with another.
DROP_CHECKPOINTS: LiteralString = """outlived AS (
    DELETE FROM checkpoints USING held
    WHERE thread_id = %(thread_id)s AND checkpoint_id <> ALL(%(staged)s::text[])
)"""
DROP_WRITES: LiteralString = """outlived_writes AS (
    DELETE FROM checkpoint_writes USING held
    WHERE thread_id = %(thread_id)s AND checkpoint_id <> ALL(%(staged)s::text[])
)"""
DROP_BLOBS: LiteralString = """outlived_values AS (
    DELETE FROM checkpoint_blobs USING held
    WHERE thread_id = %(thread_id)s
      AND (channel, version) NOT IN (SELECT * FROM unnest(%(channels)s::text[], %(versions)s::text[]))
)"""
