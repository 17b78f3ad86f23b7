"""A LangGraph saver that makes a run for each thread and commits each checkpoint at once, by the saver of that run.

`RunSaver` stages until its run ends, and knows one session; a suite that was written for any saver puts a checkpoint
and reads it back, in threads that it names itself.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import Any, LiteralString

import msgspec
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)

from app.agents.checkpoints import RunSaver, StrictSerializer, thread_of
from app.agents.effects import HOLD_RUN
from app.agents.runs import Runs
from app.agents.sessions import Sessions
from app.agents.values import Claim, StartRun
from app.ids import Caller
from app.postgres import Database
from app.statement import Part, execute

LEAVE_RUN: LiteralString = """
    UPDATE runs SET state = 'cancelled', lease_owner = NULL, lease_until = NULL
    WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s AND fence = %(fence)s AND state = 'running'
"""


class CommittingSaver(BaseCheckpointSaver[str]):
    """Each thread is a session with a run that never ends; what is put stands when the call returns."""

    def __init__(self, database: Database, caller: Caller, sessions: Sessions) -> None:
        serializer = StrictSerializer()
        super().__init__(serde=serializer)
        self._serializer = serializer
        self.database = database
        self._caller = caller
        self._sessions = sessions
        self._runs = Runs(database, owner="conformance", lease_s=3600.0, session_ttl_s=3600)
        self._claims: dict[str, Claim] = {}

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return what the run of the thread reads."""
        claim = await self.claim(config)
        found = await self._saver(claim).aget_tuple(_named(config, claim))
        return None if found is None else _renamed(found, config)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Stage and commit."""
        claim = await self.claim(config)
        saver = self._saver(claim)
        put = await saver.aput(_named(config, claim), checkpoint, metadata, new_versions)
        await self._commit(claim, saver)
        return _with_thread(put, config)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Stage and commit."""
        claim = await self.claim(config)
        saver = self._saver(claim)
        await saver.aput_writes(_named(config, claim), writes, task_id, task_path)
        await self._commit(claim, saver)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - the base class's signature
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncGenerator[CheckpointTuple]:
        """Yield what the run of the thread lists."""
        assert config is not None
        claim = await self.claim(config)
        earlier = None if before is None else _named(before, claim)
        async for found in self._saver(claim).alist(_named(config, claim), filter=filter, before=earlier, limit=limit):
            yield _renamed(found, config)

    async def adelete_thread(self, thread_id: str) -> None:
        """Remove the session, as its tenant would."""
        claim = self._claims.pop(thread_id, None)
        if claim is None:
            return
        async with self.database.connection("test") as conn:
            await conn.execute(LEAVE_RUN, _ids(claim))
        await self._sessions.remove(claim.tenant_id, claim.session_id)

    def _saver(self, claim: Claim) -> RunSaver:
        return RunSaver(self.database, claim, serializer=self._serializer)

    async def claim(self, config: RunnableConfig) -> Claim:
        """Return the claim of the run whose session the thread is."""
        name = _place(config)["thread_id"]
        if name not in self._claims:
            _, claim = await self._runs.accept(self._caller, StartRun(question=name, request_id=name))
            assert claim is not None
            # The saver of a new session does not look for checkpoints: there can be none but its own.
            self._claims[name] = msgspec.structs.replace(claim, new_session=False)
        return self._claims[name]

    async def _commit(self, claim: Claim, saver: RunSaver) -> None:
        async with self.database.connection("test") as conn:
            assert await execute(conn, [Part(HOLD_RUN, _ids(claim)), *saver.kept()]) is not None


def _place(config: RunnableConfig) -> dict[str, Any]:
    return config.get("configurable", {})


def _ids(claim: Claim) -> dict[str, object]:
    return {"run_id": claim.run_id, "tenant_id": claim.tenant_id, "fence": claim.fence}


def _named(config: RunnableConfig, claim: Claim) -> RunnableConfig:
    thread = thread_of(claim.tenant_id, claim.session_id)
    return {**config, "configurable": {**_place(config), "thread_id": thread}}


def _with_thread(config: RunnableConfig, asked: RunnableConfig) -> RunnableConfig:
    thread = _place(asked)["thread_id"]
    return {**config, "configurable": {**_place(config), "thread_id": thread}}


def _renamed(found: CheckpointTuple, asked: RunnableConfig) -> CheckpointTuple:
    parent = None if found.parent_config is None else _with_thread(found.parent_config, asked)
    return found._replace(config=_with_thread(found.config, asked), parent_config=parent)
