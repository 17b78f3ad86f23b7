"""Our LangGraph saver: one a run, fenced, strict about types, committed with the run's end."""

from collections.abc import AsyncGenerator, Sequence
from inspect import signature
from typing import Any, LiteralString, NoReturn, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.base import get_serializable_checkpoint_metadata as plain_metadata
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.constants import CONFIG_KEY_CHECKPOINTER

from app.agents.checkpoint_rows import (
    ADD_BLOBS,
    ADD_CHECKPOINTS,
    ADD_WRITES,
    BLOB_COLUMNS,
    DROP_BLOBS,
    DROP_CHECKPOINTS,
    DROP_WRITES,
    REPLACE_WRITES,
    WRITE_COLUMNS,
)
from app.agents.run_failure import RunFailure
from app.agents.serializing import StrictSerializer, storable
from app.agents.values import Claim
from app.errors import RunFailed
from app.ids import SessionId, TenantId
from app.postgres import Connection, Database
from app.statement import ALWAYS, Part, execute, plain

OF_RUN, FIRST = "of_run", "first_step"
"""What we add to what LangGraph says of a checkpoint: whose it is, and where that run began."""
FIRST_STEP = 1
"""LangGraph's number of the first superstep of a thread without a checkpoint."""
BEFORE_ALL = -2
"""Its number for what would be before the first checkpoint, which holds the input (pregel/_loop.py, `__aenter__`)."""

NEWEST_OR_NAMED: LiteralString = """
    WHERE thread_id = %s AND checkpoint_ns = %s AND (%s::text IS NULL OR checkpoint_id = %s)
    ORDER BY checkpoint_id DESC LIMIT 1
"""


def thread_of(tenant_id: TenantId, session_id: SessionId) -> str:
    """Return LangGraph's name of a session: the tenant is part of it, so no other tenant's can be named."""
    return f"{tenant_id}:{session_id}"


def first_step_after(metadata: CheckpointMetadata, run: str) -> int:
    """Return LangGraph's number of the first superstep of a run that begins from such a checkpoint, or waited there.

    The numbers go on from one run of a session to the next: the input takes one, and the step that spreads it another
    (pregel/_loop.py, `_first` and `_put_checkpoint`).
    """
    facts = _facts_of(metadata)
    return int(facts[FIRST]) if facts.get(OF_RUN) == run else int(facts["step"]) - BEFORE_ALL + FIRST_STEP


def _facts_of(metadata: CheckpointMetadata) -> dict[str, Any]:
    return {**metadata}


class RunSaver(AsyncPostgresSaver):
    """The checkpoints of one run.

    `aput` and `aput_writes` only stage; `write` puts all that is staged into the transaction that ends the run,
    whose own UPDATE checks the fence. So a checkpoint stands if and only if the run's end does, and no lock is
    shared between runs. Raises RunFailed when asked for another session's thread. With the end of a run go the
    checkpoints before it; `app.agents.sessions` removes a session whole. What LangGraph could remove is declined.
    """

    def __init__(self, database: Database, claim: Claim, *, serializer: StrictSerializer) -> None:
        super().__init__(database.pool, serde=serializer)
        self._database = database
        self._thread_id = thread_of(claim.tenant_id, claim.session_id)
        self._is_new = claim.new_session
        self._run = str(claim.run_id)
        self.first_step = FIRST_STEP
        """LangGraph's number of the run's first superstep, known once the checkpoint was read that it begins from."""
        # By what tells them apart: no statement may meet a row twice.
        self._checkpoints: dict[tuple[str, str], dict[str, object]] = {}
        self._blobs: list[tuple[object, ...]] = []
        self._writes: dict[tuple[object, ...], tuple[object, ...]] = {}
        self._replacing: dict[tuple[object, ...], tuple[object, ...]] = {}

    @property
    def place(self) -> RunnableConfig:
        """What a graph is invoked with to keep its state here.

        It names no thread: LangGraph would copy that into what it tells of every step (langgraph/_internal/_config.py,
        `ensure_config`), and there is but one.
        """
        return {"configurable": {CONFIG_KEY_CHECKPOINTER: self}}

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the session's newest checkpoint (or the one named by id). Raises StoreUnavailable."""
        self._check(config)
        if self._is_new:
            return None
        place = config.get("configurable", {})
        named = place.get("checkpoint_id")
        args = (self._thread_id, place.get("checkpoint_ns", ""), named, named)
        async with self._database.connection("checkpoints.get") as conn:
            rows = await conn.execute((self.SELECT_SQL + NEWEST_OR_NAMED).encode(), args, binary=True)
            row = await rows.fetchone()
        if row is None:
            return None
        found = await self._load_checkpoint_tuple(row)
        self.first_step = first_step_after(found.metadata, self._run)
        return found

    async def is_under_way(self) -> bool:
        """Whether the session's newest checkpoint is the run's own: it waited there, and goes on from it."""
        found = await self.aget_tuple(self.place)
        return found is not None and _facts_of(found.metadata).get(OF_RUN) == self._run

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Stage a checkpoint, its strings and numbers made storable."""
        self._check(config)
        place = config.get("configurable", {})
        ns = str(place.get("checkpoint_ns", ""))
        values = {name: storable(value) for name, value in checkpoint["channel_values"].items()}
        inline = {
            name: value for name, value in values.items() if value is None or isinstance(value, str | int | float)
        }
        blobs = {name: value for name, value in values.items() if name not in inline}
        versions = {name: version for name, version in new_versions.items() if name in blobs}
        self._blobs += self._dump_blobs(self._thread_id, ns, blobs, versions)
        row = checkpoint.copy()
        row["channel_values"] = inline
        facts = {**plain_metadata(config, metadata), OF_RUN: self._run, FIRST: self.first_step}
        self._checkpoints[ns, checkpoint["id"]] = {
            "thread_id": self._thread_id,
            "checkpoint_ns": ns,
            "checkpoint_id": checkpoint["id"],
            "parent_checkpoint_id": place.get("checkpoint_id"),
            "checkpoint": row,
            "metadata": facts,
        }
        named = {"thread_id": self._thread_id, "checkpoint_ns": ns, "checkpoint_id": checkpoint["id"]}
        return {"configurable": named}

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Stage the writes of an unfinished superstep (an interrupt)."""
        self._check(config)
        place = config.get("configurable", {})
        rows = self._dump_writes(
            self._thread_id,
            str(place.get("checkpoint_ns", "")),
            str(place.get("checkpoint_id", "")),
            task_id,
            task_path,
            [(channel, storable(value)) for channel, value in writes],
        )
        replaces = all(channel in WRITES_IDX_MAP for channel, _ in writes)
        for row in rows:
            key = row[:4] + row[5:6]
            if replaces:
                self._writes.pop(key, None)
                self._replacing[key] = row
            elif key not in self._replacing:
                self._writes.setdefault(key, row)

    # LangGraph asks for it with every run, whether `task_path` is taken (pregel/_checkpoint.py).
    aput_writes.__signature__ = signature(aput_writes)  # pyright: ignore[reportFunctionMemberAccess]

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - the base class's signature
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncGenerator[CheckpointTuple]:
        """Yield the session's checkpoints, newest first. Raises StoreUnavailable."""
        self._check(config or {})
        where, args = self._search_where(config, filter, before)
        statement = f"{self.SELECT_SQL}{where} ORDER BY checkpoint_id DESC LIMIT %s"
        async with self._database.connection("checkpoints.list") as conn:
            rows = await conn.execute(statement.encode(), (*args, limit), binary=True)
            found = await rows.fetchall()
        for row in found:
            yield await self._load_checkpoint_tuple(row)

    async def adelete_thread(self, thread_id: str) -> NoReturn:
        """Decline."""
        raise NotImplementedError("a session's checkpoints are removed with their session")

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> NoReturn:
        """Decline."""
        raise NotImplementedError("a session's checkpoints are removed with their session")

    def kept(self) -> list[Part]:
        """Return what inserts all that is staged, if the statement's `held` has a row."""
        parts: list[Part] = []
        if self._checkpoints:
            parts.append(Part(ADD_CHECKPOINTS, {"checkpoints": plain([*self._checkpoints.values()])}))
        if self._blobs:
            values = _columns("blob", BLOB_COLUMNS, [row[1:] for row in self._blobs])
            parts.append(Part(ADD_BLOBS, values | {"thread_id": self._thread_id}))
        if self._writes:
            parts.append(Part(ADD_WRITES, _columns("write", WRITE_COLUMNS, [*self._writes.values()])))
        if self._replacing:
            parts.append(Part(REPLACE_WRITES, _columns("told", WRITE_COLUMNS, [*self._replacing.values()])))
        return parts

    def superseded(self) -> list[Part]:
        """Return what removes the session's checkpoints before those that are staged, and what only they refer to."""
        if not self._checkpoints:
            return []
        staged = sorted(checkpoint_id for _, checkpoint_id in self._checkpoints)
        used: set[tuple[str, str]] = set()
        for row in self._checkpoints.values():
            versions = cast("Checkpoint", row["checkpoint"])["channel_versions"]
            used.update((channel, str(version)) for channel, version in versions.items())
        channels, values = zip(*sorted(used), strict=True) if used else ((), ())
        named = {"thread_id": self._thread_id, "staged": staged, "channels": [*channels], "versions": [*values]}
        return [Part(DROP_CHECKPOINTS, named), Part(DROP_WRITES), Part(DROP_BLOBS)]

    async def write(self, conn: Connection) -> None:
        """Insert what is staged, inside the caller's transaction, which holds the run."""
        await execute(conn, [ALWAYS, *self.kept()])

    def get_next_version(self, current: str | None, channel: None) -> str:  # noqa: ARG002 - the base class's signature
        """Return the next version of a channel: no other run of the session can choose one, so it needs no chance.

        Its digits compare with those of versions that have a fraction (langgraph/checkpoint/postgres/base.py).
        """
        return f"{int((current or '0').partition('.')[0]) + 1:032}"

    def _check(self, config: RunnableConfig) -> None:
        if config.get("configurable", {}).get("thread_id", self._thread_id) != self._thread_id:
            raise RunFailed("a checkpoint of another session was asked for", reason=RunFailure.WRONG_THREAD)


def _columns(name: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> dict[str, object]:
    return {f"{name}_{column}": list(values) for column, values in zip(columns, zip(*rows, strict=True), strict=True)}
