"""How vectors are kept and searched: as the settings ask, as Qdrant is told, as Qdrant tells it.

Qdrant takes all of it in place: `PATCH /collections/{name}` keeps what was changed, and the optimizers, in the
background, build anew what it touches while the old indexes answer (v1.19.0,
`lib/storage/src/content_manager/toc/collection_meta_ops.rs` update_collection).
"""

from enum import StrEnum

import msgspec
from qdrant_client import models


class Quantization(StrEnum):
    """What a vector is shortened to for the first look; whole vectors stay beside the short ones."""

    NONE = "none"
    SCALAR = "scalar"
    BINARY = "binary"


class Tuning(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings ask of the dense vectors and their index; the defaults are Qdrant's own.

    `rescore` and `oversampling` hold for searches of a quantised collection. `hnsw_ef` is the width of a search; None:
    as wide as `hnsw_ef_construct`. `indexing_threshold` is in kB of vectors; 0: no index is ever built.
    """

    quantization: Quantization = Quantization.NONE
    always_ram: bool = True
    rescore: bool = True
    oversampling: float = 2.0
    hnsw_m: int = 16
    hnsw_ef_construct: int = 100
    hnsw_ef: int | None = None
    on_disk: bool = False
    on_disk_payload: bool = True
    indexing_threshold: int = 10_000


def facts(
    config: models.CollectionConfig, dense: models.VectorParams, wanted: Tuning
) -> dict[str, tuple[object, object]]:
    """What is wanted and what is there, by fact. What the vector says for itself wins over what the collection says."""
    own = dense.hnsw_config or models.HnswConfigDiff()
    payload = config.params.payload.memory if config.params.payload else None
    quantization, always_ram = _quantization(dense.quantization_config or config.quantization_config)
    told: dict[str, tuple[object, object]] = {
        "quantization": (wanted.quantization, quantization),
        "m": (wanted.hnsw_m, config.hnsw_config.m if own.m is None else own.m),
        "ef_construct": (wanted.hnsw_ef_construct, own.ef_construct or config.hnsw_config.ef_construct),
        "on_disk": (wanted.on_disk, _stays_on_disk(dense.memory, flag=dense.on_disk)),
        "on_disk_payload": (wanted.on_disk_payload, _stays_on_disk(payload, flag=config.params.on_disk_payload)),
        "indexing_threshold": (wanted.indexing_threshold, config.optimizer_config.indexing_threshold),
    }
    if wanted.quantization is not Quantization.NONE and quantization == wanted.quantization:
        told["always_ram"] = (wanted.always_ram, always_ram)
    return told


def hnsw_of(wanted: Tuning) -> models.HnswConfigDiff:
    """Return the index's parameters, to make a collection or to change it."""
    return models.HnswConfigDiff(m=wanted.hnsw_m, ef_construct=wanted.hnsw_ef_construct)


def optimizers_of(wanted: Tuning) -> models.OptimizersConfigDiff:
    """Return from when on an index is built, to make a collection or to change it."""
    return models.OptimizersConfigDiff(indexing_threshold=wanted.indexing_threshold)


def quantization_of(wanted: Tuning) -> models.ScalarQuantization | models.BinaryQuantization | None:
    """Return how vectors are shortened; None: not at all."""
    memory = models.Memory.PINNED if wanted.always_ram else None
    match wanted.quantization:
        case Quantization.NONE:
            return None
        case Quantization.SCALAR:
            int8 = models.ScalarType.INT8
            config = models.ScalarQuantizationConfig(type=int8, always_ram=wanted.always_ram, memory=memory)
            return models.ScalarQuantization(scalar=config)
        case Quantization.BINARY:
            binary = models.BinaryQuantizationConfig(always_ram=wanted.always_ram, memory=memory)
            return models.BinaryQuantization(binary=binary)


def memory_of(*, on_disk: bool) -> models.Memory:
    """Return where data is kept in the words of 1.19; releases before it know the flag only, so both are sent."""
    return models.Memory.COLD if on_disk else models.Memory.CACHED


def change_of(dense: models.VectorParams, wanted: Tuning) -> models.VectorParamsDiff:
    """Return what changes at the vector itself: where it is kept, and what it says against the collection."""
    return models.VectorParamsDiff(
        on_disk=wanted.on_disk,
        memory=memory_of(on_disk=wanted.on_disk),
        hnsw_config=hnsw_of(wanted) if dense.hnsw_config else None,
        quantization_config=(quantization_of(wanted) or models.Disabled.DISABLED)
        if dense.quantization_config
        else None,
    )


def search_params(wanted: Tuning) -> models.SearchParams | None:
    """Return how the dense vectors are searched; None: as Qdrant does by itself."""
    quantized = wanted.quantization is not Quantization.NONE
    if wanted.hnsw_ef is None and not quantized:
        return None
    return models.SearchParams(
        hnsw_ef=wanted.hnsw_ef,
        quantization=models.QuantizationSearchParams(rescore=wanted.rescore, oversampling=wanted.oversampling)
        if quantized
        else None,
    )


def _quantization(found: models.QuantizationConfig | None) -> tuple[str, bool]:
    """The kind that is there, and whether it never leaves the memory."""
    if found is None:
        return Quantization.NONE, False
    kind, config = next(iter(found))
    return kind, config.memory is models.Memory.PINNED if config.memory else bool(config.always_ram)


def _stays_on_disk(memory: models.Memory | None, *, flag: bool | None) -> bool:
    """Whether data is left on the disk: `memory` wins over the older flag (`lib/segment/src/types.rs`, Memory)."""
    return memory is models.Memory.COLD if memory else bool(flag)
