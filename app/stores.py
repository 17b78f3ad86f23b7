"""Opens the pools and clients of one process."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from app.blobs import STORE as BLOBS
from app.blobs import Blobs
from app.database_url import DatabaseAccess
from app.postgres import Database, make_pool
from app.redis import RedisStore, open_redis
from app.retrieval.qdrant import QdrantPeers
from app.retrieval.shape import copies_for
from app.settings import Settings, database_access, split_list
from app.standing import standing_of
from app.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Stores:
    """What a process is connected to."""

    metrics: Metrics
    database: Database
    access: DatabaseAccess
    cache: RedisStore
    coordination: RedisStore
    qdrant: QdrantPeers
    blobs: Blobs


async def open_stores(settings: Settings, stack: AsyncExitStack) -> Stores:
    """Open the pool and the clients; `stack` closes them. None of them needs its server to be there yet."""
    metrics = Metrics(_registry())
    access = database_access(settings)
    pool = make_pool(access, size=settings.database_pool_size, wait_s=settings.database_wait_s)
    await pool.open(wait=False)
    stack.push_async_callback(pool.close)
    cache, coordination = make_redis(settings, metrics)
    stack.push_async_callback(cache.close)
    stack.push_async_callback(coordination.close)
    qdrant = make_qdrant(settings, metrics)
    stack.push_async_callback(qdrant.close)
    blobs = Blobs(Path(settings.blobs_dir), standing=standing_of(BLOBS, settings.blobs_dir, metrics))
    return Stores(metrics, Database(pool, metrics), access, cache, coordination, qdrant, blobs)


def make_redis(settings: Settings, metrics: Metrics) -> tuple[RedisStore, RedisStore]:
    """Return the cache and the coordination Redis; the caller closes them."""
    redis = partial(open_redis, metrics=metrics, timeout_s=settings.redis_timeout_s, tls_ca=settings.redis_ca)
    return redis(settings.cache_url, name="cache"), redis(settings.coordination_url, name="coordination")


def make_qdrant(settings: Settings, metrics: Metrics) -> QdrantPeers:
    """Return the peers of the vector store; the caller closes them."""
    urls = split_list(settings.qdrant_urls)
    return QdrantPeers(
        urls,
        api_key=settings.qdrant_api_key,
        collection=settings.qdrant_collection,
        shard_number=settings.qdrant_shard_number,
        replication_factor=settings.qdrant_replication_factor or copies_for(len(urls)),
        dense_size=settings.embed_size,
        metrics=metrics,
        tls_ca=settings.qdrant_ca,
    )


def _registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
