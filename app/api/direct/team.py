"""A direct call to a team: a run, in a fresh session that begins with the turns that were sent."""

from collections.abc import Sequence
from contextlib import aclosing

import msgspec

from app.agents.events import (
    Delta,
    EventKind,
    Interrupted,
    Loading,
    Queued,
    Restart,
    RunEvent,
    Thinking,
    ToolCalled,
    WaitingForNode,
    WaitingForSlot,
)
from app.agents.values import Interrupt, RunOptions, RunResult, StartRun, Turn
from app.api.direct.talk import Ask, Told, Voice
from app.api.doors import Runner
from app.api.problems import StillRunning
from app.api.replies import answering_call, result_headers, route_headers
from app.errors import BadInput
from app.ids import Caller
from app.inference.words.ends import FinishReason
from app.inference.words.messages import Message
from app.inference.words.sampling import Sampling
from app.stored_ends import rebuild
from app.text import is_storable

NEUTRAL = (None, Sampling(), Sampling(top_p=1.0))
"""What clients say that leaves the picking of words alone."""
EARLIER_MESSAGES = 200
"""So many turns a session may begin with."""


async def ask_team(runner: Runner, caller: Caller, team: str, ask: Ask, voice: Voice, *, limit_s: float) -> Told:
    """Start a run, tell what it says, and return its end; whoever leaves before cancels it.

    Raises BadInput for what a team cannot be asked, and what the run ends with.
    """
    handle = await runner.start(caller, to_run(team, ask, limit_s))
    voice.begun(route_headers(runner.routed(handle.run_id)))
    has_ended = False
    try:
        async with aclosing(runner.events(caller, handle.run_id, None)) as events:
            async for event in events:
                ended = _tell(event, voice)
                if isinstance(event.body, Interrupted):
                    # Nobody can be asked in a dialect: what the run asks is its message, and it stays to be answered.
                    has_ended = True
                    waiting = await runner.result(caller, handle.run_id, limit_s)
                    return _asks(event.body, waiting, voice)
                if ended is not None:
                    has_ended = True
                    return _told(ended)
        raise StillRunning("the run has not ended", run_id=str(handle.run_id))
    finally:
        if not has_ended:
            runner.left(handle.run_id)


def to_run(team: str, ask: Ask, limit_s: float) -> StartRun:
    """Return the run that an ask begins. Raises BadInput by the name of what a team cannot be asked."""
    for field, is_asked in (
        ("tools", bool(ask.tools)),
        ("response_format", ask.response_schema is not None),
        ("sampling", ask.sampling not in NEUTRAL),
    ):
        if is_asked:
            raise BadInput(f"a team answers in its own way: `{field}` cannot be had of it", field=field)
    *earlier, last = ask.messages or (Message("assistant", ""),)
    if last.role != "user":
        raise BadInput("a team answers a user: the last message must be of the role `user`", field="messages")
    for message in ask.messages:
        _check(message)
    return StartRun(
        question=last.content,
        request_id=ask.request_id,
        team=team,
        earlier=_turns(earlier),
        options=RunOptions(
            temperature=ask.temperature,
            max_tokens=ask.max_tokens,
            seed=ask.seed,
            deadline_s=None if ask.deadline_s is None else min(ask.deadline_s, limit_s),
            think=ask.think,
            contract=ask.contract,
        ),
    )


def _check(message: Message) -> None:
    if message.role not in {"user", "assistant"} or not message.is_plain:
        raise BadInput(
            "a team has its own instructions and tools: it takes messages of users and assistants, of plain text",
            field="messages",
        )
    if not message.content.strip() or not is_storable(message.content):
        raise BadInput("a message is empty, or holds NUL or half of a surrogate pair", field="messages")


def _turns(messages: Sequence[Message]) -> tuple[Turn, ...]:
    if len(messages) > EARLIER_MESSAGES:
        raise BadInput(f"a session may begin with {EARLIER_MESSAGES} messages", field="messages")
    return tuple(Turn(message.role, message.content) for message in messages)


def _tell(event: RunEvent, voice: Voice) -> RunResult | None:
    """Tell an event; return the result that it ends the run with."""
    match event.body:
        case Delta(text):
            voice.say(text)
        case Thinking(_, text):
            voice.say(text, is_thinking=True)
        case Restart():
            voice.drop()
        case RunResult():
            if event.kind is not EventKind.DONE:
                result = event.body
                raise rebuild(result.error_code or result.state.value, result.error_detail, result.error_facts)
            return event.body
        case WaitingForSlot(position, eta_s):
            voice.queued(position, eta_s)
        case Queued() | Loading() | WaitingForNode() | ToolCalled() | Interrupted():
            return None
    return None


def _asks(asked: Interrupted, waiting: RunResult, voice: Voice) -> Told:
    """Say what the run asks, with where to answer, and end the call as any answer ends."""
    where = f"(Run {waiting.run_id} waits for the answer: POST /api/v1/runs/{waiting.run_id}/resume)"
    text = "\n\n".join((*(_question(one) for one in asked.interrupts), where))
    voice.say(text)
    return msgspec.structs.replace(_told(waiting), text=text)


def _question(one: Interrupt) -> str:
    options = one.request.options
    return f"{one.request.text} ({' / '.join(options)})" if options else one.request.text


def _told(result: RunResult) -> Told:
    call = answering_call(result)
    return Told(
        text=result.message,
        finish_reason=result.finish_reason or FinishReason.STOP,
        model="" if call is None else call.model,
        thinking=result.thinking or "",
        input_tokens=result.input_tokens,
        output_tokens=result.output_tokens,
        total_us=result.processing_time_ms * 1000,
        cost_usd_micro=round(result.cost_usd * 1_000_000),
        degraded=result.degraded,
        headers=result_headers(result),
    )
