"""Sums up what a long session said first, beside the runs: once a model had no room for all of it."""

from collections.abc import Mapping, Sequence
from typing import LiteralString

import msgspec
import structlog

from app.agents.histories import MESSAGES_READ
from app.agents.prompts import Prompt
from app.agents.reference import tokenless
from app.ids import SessionId, TenantId
from app.inference.calls.chat_attempt import ignore_thinking
from app.inference.calls.dispatcher import Dispatcher
from app.inference.calls.usage_book import UsageBook
from app.inference.words.account import Account, Purpose
from app.inference.words.messages import Message
from app.inference.words.priority import Priority
from app.inference.words.records import ChatCall
from app.inference.words.route import Route
from app.postgres import Database

log = structlog.get_logger(__name__)

PROMPT = "session/summary"
PROMPTS = {PROMPT: ()}
AGENT = "summary"
KEPT_CHARACTERS = 4_000
"""Of the newest turns, which are never summed up: about a thousand tokens."""
PIECE_CHARACTERS = 3_000
"""Of messages that a model reads at once, so that the smallest context has room for them."""
MOST_PIECES = 8
MOST_TOKENS = 220

# A session whose newest run that was cut ended after its newest summary.
FIND_CUT: LiteralString = """
    SELECT r.session_id, r.tenant_id FROM runs r
    WHERE r.state = 'done' AND 'history' = ANY(r.degraded) AND r.finished_at > now() - interval '1 hour'
      AND NOT EXISTS (
        SELECT 1 FROM session_summaries s
        WHERE s.session_id = r.session_id AND s.tenant_id = r.tenant_id AND s.created_at > r.finished_at
      )
    ORDER BY r.finished_at LIMIT 1
"""
SELECT_NEWEST: LiteralString = """
    SELECT up_to, messages, text FROM session_summaries
    WHERE session_id = %(session_id)s AND tenant_id = %(tenant_id)s ORDER BY created_at DESC LIMIT 1
"""
SELECT_SINCE: LiteralString = """
    SELECT id, role, content FROM (
        SELECT m.id, m.role, m.content FROM messages m LEFT JOIN runs r ON r.id = m.run_id AND r.tenant_id = m.tenant_id
        WHERE m.session_id = %(session_id)s AND m.tenant_id = %(tenant_id)s AND m.id > %(up_to)s
          AND coalesce(r.state, 'done') NOT IN ('accepted', 'running', 'waiting')
        ORDER BY m.id DESC LIMIT %(limit)s
    ) AS newest ORDER BY id
"""
# The lock stands between the acceptance of a run and a summary: a run reads what was there before it, in every attempt.
ADD: LiteralString = """
    INSERT INTO session_summaries (tenant_id, session_id, up_to, messages, text, model, created_at)
    SELECT tenant_id, id, %(up_to)s, %(messages)s, %(text)s, %(model)s, clock_timestamp()
    FROM (SELECT id, tenant_id FROM sessions WHERE id = %(session_id)s AND tenant_id = %(tenant_id)s
          FOR NO KEY UPDATE) AS held
"""


class Said(msgspec.Struct, frozen=True):
    """A message of a session."""

    id: int
    role: str
    content: str


class Summary(msgspec.Struct, frozen=True):
    """What stands for a session's messages up to one of them; the text is empty where there was nothing to sum up."""

    up_to: int = 0
    messages: int = 0
    text: str = ""


def open_summarising(
    database: Database, dispatcher: Dispatcher, book: UsageBook, prompts: Mapping[str, Prompt]
) -> "Summarising":
    """Return what sums up the sessions of an installation."""
    return Summarising(database, dispatcher, book, prompts[PROMPT])


class Summarising:
    """What a worker does again and again. No connection is held while a model is asked."""

    def __init__(self, database: Database, dispatcher: Dispatcher, book: UsageBook, prompt: Prompt) -> None:
        self._database = database
        self._dispatcher = dispatcher
        self._book = book
        self._prompt = prompt

    async def turn(self) -> bool:
        """Sum up one session; whether there was one. Raises StoreUnavailable, and Unavailable when no model answers."""
        async with self._database.connection("summaries.find") as conn:
            row = await (await conn.execute(FIND_CUT)).fetchone()
        if row is None:
            return False
        await self.sum_up(TenantId(row["tenant_id"]), SessionId(row["session_id"]))
        return True

    async def sum_up(self, tenant_id: TenantId, session_id: SessionId) -> Summary:
        """Add a summary to a session, of the one before and what was said since but for the newest turns."""
        ids = {"tenant_id": tenant_id, "session_id": session_id}
        async with self._database.connection("summaries.read") as conn:
            row = await (await conn.execute(SELECT_NEWEST, ids)).fetchone()
            before = Summary() if row is None else msgspec.convert(row, Summary)
            given = ids | {"up_to": before.up_to, "limit": MESSAGES_READ}
            said = msgspec.convert(await (await conn.execute(SELECT_SINCE, given)).fetchall(), list[Said])
        old, text, model = older(said), before.text, ""
        for piece in pieces_of(old):
            text, model = await self._ask(tenant_id, session_id, text, piece)
        made = Summary(old[-1].id if old else before.up_to, before.messages + len(old), text)
        async with self._database.connection("summaries.add") as conn:
            await conn.execute(ADD, ids | msgspec.structs.asdict(made) | {"model": model})
        log.info("session.summed_up", session_id=str(session_id), messages=len(old), characters=len(text))
        return made

    async def _ask(self, tenant_id: TenantId, session_id: SessionId, before: str, piece: str) -> tuple[str, str]:
        known = f"Summary of what was said before that:\n{before}\n\n" if before else ""
        call = ChatCall(
            messages=(
                Message("system", self._prompt.text),
                Message("user", f"{known}Conversation:\n{piece}\n\nSummary:"),
            ),
            question=AGENT,
            agent=AGENT,
            account=Account(purpose=Purpose.SUMMARY, tenant_id=tenant_id, session_id=session_id),
            max_tokens=MOST_TOKENS,
            temperature=0.0,
            tier=self._prompt.front.tier,
            priority=Priority.BATCH,
            think=False,
        )
        answer = await self._dispatcher.chat(
            call,
            on_route=_ignore_route,
            on_delta=_ignore_text,
            on_restart=_ignore,
            on_thinking=ignore_thinking,
            on_usage=self._book.take,
        )
        return answer.text.strip() or before, answer.usage.model


def older(said: Sequence[Said]) -> list[Said]:
    """Return the messages before the newest turns, which are kept word for word: up to the end of a turn."""
    left, first = KEPT_CHARACTERS, len(said)
    while first and (left >= len(said[first - 1].content) or first == len(said)):
        first -= 1
        left -= len(said[first].content)
    while first < len(said) and said[first].role != "user":
        first += 1
    # The newest turn stays, however long it is.
    newest = max((at for at, one in enumerate(said) if one.role == "user"), default=0)
    return list(said[: min(first, newest)])


def pieces_of(said: Sequence[Said]) -> list[str]:
    """Return the messages as text for a model, in pieces; of very many, the newest pieces."""
    lines = [
        f"{'Asker' if one.role == 'user' else 'Assistant'}: {tokenless(' '.join(one.content.split()))}" for one in said
    ]
    pieces = [""]
    for line in lines:
        for start in range(0, len(line), PIECE_CHARACTERS):
            part = line[start : start + PIECE_CHARACTERS]
            if pieces[-1] and len(pieces[-1]) + len(part) > PIECE_CHARACTERS:
                pieces.append("")
            pieces[-1] += f"{part}\n"
    return [piece for piece in pieces if piece][-MOST_PIECES:]


def _ignore_route(_route: Route) -> None:
    """Take note of nothing."""


def _ignore_text(_text: str) -> None:
    """Take a piece of a summary that is read when it is whole."""


def _ignore() -> None:
    """Take note of nothing."""
