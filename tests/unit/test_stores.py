"""The clients of a process are made as its settings say."""

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import SSLConnection

from app.settings import Settings
from app.stores import make_redis
from app.telemetry.metrics import Metrics

SETTINGS = Settings(
    database_url="postgresql://db",
    cache_url="rediss://cache/1",
    coordination_url="rediss://coordination/2",
    qdrant_urls="http://qdrant:6333",
    nodes_file="nodes.toml",
    blobs_dir="blobs",
    redis_ca="/ca.pem",
)


@pytest.mark.requirement("ORC-87.redis-tls", "ORC-20.stores")
def test_each_redis_is_at_its_own_address_and_checked_with_the_ca_that_is_set() -> None:
    for store, host in zip(make_redis(SETTINGS, Metrics(CollectorRegistry())), ("cache", "coordination"), strict=True):
        pool = store.client.connection_pool
        assert pool.connection_class is SSLConnection
        assert (pool.connection_kwargs["host"], pool.connection_kwargs["ssl_ca_certs"]) == (host, "/ca.pem")
