"""How vectors are kept and indexed: as requests ask for it, and as the engine takes it.

Sources, at v1.19.0: `lib/collection/src/operations/config_diff.rs` (what a change may say),
`lib/collection/src/config.rs` (update_vectors_from_diff), `lib/collection/src/operations/types.rs` (VectorParams) and
`lib/segment/src/types.rs` (HnswConfig, QuantizationConfig, Memory).
"""

from typing import Literal, TypeVar

import qdrant_edge as edge
from msgspec import Struct, structs

from ops.local.qdrant import faults

# Those of Qdrant's `config/config.yaml`.
M = 16
EF_CONSTRUCT = 100
FULL_SCAN_THRESHOLD = 10_000
INDEXING_THRESHOLD = 10_000
LEAST_EF_CONSTRUCT = 4

Memory = Literal["cold", "cached", "pinned"]
Diff = TypeVar("Diff", bound=Struct)


class HnswDiff(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Parameters of the index; what is not given stays."""

    m: int | None = None
    ef_construct: int | None = None


class OptimizersDiff(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """From how many kilobytes of vectors on a segment is indexed; 0: never."""

    indexing_threshold: int | None = None


class PayloadParams(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where payloads are kept."""

    memory: Memory | None = None


class ScalarConfig(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One byte a dimension."""

    type: Literal["int8"]
    always_ram: bool | None = None
    memory: Memory | None = None


class BinaryConfig(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One bit a dimension."""

    always_ram: bool | None = None
    memory: Memory | None = None


class Quantization(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One of the two."""

    scalar: ScalarConfig | None = None
    binary: BinaryConfig | None = None


class DenseParams(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A named dense vector of a collection; what it says for itself wins over what the collection says."""

    size: int
    distance: Literal["Cosine", "Dot", "Euclid", "Manhattan"]
    hnsw_config: HnswDiff | None = None
    quantization_config: Quantization | None = None
    on_disk: bool | None = None
    memory: Memory | None = None


class DenseDiff(Struct, frozen=True, forbid_unknown_fields=True):
    """What of a dense vector is changed in place."""

    hnsw_config: HnswDiff | None = None
    quantization_config: Quantization | Literal["Disabled"] | None = None
    on_disk: bool | None = None
    memory: Memory | None = None


def check_hnsw(given: HnswDiff | None, where: str) -> None:
    """Check an index's parameters. Raises Fault."""
    if given is not None and given.ef_construct is not None and given.ef_construct < LEAST_EF_CONSTRUCT:
        text = f"value {given.ef_construct} invalid, must be {LEAST_EF_CONSTRUCT} or larger"
        raise faults.invalid_body(f"{where}.ef_construct", text)


def check_quantization(given: Quantization | str | None) -> None:
    """Check that it is one of its forms. Raises Fault."""
    if isinstance(given, Quantization) and (given.scalar is None) == (given.binary is None):
        raise faults.bad_format("data did not match any variant of untagged enum QuantizationConfig")


def check_dense(given: DenseParams | DenseDiff) -> None:
    """Check what a dense vector says of its place and its index. Raises Fault."""
    check_hnsw(given.hnsw_config, "vectors.?.hnsw_config")
    check_quantization(given.quantization_config)
    if given.memory == "pinned":
        text = "`pinned` memory placement is not supported for dense vector storage"
        raise faults.invalid_body("vectors.?.memory", text)


def check_payload(given: PayloadParams | None, where: str) -> None:
    """Check where payloads are to be kept. Raises Fault."""
    if given is not None and given.memory == "pinned":
        raise faults.invalid_body(where, "`pinned` memory placement is not supported for payload storage")


def merged(held: Diff | None, diff: Diff | None) -> Diff | None:
    """What is held, with what the change gives in its place."""
    if held is None or diff is None:
        return diff or held
    return structs.replace(held, **{name: value for name, value in structs.asdict(diff).items() if value is not None})


def quantized(held: Quantization | None, diff: Quantization | Literal["Disabled"] | None) -> Quantization | None:
    """The quantisation after a change: a given one takes the place of the whole."""
    if diff is None:
        return held
    return None if diff == "Disabled" else diff


def dense_after(held: DenseParams, diff: DenseDiff) -> DenseParams:
    """A dense vector after a change."""
    return structs.replace(
        held,
        hnsw_config=merged(held.hnsw_config, diff.hnsw_config),
        quantization_config=quantized(held.quantization_config, diff.quantization_config),
        on_disk=held.on_disk if diff.on_disk is None else diff.on_disk,
        memory=diff.memory or held.memory,
    )


def engine_hnsw(given: HnswDiff | None) -> edge.HnswIndexConfig:
    """The index's parameters for the engine."""
    given = given or HnswDiff()
    m, ef_construct = M if given.m is None else given.m, given.ef_construct or EF_CONSTRUCT
    return edge.HnswIndexConfig(m=m, ef_construct=ef_construct, full_scan_threshold=FULL_SCAN_THRESHOLD)


def engine_quantization(given: Quantization | None) -> "edge.QuantizationConfigType | None":
    """The quantisation for the engine."""
    if given is None:
        return None
    if given.scalar is not None:
        return edge.ScalarQuantizationConfig(
            type=edge.ScalarType.Int8, always_ram=given.scalar.always_ram, memory=engine_memory(given.scalar.memory)
        )
    binary = given.binary or BinaryConfig()
    return edge.BinaryQuantizationConfig(always_ram=binary.always_ram, memory=engine_memory(binary.memory))


def engine_memory(given: Memory | None) -> edge.Memory | None:
    """The place for the engine."""
    return (
        None
        if given is None
        else {"cold": edge.Memory.Cold, "cached": edge.Memory.Cached, "pinned": edge.Memory.Pinned}[given]
    )
