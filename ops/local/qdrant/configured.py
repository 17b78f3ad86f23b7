"""What a collection was asked to be: checked, changed in place, and made or opened as the engine's shards.

Sources, at v1.19.0: `lib/storage/src/content_manager/toc/collection_meta_ops.rs` (update_collection, in its order) and
`lib/storage/src/content_manager/toc/create_collection.rs`.
"""

from pathlib import Path

import qdrant_edge as edge
from msgspec import structs

from ops.local.qdrant import faults
from ops.local.qdrant.requests import CreateCollection, ParamsDiff, UpdateCollection
from ops.local.qdrant.shards import Configuration
from ops.local.qdrant.tuning import (
    INDEXING_THRESHOLD,
    check_dense,
    check_hnsw,
    check_payload,
    check_quantization,
    dense_after,
    engine_hnsw,
    engine_memory,
    engine_quantization,
    merged,
    quantized,
)

DISTANCES = {
    "Cosine": edge.Distance.Cosine,
    "Dot": edge.Distance.Dot,
    "Euclid": edge.Distance.Euclid,
    "Manhattan": edge.Distance.Manhattan,
}
# Where the engine keeps what it was opened with; it would win over what is not given.
ENGINE_FILE = "edge_config.json"


def check_created(created: CreateCollection) -> None:
    """Check a new collection's configuration. Raises Fault."""
    counts = {
        "shard_number": created.shard_number,
        "replication_factor": created.replication_factor,
        "write_consistency_factor": created.write_consistency_factor,
    }
    for field, count in counts.items():
        if count is not None and count < 1:
            raise faults.invalid_body(field, f"value {count} invalid, must be 1 or larger")
    for params in created.vectors.values():
        if params.size == 0:
            raise faults.bad_format("data did not match any variant of untagged enum VectorsConfig")
        if params.size > 65536:
            raise faults.invalid_body("vectors.?.size", f"value {params.size} invalid, must be from 1 to 65536")
        check_dense(params)
    check_payload(created.payload, "payload.memory")
    check_hnsw(created.hnsw_config, "hnsw_config")
    check_quantization(created.quantization_config)
    for name in created.sparse_vectors or {}:
        if name in created.vectors:
            raise faults.wrong_input(f"Dense and sparse vector names must be unique - duplicate found with '{name}'")


def check_changed(asked: UpdateCollection) -> None:
    """Check a change of a collection before the collection is looked at. Raises Fault."""
    for diff in (asked.vectors or {}).values():
        check_dense(diff)
    if asked.params is not None:
        check_payload(asked.params.payload, "params.payload.memory")
    check_hnsw(asked.hnsw_config, "hnsw_config")
    check_quantization(asked.quantization_config)


def changed(configuration: Configuration, asked: UpdateCollection) -> Configuration:
    """The configuration after `PATCH /collections/{name}`; no copy comes or goes by that.

    Raises:
        Fault: there is no vector of a name that is given.
    """
    created, vectors = configuration.created, dict(configuration.created.vectors)
    for name, diff in (asked.vectors or {}).items():
        if name not in vectors:
            raise faults.no_vector(name)
        vectors[name] = dense_after(vectors[name], diff)
    params = structs.asdict(asked.params or ParamsDiff())
    given = {field: value for field, value in params.items() if value is not None}
    after = structs.replace(
        created,
        vectors=vectors,
        hnsw_config=merged(created.hnsw_config, asked.hnsw_config),
        optimizers_config=merged(created.optimizers_config, asked.optimizers_config),
        quantization_config=quantized(created.quantization_config, asked.quantization_config),
        **given,
    )
    return structs.replace(configuration, created=after)


def concerns_shards(before: Configuration, after: Configuration) -> bool:
    """Whether a change is one of the engine's shards, and not of the numbers of copies alone."""
    return _engine_parts(before.created) != _engine_parts(after.created)


def _engine_parts(created: CreateCollection) -> tuple[object, ...]:
    kept = (created.vectors, created.on_disk_payload, created.payload, created.quantization_config)
    return (*kept, created.hnsw_config, created.optimizers_config)


def create_shards(directory: Path, configuration: Configuration) -> list[edge.EdgeShard]:
    """New, empty shards below `directory`, which must not exist."""
    shards: list[edge.EdgeShard] = []
    for number in range(configuration.shard_number):
        path = directory / str(number)
        path.mkdir(parents=True)
        shards.append(edge.EdgeShard.create(str(path), _engine_configuration(configuration)))
    return shards


def load_shards(directory: Path, configuration: Configuration) -> list[edge.EdgeShard]:
    """The shards that `create_shards` made, with what their logs hold applied, under the configuration of now."""
    shards: list[edge.EdgeShard] = []
    for number in range(configuration.shard_number):
        path = directory / str(number)
        (path / ENGINE_FILE).unlink(missing_ok=True)
        shards.append(edge.EdgeShard.load(str(path), _engine_configuration(configuration)))
    return shards


def _engine_configuration(configuration: Configuration) -> edge.EdgeConfig:
    created = configuration.created
    optimizers = created.optimizers_config
    threshold = INDEXING_THRESHOLD if optimizers is None else optimizers.indexing_threshold
    return edge.EdgeConfig(
        vectors={
            name: edge.EdgeVectorParams(
                size=params.size,
                distance=DISTANCES[params.distance],
                on_disk=params.on_disk,
                memory=engine_memory(params.memory),
                hnsw_config=engine_hnsw(merged(created.hnsw_config, params.hnsw_config)),
                quantization_config=engine_quantization(params.quantization_config or created.quantization_config),
            )
            for name, params in configuration.dense.items()
        },
        sparse_vectors={
            name: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf if params.modifier == "idf" else None)
            for name, params in configuration.sparse.items()
        },
        on_disk_payload=created.on_disk_payload,
        payload_memory=engine_memory(created.payload.memory if created.payload else None),
        optimizers=edge.EdgeOptimizersConfig(indexing_threshold=threshold),
    )
