"""The tool calls of one run: each an effect, each counted; a refusal is a result like any other."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar, assert_never

import msgspec
import structlog

from app.agents.acting import HAPPENED, question_of
from app.agents.deadline import Deadline
from app.agents.effects import Done, Effect, Effects
from app.agents.interrupting import Interrupting
from app.agents.live import LiveRun
from app.agents.permissions import Permissions
from app.agents.tools import Acting, Reading, Tool, Writing
from app.errors import SwitchyardError, ToolFailed, ToolRefused
from app.postgres import Connection, Database
from app.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

A = TypeVar("A")
R = TypeVar("R")


class Brought(msgspec.Struct, frozen=True):
    """What a tool call brought: its result, or why the tool refused."""

    result: Any = None
    refusal: str | None = None


class Using:
    """Calls tools. Raises ToolRefused, ToolFailed and what the effects raise."""

    def __init__(
        self,
        *,
        live: LiveRun,
        effects: Effects,
        interrupting: Interrupting,
        permissions: Permissions,
        database: Database,
        deadline: Deadline,
        metrics: Metrics,
    ) -> None:
        self._live = live
        self._claim = live.claim
        self._effects = effects
        self._interrupting = interrupting
        self._database = database
        self._deadline = deadline
        self._metrics = metrics
        self._permissions = permissions

    async def use(self, path: str, agent: str, tool: Tool[A, R], arguments: A) -> R:
        """Return what the tool brings; a refusal is stored too, so that every attempt meets the same."""
        given = (tool.name, msgspec.to_builtins(arguments))
        match tool:
            case Reading():
                brought = await self._effects.once(path, given, lambda: self._read(agent, tool, arguments), Brought)
            case Writing():
                brought = await self._effects.once_within(
                    path, given, lambda conn: self._write(conn, agent, tool, arguments), Brought
                )
            case Acting():
                brought = await self._act(path, given, agent, tool, arguments)
            case _:
                assert_never(tool)
        if brought.refusal is not None:
            raise ToolRefused(brought.refusal, tool=tool.name)
        return msgspec.convert(brought.result, tool.result)

    async def _read(self, agent: str, tool: Reading[A, R], arguments: A) -> Done[Brought]:
        if (refusal := await self._refusal(tool, arguments)) is not None:
            return Done(refusal)
        await self._tell(agent, tool)
        try:
            result = await self._timed(tool, tool.act(self._database, self._claim.tenant_id, arguments))
        except ToolRefused as refused:
            return Done(Brought(refusal=refused.detail))
        return Done(Brought(result))

    async def _write(self, conn: Connection, agent: str, tool: Writing[A, R], arguments: A) -> Brought:
        if (refusal := await self._refusal(tool, arguments, conn)) is not None:
            return refusal
        await self._tell(agent, tool)
        try:
            # Of a tool that refuses nothing stays, and its refusal is stored all the same.
            async with conn.transaction():
                result = await self._timed(tool, tool.act(conn, self._claim.tenant_id, arguments))
        except ToolRefused as refused:
            return Brought(refusal=refused.detail)
        return Brought(result)

    async def _act(self, path: str, given: object, agent: str, tool: Acting[A, R], arguments: A) -> Brought:
        effect = await self._effects.begin(path, given, Brought)
        if effect.result is not None:
            return effect.result
        # A call that was made is no less made when its tool is denied afterwards: first whether it was, then whether it
        # may be.
        note = None if tool.is_idempotent else await self._note(effect.step_key, given, agent, tool.name)
        if note is not None and note.result is not None:
            return await self._effects.keep(effect, Done(Brought(msgspec.to_builtins(tool.confirmed))))
        if (refusal := await self._refusal(tool, arguments)) is not None:
            return await self._effects.keep(effect, Done(refusal))
        if note is not None:
            await self._effects.keep(note, Done(True))
        await self._tell(agent, tool)
        key = f"{self._claim.run_id}/{effect.step_key}"
        try:
            brought = Brought(await self._timed(tool, tool.act(key, self._claim.tenant_id, arguments)))
        except ToolRefused as refused:
            brought = Brought(refusal=refused.detail)
        return await self._effects.keep(effect, Done(brought))

    async def _note(self, step_key: str, given: object, agent: str, name: str) -> Effect[bool]:
        """Return the note that a call is made, to be kept before it is; a kept one is of a call that has happened.

        Of a call that was noted, and whose outcome is not stored, a person says whether it happened.
        """
        while True:
            note = await self._effects.begin(f"{step_key}/begun", given, bool)
            if note.result is None:
                return note
            answered = self._interrupting.ask(f"{step_key}/outcome", question_of(agent, name))
            if answered.option == HAPPENED:
                return note

    async def _refusal(self, tool: Tool[A, R], arguments: A, conn: Connection | None = None) -> Brought | None:
        """Return why the call is not made, if so."""
        if len(msgspec.json.encode(arguments)) > tool.limit_bytes:
            return Brought(refusal=f"it takes {tool.limit_bytes} bytes at most")
        refusal = await self._permissions.refusal(tool.name, conn)
        return None if refusal is None else Brought(refusal=refusal)

    async def _tell(self, agent: str, tool: Tool[A, R]) -> None:
        """Tell readers before the result can be stored: who takes the run over then makes no call to tell of."""
        self._live.calls(tool.name, agent)
        await self._live.flush()

    async def _timed(self, tool: Tool[A, R], acting: Awaitable[R]) -> object:
        """Return what it brings as plain values."""
        started, success = self._deadline.clock(), "false"
        try:
            brought = await _in_time(acting, tool)
            result = msgspec.to_builtins(brought)
            if len(msgspec.json.encode(result)) > tool.limit_bytes:
                raise ToolFailed(f"brought more than {tool.limit_bytes} bytes", tool=tool.name)
            success = "true"
            if isinstance(tool, Writing):
                for outcome, times in tool.outcomes_of(brought).items():
                    self._metrics.tool_outcomes.labels(tool.name, outcome).inc(times)
        except SwitchyardError as error:
            log.warning("tool_execution_failed", tool=tool.name, error=error.code, detail=error.detail, retry_count=0)
            raise
        finally:
            self._metrics.tool_calls.labels(tool.name, success).inc()
            self._metrics.tool_duration.labels(tool.name).observe(self._deadline.clock() - started)
        return result


async def _in_time(acting: Awaitable[R], tool: Tool[A, R]) -> R:
    limit = asyncio.timeout(tool.limit_s)
    try:
        async with limit:
            return await acting
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise ToolFailed(f"took longer than {tool.limit_s:g} s", tool=tool.name) from error
