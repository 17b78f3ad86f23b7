"""The bodies of the routes that are served, as Qdrant's OpenAPI document names their fields.

A field that Qdrant knows and this double does not is refused, never ignored.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from ops.local.qdrant.tuning import DenseDiff, DenseParams, HnswDiff, OptimizersDiff, PayloadParams, Quantization

PointId = int | str
Positive = Annotated[int, Meta(ge=1)]
Scalar = str | int | bool


class Match(Struct, frozen=True, forbid_unknown_fields=True):
    """One of: equal to a value, any of, none of."""

    value: Scalar | None = None
    any: list[str | int] | None = None
    except_: list[str | int] | None = field(default=None, name="except")


class Condition(Struct, frozen=True, forbid_unknown_fields=True):
    """A condition on a payload field, on the id, or a nested filter."""

    key: str | None = None
    match: Match | None = None
    has_id: list[PointId] | None = None
    must: "list[Condition] | Condition | None" = None
    should: "list[Condition] | Condition | None" = None
    must_not: "list[Condition] | Condition | None" = None


class Filter(Struct, frozen=True, forbid_unknown_fields=True):
    """All of `must`, at least one of `should`, none of `must_not`."""

    must: list[Condition] | Condition | None = None
    should: list[Condition] | Condition | None = None
    must_not: list[Condition] | Condition | None = None


class SparseParams(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A named sparse vector of a collection."""

    modifier: Literal["none", "idf"] | None = None


class CreateCollection(Struct, frozen=True, forbid_unknown_fields=True):
    """`PUT /collections/{name}`."""

    vectors: dict[str, DenseParams] = {}
    sparse_vectors: dict[str, SparseParams] | None = None
    shard_number: int | None = None
    replication_factor: int | None = None
    write_consistency_factor: int | None = None
    on_disk_payload: bool | None = None
    payload: PayloadParams | None = None
    hnsw_config: HnswDiff | None = None
    optimizers_config: OptimizersDiff | None = None
    quantization_config: Quantization | None = None


class ParamsDiff(Struct, frozen=True, forbid_unknown_fields=True):
    """What of a collection's parameters is changed in place (CollectionParamsDiff)."""

    replication_factor: Positive | None = None
    write_consistency_factor: Positive | None = None
    on_disk_payload: bool | None = None
    payload: PayloadParams | None = None


class UpdateCollection(Struct, frozen=True, forbid_unknown_fields=True):
    """`PATCH /collections/{name}`."""

    params: ParamsDiff | None = None
    vectors: dict[str, DenseDiff] | None = None
    hnsw_config: HnswDiff | None = None
    optimizers_config: OptimizersDiff | None = None
    quantization_config: Quantization | Literal["Disabled"] | None = None


class ReplicateShard(Struct, frozen=True, forbid_unknown_fields=True):
    """Copy a shard from one peer to another; the source keeps it."""

    shard_id: int
    to_peer_id: int
    from_peer_id: int


class ClusterOperation(Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /collections/{name}/cluster`."""

    replicate_shard: ReplicateShard


class KeywordParams(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="keyword"):
    """A keyword index; `is_tenant` groups a tenant's points on disk."""

    is_tenant: bool | None = None


class CreateIndex(Struct, frozen=True, forbid_unknown_fields=True):
    """`PUT /collections/{name}/index`."""

    field_name: str
    field_schema: Literal["keyword"] | KeywordParams | None = None


class CreateAlias(Struct, frozen=True, forbid_unknown_fields=True):
    """Point an alias at a collection, wherever it pointed before."""

    collection_name: str
    alias_name: str


class DeleteAlias(Struct, frozen=True, forbid_unknown_fields=True):
    """Remove an alias, if there is one."""

    alias_name: str


class RenameAlias(Struct, frozen=True, forbid_unknown_fields=True):
    """Give an alias another name."""

    old_alias_name: str
    new_alias_name: str


class AliasAction(Struct, frozen=True, forbid_unknown_fields=True):
    """Exactly one of the three."""

    create_alias: CreateAlias | None = None
    delete_alias: DeleteAlias | None = None
    rename_alias: RenameAlias | None = None


class ChangeAliases(Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /collections/aliases`: all or none."""

    actions: list[AliasAction]


class SparseVector(Struct, frozen=True, forbid_unknown_fields=True):
    """A sparse vector: `values[i]` at dimension `indices[i]`."""

    indices: list[Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]]
    values: list[float]


class PointStruct(Struct, frozen=True, forbid_unknown_fields=True):
    """A point with named vectors."""

    id: PointId
    vector: dict[str, list[float] | SparseVector]
    payload: dict[str, object] | None = None


class UpsertPoints(Struct, frozen=True, forbid_unknown_fields=True):
    """`PUT /collections/{name}/points`."""

    points: list[PointStruct]


class DeletePoints(Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /collections/{name}/points/delete`: by ids or by filter."""

    points: list[PointId] | None = None
    filter: Filter | None = None


class CountPoints(Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /collections/{name}/points/count`."""

    filter: Filter | None = None
    exact: bool = True


class PayloadSelector(Struct, frozen=True, forbid_unknown_fields=True):
    """Which payload fields to return."""

    include: list[str] | None = None
    exclude: list[str] | None = None


WithPayload = bool | list[str] | PayloadSelector | None
WithVector = bool | list[str] | None


class ScrollPoints(Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /collections/{name}/points/scroll`."""

    offset: PointId | None = None
    limit: int | None = None
    filter: Filter | None = None
    with_payload: WithPayload = None
    with_vector: WithVector = None


class IdfCorpus(Struct, frozen=True, forbid_unknown_fields=True):
    """The points over which inverse document frequencies are counted (Qdrant 1.19 and later)."""

    corpus: Filter


class QuantizationParams(Struct, frozen=True, forbid_unknown_fields=True):
    """How to search a quantised vector."""

    ignore: bool = False
    rescore: bool | None = None
    oversampling: float | None = None


class SearchParams(Struct, frozen=True, forbid_unknown_fields=True):
    """How to search."""

    hnsw_ef: int | None = None
    exact: bool = False
    quantization: QuantizationParams | None = None
    indexed_only: bool = False
    idf: Literal["global"] | IdfCorpus | None = None


class Rrf(Struct, frozen=True, forbid_unknown_fields=True):
    """Reciprocal rank fusion with its constant and one weight a prefetch."""

    k: int | None = None
    weights: list[float] | None = None


class QueryObject(Struct, frozen=True, forbid_unknown_fields=True):
    """A sparse vector, a nearest query or a fusion; exactly one of them."""

    indices: list[Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]] | None = None
    values: list[float] | None = None
    nearest: list[float] | SparseVector | None = None
    fusion: Literal["rrf"] | None = None
    rrf: Rrf | None = None


Query = list[float] | QueryObject


class Prefetch(Struct, frozen=True, forbid_unknown_fields=True):
    """A search whose results the main query fuses."""

    query: Query
    using: str = ""
    filter: Filter | None = None
    params: SearchParams | None = None
    score_threshold: float | None = None
    limit: int | None = None


class QueryPoints(Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /collections/{name}/points/query`."""

    prefetch: list[Prefetch] | Prefetch | None = None
    query: Query | None = None
    using: str = ""
    filter: Filter | None = None
    params: SearchParams | None = None
    score_threshold: float | None = None
    limit: int | None = None
    offset: int = 0
    with_payload: WithPayload = None
    with_vector: WithVector = None


class QueryBatch(Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /collections/{name}/points/query/batch`."""

    searches: list[QueryPoints]
