"""The tool calls of one run: each an effect, each counted; a refusal is a result like any other."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar, assert_never

import msgspec
import structlog

from app.agents.deadline import Deadline
from app.agents.effects import Done, Effects
from app.agents.live import LiveRun
from app.agents.tools import Reading, Tool, Writing
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
        self, *, live: LiveRun, effects: Effects, database: Database, deadline: Deadline, metrics: Metrics
    ) -> None:
        self._live = live
        self._claim = live.claim
        self._effects = effects
        self._database = database
        self._deadline = deadline
        self._metrics = metrics

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
            case _:
                assert_never(tool)
        if brought.refusal is not None:
            raise ToolRefused(brought.refusal, tool=tool.name)
        return msgspec.convert(brought.result, tool.result)

    async def _read(self, agent: str, tool: Reading[A, R], arguments: A) -> Done[Brought]:
        await self._tell(agent, tool)
        try:
            result = await self._timed(tool, tool.act(self._database, self._claim.tenant_id, arguments))
        except ToolRefused as refused:
            return Done(Brought(refusal=refused.detail))
        return Done(Brought(msgspec.to_builtins(result)))

    async def _write(self, conn: Connection, agent: str, tool: Writing[A, R], arguments: A) -> Brought:
        await self._tell(agent, tool)
        try:
            # Of a tool that refuses nothing stays, and its refusal is stored all the same.
            async with conn.transaction():
                result = await self._timed(tool, tool.act(conn, self._claim.tenant_id, arguments))
        except ToolRefused as refused:
            return Brought(refusal=refused.detail)
        return Brought(msgspec.to_builtins(result))

    async def _tell(self, agent: str, tool: Tool[A, R]) -> None:
        """Tell readers before the result can be stored: who takes the run over then makes no call to tell of."""
        self._live.calls(tool.name, agent)
        await self._live.flush()

    async def _timed(self, tool: Tool[A, R], acting: Awaitable[R]) -> R:
        started, success = self._deadline.clock(), "false"
        try:
            result = await _in_time(acting, tool)
            success = "true"
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
