"""Sums up what a long session said first, beside the runs: once a model had no room for all of it."""

from collections.abc import Mapping, Sequence

import structlog

from app.agents.prompts import Prompt
from app.agents.reference import tokenless
from app.agents.summary_rows import Held, Said, Summary, SummaryRows
from app.errors import SwitchyardError, Unavailable
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
BATCH_CHARACTERS = 8 * PIECE_CHARACTERS
"""Of messages that one summary takes; where more was said, a further one goes on from it."""
MOST_TOKENS = 220


def open_summarising(
    database: Database, dispatcher: Dispatcher, book: UsageBook, prompts: Mapping[str, Prompt]
) -> "Summarising":
    """Return what sums up the sessions of an installation."""
    return Summarising(SummaryRows(database), dispatcher, book, prompts[PROMPT])


class Summarising:
    """What a worker does again and again. No connection is held while a model is asked."""

    def __init__(self, rows: SummaryRows, dispatcher: Dispatcher, book: UsageBook, prompt: Prompt) -> None:
        self._rows = rows
        self._dispatcher = dispatcher
        self._book = book
        self._prompt = prompt

    async def turn(self) -> bool:
        """Sum up one session; whether there was one. Raises StoreUnavailable, and Unavailable when no model answers.

        One that fails is left alone for a while, so that it is in nobody's way.
        """
        held = await self._rows.claim()
        if held is None:
            return False
        try:
            while not await self.sum_up(held):
                pass
        except SwitchyardError as error:
            await self._rows.rest(held)
            log.warning("session.not_summed_up", session_id=str(held.session_id), code=error.code)
            if isinstance(error, Unavailable):
                raise
        return True

    async def sum_up(self, held: Held) -> bool:
        """Add a summary of the one before and what was said next, but for the newest turns; whether that was all."""
        before, first, last = await self._rows.read(held)
        summed, is_last = next_of(first, older(last))
        text, model = before.text, ""
        for piece in pieces_of(summed):
            text, model = await self._ask(held.tenant_id, held.session_id, text, piece)
        made = Summary(summed[-1].id if summed else before.up_to, before.messages + len(summed), text)
        if not await self._rows.add(held, made, model, is_last=is_last):
            return True
        log.info("session.summed_up", session_id=str(held.session_id), messages=len(summed), characters=len(text))
        return is_last

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


def next_of(first: Sequence[Said], old: Sequence[Said]) -> tuple[list[Said], bool]:
    """Return the first messages of those up to the end of `old`, as many as one summary takes, and whether it is all.

    Whole turns, where one fits; one message at least, however long it is: none may be passed over.
    """
    end = old[-1].id if old else 0
    due = [one for one in first if one.id <= end]
    taken, characters = 0, 0
    while taken < len(due) and (taken == 0 or characters + len(due[taken].content) <= BATCH_CHARACTERS):
        characters += len(due[taken].content)
        taken += 1
    taken = next((n for n in range(taken, 0, -1) if n == len(due) or due[n].role == "user"), taken)
    return due[:taken], taken == 0 or due[taken - 1].id == end


def pieces_of(said: Sequence[Said]) -> list[str]:
    """Return the messages as text for a model, in pieces."""
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
    return [piece for piece in pieces if piece]


def _ignore_route(_route: Route) -> None:
    """Take note of nothing."""


def _ignore_text(_text: str) -> None:
    """Take a piece of a summary that is read when it is whole."""


def _ignore() -> None:
    """Take note of nothing."""
