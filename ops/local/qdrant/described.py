"""A collection as `GET /collections/{name}` describes it.

Defaults are those of Qdrant's `config/config.yaml`.
"""

from collections.abc import Mapping

import qdrant_edge as edge
from msgspec import to_builtins

from ops.local.qdrant.shards import Collection, Configuration
from ops.local.qdrant.tuning import EF_CONSTRUCT, FULL_SCAN_THRESHOLD, INDEXING_THRESHOLD, HnswDiff, M, OptimizersDiff

HNSW = {
    "m": M,
    "ef_construct": EF_CONSTRUCT,
    "full_scan_threshold": FULL_SCAN_THRESHOLD,
    "max_indexing_threads": 0,
    "on_disk": False,
}
OPTIMIZER = {
    "deleted_threshold": 0.2,
    "vacuum_min_vector_number": 1000,
    "default_segment_number": 0,
    "max_segment_size": None,
    "memmap_threshold": None,
    "indexing_threshold": INDEXING_THRESHOLD,
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
        "on_disk_payload": created.on_disk_payload is not False,
    }
    if created.payload is not None:
        params["payload"] = to_builtins(created.payload)
    if created.sparse_vectors is not None:
        params["sparse_vectors"] = to_builtins(created.sparse_vectors)
    return {
        "params": params,
        "hnsw_config": HNSW | to_builtins(created.hnsw_config or HnswDiff()),
        "optimizer_config": OPTIMIZER | to_builtins(created.optimizers_config or OptimizersDiff()),
        "wal_config": WAL,
        "quantization_config": to_builtins(created.quantization_config),
    }
