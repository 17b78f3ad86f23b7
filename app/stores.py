"""Opens the pools and clients of one process."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from app.blob_bucket import ANSWER_S, BucketBlobs
from app.blob_directory import DirectoryBlobs
from app.blobs import STORE as BLOBS
from app.blobs import Blobs
from app.database_url import DatabaseAccess
from app.postgres import Database, make_pool
from app.redis import RedisStore, open_redis
from app.retrieval.qdrant import QdrantPeers
from app.retrieval.reranking import Reranker, open_reranker
from app.retrieval.shape import Shape, copies_for
from app.retrieval.tuning import Quantization, Tuning
from app.s3 import open_bucket
from app.settings import Settings, database_access, split_list
from app.signing import Signer
from app.standing import standing_of
from app.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Stores:
    """What a process is connected to; `reranker` where there is one."""

    metrics: Metrics
    database: Database
    access: DatabaseAccess
    cache: RedisStore
    coordination: RedisStore
    qdrant: QdrantPeers
    blobs: Blobs
    reranker: Reranker | None


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
    blobs = await _open_blobs(settings, metrics, stack)
    reranker = await stack.enter_async_context(
        open_reranker(
            settings.rerank_url,
            key=settings.rerank_key,
            tls_ca=settings.rerank_ca,
            model=settings.rerank_model,
            candidates=settings.rerank_candidates,
            limit_s=settings.rerank_limit_s,
        )
    )
    return Stores(metrics, Database(pool, metrics), access, cache, coordination, qdrant, blobs, reranker)


async def _open_blobs(settings: Settings, metrics: Metrics, stack: AsyncExitStack) -> Blobs:
    """Return the store of originals: a bucket where one is named, else the directory."""
    directory, url = Path(settings.blobs_dir), settings.blobs_url
    standing = standing_of(BLOBS, url or settings.blobs_dir, metrics)
    if url is None:
        return DirectoryBlobs(directory, standing=standing)
    signer = Signer(settings.blobs_key_id or "", settings.blobs_key or "", settings.blobs_region)
    bucket = await stack.enter_async_context(open_bucket(url, signer, answer_s=ANSWER_S, tls_ca=settings.blobs_ca))
    return BucketBlobs(bucket, directory, standing=standing)


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
        shape=shape_of(settings, peers=len(urls)),
        metrics=metrics,
        tls_ca=settings.qdrant_ca,
    )


def shape_of(settings: Settings, *, peers: int) -> Shape:
    """Return what the settings ask of the collection."""
    return Shape(
        settings.embed_size,
        settings.qdrant_shard_number,
        settings.qdrant_replication_factor or copies_for(peers),
        settings.qdrant_write_consistency_factor,
        Tuning(
            quantization=Quantization(settings.qdrant_quantization),
            always_ram=settings.qdrant_always_ram,
            rescore=settings.qdrant_rescore,
            oversampling=settings.qdrant_oversampling,
            hnsw_m=settings.qdrant_hnsw_m,
            hnsw_ef_construct=settings.qdrant_hnsw_ef_construct,
            hnsw_ef=settings.qdrant_hnsw_ef,
            on_disk=settings.qdrant_on_disk,
            on_disk_payload=settings.qdrant_on_disk_payload,
            indexing_threshold=settings.qdrant_indexing_threshold,
        ),
    )


def _registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
