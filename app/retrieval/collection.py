"""The shape of the collection behind its alias: made, compared with the settings, changed in place or built anew.

What Qdrant can change in place is changed while it serves. What it cannot is told with the command that builds the
collection anew; the old one serves on, unless its vectors are of another kind than the questions'.
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Protocol, TypeVar

import msgspec
import structlog
from qdrant_client import AsyncQdrantClient, models

from app.errors import StoreUnavailable
from app.retrieval.shape import (
    DENSE,
    INDEXES,
    SPARSE,
    Copies,
    Copy,
    Difference,
    Drift,
    Placed,
    Shape,
    State,
    compare,
    count_copies,
    missing_copies,
)
from app.retrieval.tuning import change_of, hnsw_of, memory_of, optimizers_of, quantization_of

REBUILD = "switchyard retrieval rebuild"
# Another peer may learn of a new collection a little later.
VISIBLE_WITHIN_S = 10.0
VISIBLE_POLL_S = 0.1
WRITE_TIMEOUT_S = 10.0
COPY_LIMIT_S = 30.0

T = TypeVar("T")

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Ask(Protocol):
    """Asks the peers: `QdrantPeers.ask`."""

    def __call__(
        self, operation: str, request: Callable[[AsyncQdrantClient], Awaitable[T]], limit_s: float | None = None, /
    ) -> Awaitable[T]:
        """Return one peer's answer. Raises StoreUnavailable."""
        ...


class CollectionKeeper:
    """Keeps one collection behind the alias `alias` in the shape that the settings ask."""

    def __init__(self, ask: Ask, alias: str, shape: Shape, *, clock: Callable[[], float]) -> None:
        self._ask = ask
        self._alias = alias
        self._shape = shape
        self._clock = clock
        self._told: tuple[Difference, ...] = ()
        self.unreadable: str | None = None
        """Why questions cannot be asked of the collection, if they cannot."""

    async def ensure(self) -> None:
        """Make the collection, its payload indexes and its alias where they are missing; others may do the same.

        What can be is changed in place: numbers of copies, and how vectors are kept and indexed. Raises
        StoreUnavailable: no peer answers, or the collection's vectors are of another kind than the settings say
        (`reason="drift"`); the text says what to run.
        """
        target = await self.target()
        name = target or f"{self._alias}_v1"
        if target is None:
            await self.create(name)
        found = await self.describe(name)
        drift = compare(found, self._shape)
        self._judge(name, drift)
        if drift.in_place:
            await self._change(name, found, drift.in_place)
        await self.index(name, found)
        if target is None:
            await self.point_alias(name)

    async def state(self) -> State:
        """Return what the alias names, and how that differs from the settings. Raises StoreUnavailable."""
        name = await self.target()
        if name is None:
            return State(None, 0)
        drift = compare(await self.describe(name), self._shape)
        counted = await self._ask("count", lambda client: client.count(name, exact=True), WRITE_TIMEOUT_S)
        placement = await self._placement(name)
        return State(
            name,
            counted.count,
            tuple(map(str, drift.in_place)),
            tuple(map(str, (*drift.vectors, *drift.shape))),
            None if placement is None else count_copies(*placement, self._shape.replication_factor),
        )

    async def complete(self) -> Copies | None:
        """Begin copies of shards that are missing on other peers; make a collection that was lost.

        None where Qdrant runs without a cluster or the collection was not there. Lowering the factor removes no copy:
        one too many costs disk and nothing else. Raises StoreUnavailable.
        """
        name = await self.target()
        if name is None:
            log.warning("collection.lost", alias=self._alias)
            await self.ensure()
            return None
        placement = await self._placement(name)
        if placement is None:
            return None
        placed, peers = placement
        begin = missing_copies(placed, peers, self._shape.replication_factor)
        for copy in begin:
            await self._replicate(name, copy)
        return msgspec.structs.replace(count_copies(placed, peers, self._shape.replication_factor), begun=len(begin))

    async def target(self) -> str | None:
        """Return the collection that the alias names, if there is one. Raises StoreUnavailable."""
        aliases = (await self._ask("aliases", lambda client: client.get_aliases())).aliases
        return next((a.collection_name for a in aliases if a.alias_name == self._alias), None)

    def _judge(self, name: str, drift: Drift) -> None:
        """Tell what only a new collection can have. Raises StoreUnavailable when questions cannot be asked of this."""
        differing = (*drift.vectors, *drift.shape)
        words = "; ".join(map(str, differing))
        if differing and differing != self._told:
            log.warning("collection.differs", collection=name, differs=words, remedy=f"run `{REBUILD}`")
        self._told = differing
        self.unreadable = None
        if drift.vectors:
            self.unreadable = f"collection {name} differs from the settings: {words}; run `{REBUILD}`"
            raise StoreUnavailable(self.unreadable, store="qdrant", reason="drift")

    async def _change(self, name: str, found: models.CollectionInfo, differing: tuple[Difference, ...]) -> None:
        tuning, vectors = self._shape.tuning, found.config.params.vectors
        # A write needs no more answers than there are copies (Qdrant 1.19, lib/collection/src/shards/replica_set/
        # update.rs: write_consistency_factor.min(replica_count)), so both may change before the copies are there.
        params = models.CollectionParamsDiff(
            replication_factor=self._shape.replication_factor,
            write_consistency_factor=self._shape.write_consistency_factor,
            on_disk_payload=tuning.on_disk_payload,
            payload=models.PayloadStorageParams(memory=memory_of(on_disk=tuning.on_disk_payload)),
        )
        dense = vectors[DENSE] if isinstance(vectors, dict) else None
        await self._ask(
            "change",
            lambda client: client.update_collection(
                name,
                collection_params=params,
                vectors_config={DENSE: change_of(dense, tuning)} if dense else None,
                hnsw_config=hnsw_of(tuning),
                optimizers_config=optimizers_of(tuning),
                quantization_config=quantization_of(tuning) or models.Disabled.DISABLED,
            ),
            WRITE_TIMEOUT_S,
        )
        log.warning("collection.changed", collection=name, changed="; ".join(map(str, differing)))

    async def _placement(self, name: str) -> tuple[list[Placed], list[int]] | None:
        """Where the shards' copies are, and all peers; None without a cluster."""
        status = await self._ask("cluster", lambda client: client.cluster_status())
        if not isinstance(status, models.ClusterStatusOneOf1):
            return None
        found = await self._ask("placement", lambda client: client.collection_cluster_info(name))
        return _placed(found), sorted(int(peer) for peer in status.peers)

    async def _replicate(self, name: str, copy: Copy) -> None:
        wanted = models.ReplicateShard(shard_id=copy.shard, from_peer_id=copy.source, to_peer_id=copy.target)
        operation = models.ReplicateShardOperation(replicate_shard=wanted)
        try:
            await self._ask(
                "replicate",
                lambda client: client.cluster_collection_update(name, cluster_operation=operation),
                COPY_LIMIT_S,
            )
        except StoreUnavailable as error:
            # Another worker was faster, or a transfer of this shard is under way.
            if error.facts.get("status") != HTTPStatus.BAD_REQUEST:
                raise
            log.debug("collection.copy_not_begun", shard=copy.shard, target=copy.target)
            return
        log.info("collection.copy_begun", shard=copy.shard, source=copy.source, target=copy.target)

    async def create(self, name: str) -> None:
        """Make an empty collection in the shape that the settings ask, unless it is there. Raises StoreUnavailable."""
        shape, tuning = self._shape, self._shape.tuning
        dense = models.VectorParams(
            size=shape.dense_size,
            distance=models.Distance.COSINE,
            on_disk=tuning.on_disk,
            memory=memory_of(on_disk=tuning.on_disk),
        )
        try:
            await self._ask(
                "create",
                lambda client: client.create_collection(
                    name,
                    vectors_config={DENSE: dense},
                    sparse_vectors_config={SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
                    shard_number=shape.shard_number,
                    replication_factor=shape.replication_factor,
                    write_consistency_factor=shape.write_consistency_factor,
                    on_disk_payload=tuning.on_disk_payload,
                    hnsw_config=hnsw_of(tuning),
                    optimizers_config=optimizers_of(tuning),
                    quantization_config=quantization_of(tuning),
                ),
                WRITE_TIMEOUT_S,
            )
        except StoreUnavailable as error:
            if error.facts.get("status") != HTTPStatus.CONFLICT:  # another replica was faster
                raise

    async def index(self, name: str, found: models.CollectionInfo) -> None:
        """Make the payload indexes that are missing. Raises StoreUnavailable."""
        for field, is_tenant in INDEXES.items():
            if field in found.payload_schema:
                continue
            schema = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=is_tenant)
            made = await self._ask(
                "index",
                lambda client, field=field, schema=schema: client.create_payload_index(name, field, schema, wait=True),
                WRITE_TIMEOUT_S,
            )
            if made.status is not models.UpdateStatus.COMPLETED:
                raise StoreUnavailable(f"index of {field} is {made.status.value}", store="qdrant", operation="index")

    async def point_alias(self, name: str, before: str | None = None) -> None:
        """Let the alias, and every other one of the collection `before`, name this one. Raises StoreUnavailable."""
        known = (await self._ask("aliases", lambda client: client.get_aliases())).aliases
        aliases = {self._alias, *(one.alias_name for one in known if one.collection_name == before)}
        # Making an alias that exists moves it, and all of them move in one step.
        actions = [
            models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=name, alias_name=alias))
            for alias in sorted(aliases)
        ]
        await self._ask("alias", lambda client: client.update_collection_aliases(actions), WRITE_TIMEOUT_S)

    async def describe(self, name: str) -> models.CollectionInfo:
        """Return what a peer says of a collection; one that has not heard of it yet is asked again.

        Raises StoreUnavailable.
        """
        until = self._clock() + VISIBLE_WITHIN_S
        while True:
            try:
                return await self._ask("describe", lambda client: client.get_collection(name))
            except StoreUnavailable as error:
                if error.facts.get("status") != HTTPStatus.NOT_FOUND or self._clock() >= until:
                    raise
            await asyncio.sleep(VISIBLE_POLL_S)


def _placed(found: models.CollectionClusterInfo) -> list[Placed]:
    own = [Placed(one.shard_id, found.peer_id, one.state is models.ReplicaState.ACTIVE) for one in found.local_shards]
    return own + [
        Placed(one.shard_id, one.peer_id, one.state is models.ReplicaState.ACTIVE) for one in found.remote_shards
    ]
