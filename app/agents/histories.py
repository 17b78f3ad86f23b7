"""What a run is shown of its session: a summary of what was said first, and the newest messages word for word."""

from collections.abc import Sequence
from typing import LiteralString

from app.agents.values import History, Turn

# Which summary a run reads, written down as it is accepted.
NEWEST_SUMMARY: LiteralString = """(
        SELECT s.id FROM session_summaries s
        WHERE s.session_id = session.id AND s.tenant_id = %(tenant_id)s AND s.text <> ''
        ORDER BY s.created_at DESC LIMIT 1
    )"""
# The summary that the run names; of one that an older version accepted, the newest that was there before it.
SELECT_TURNS: LiteralString = """
    WITH summary AS (
        SELECT text, up_to, messages FROM session_summaries
        WHERE session_id = %(session_id)s AND tenant_id = %(tenant_id)s AND text <> '' AND (
            SELECT CASE WHEN r.summary_id IS NULL THEN session_summaries.created_at < r.created_at
                        ELSE session_summaries.id = r.summary_id END
            FROM runs r WHERE r.id = %(run_id)s AND r.tenant_id = %(tenant_id)s
        )
        ORDER BY created_at DESC LIMIT 1
    )
    SELECT role, content, running, (SELECT text FROM summary) AS summary, (SELECT messages FROM summary) AS summarised
    FROM (
        SELECT id, role, content, sum(length(content)) OVER (ORDER BY id DESC) AS running FROM (
            SELECT id, role, content FROM messages
            WHERE session_id = %(session_id)s AND tenant_id = %(tenant_id)s
              AND id > coalesce((SELECT up_to FROM summary), 0) AND id < (
                SELECT min(id) FROM messages
                WHERE session_id = %(session_id)s AND tenant_id = %(tenant_id)s AND run_id = %(run_id)s
            )
            ORDER BY id DESC LIMIT %(limit)s
        ) AS newest
    ) AS counted
    WHERE running - length(content) < %(characters)s ORDER BY id DESC
"""
MESSAGES_READ = 400
CHARACTERS_READ = 1_000_000
"""What is read of a session for a prompt, at most; what of that goes into it follows from the model's context."""


def history_of(
    read: Sequence[Turn],
    *,
    most_messages: int = MESSAGES_READ,
    most_characters: int = CHARACTERS_READ,
    summary: str = "",
    summarised: int = 0,
) -> History:
    """Return the newest whole turns of what was read, oldest first; one message over a bound tells of older ones."""
    left, first = most_characters, len(read)
    while first and len(read) - first < most_messages and len(read[first - 1].content) <= left:
        first -= 1
        left -= len(read[first].content)
    is_whole = first == 0
    while not is_whole and first < len(read) and read[first].role != "user":
        first += 1
    return History(tuple(read[first:]), is_whole, summary, summarised)
