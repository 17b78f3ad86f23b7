"""A collection as `GET /collections/{name}` describes it.

Defaults are those of Qdrant's `config/config.yaml`.
"""

from collections.abc import Mapping

import qdrant_edge as edge
from msgspec import to_builtins

from ops.local.qdrant.shards import Collection, Configuration

HNSW = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000, "max_indexing_threads": 0, "on_disk": False}
OPTIMIZER = {
    "deleted_threshold": 0.2,
    "vacuum_min_vector_number": 1000,
    "default_segment_number": 0,
    "max_segment_size": None,
    "memmap_threshold": None,
    "indexing_threshold": 10000,
    "flush_interval_sec": 5,
    "max_optimization_threads": None,
}
WAL = {"wal_capacity_mb": 32, "wal_segments_ahead": 0, "wal_retain_closed": 1}


def described(collection: Collection) -> dict[str, object]:
    """Counts over all shards, configuration and payload indexes."""
    about = [shard.info() for shard in collection.shards]
    return {
        "status": "green",
        "optimizer_status": "ok",
        "indexed_vectors_count": sum(shard.indexed_vectors_count for shard in about),
        "points_count": sum(shard.points_count for shard in about),
        "segments_count": sum(shard.segments_count for shard in about),
        "config": _configuration(collection.configuration),
        "payload_schema": {
            field: _index(schema, sum(_indexed(shard.payload_schema, field) for shard in about))
            for field, schema in collection.configuration.indexes.items()
        },
    }


def _indexed(schema: "Mapping[str, edge.PayloadIndexInfo]", field: str) -> int:
    known = schema.get(field)
    return 0 if known is None else known.points


def _index(schema: object, points: int) -> dict[str, object]:
    if isinstance(schema, str):
        return {"data_type": schema, "points": points}
    return {"data_type": "keyword", "params": to_builtins(schema), "points": points}


def _configuration(configuration: Configuration) -> dict[str, object]:
    created = configuration.created
    params: dict[str, object] = {
        "vectors": to_builtins(created.vectors),
        "shard_number": configuration.shard_number,
        "replication_factor": created.replication_factor or 1,
        "write_consistency_factor": created.write_consistency_factor or 1,
        "on_disk_payload": True,
    }
    if created.sparse_vectors is not None:
        params["sparse_vectors"] = to_builtins(created.sparse_vectors)
    return {
        "params": params,
        "hnsw_config": HNSW,
        "optimizer_config": OPTIMIZER,
        "wal_config": WAL,
        "quantization_config": None,
    }
