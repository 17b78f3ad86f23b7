"""The table of settings: what each variable means, its type and its default."""

from collections.abc import Mapping

import msgspec

from app.kinds import Kind
from app.retrieval.shape import COPIES, WRITTEN
from app.settings import PREFIX, RELATIONS, Relation, Settings, variable_of
from app.variables import FILE, kinds_of
from ops.docs.markdown import code, page, table

GROUPS: Mapping[str, Mapping[str, str]] = {
    "Stores and files": {
        "database_url": "PostgreSQL, the source of truth.",
        "cache_url": "Redis that may evict.",
        "coordination_url": "Redis that must not evict: leases and event streams.",
        "qdrant_urls": "Qdrant peers, separated by commas.",
        "nodes_file": "The TOML file of models and nodes (see `nodes.toml.example`).",
        "blobs_dir": "Directory of uploaded originals, shared by replicas and workers. With a bucket "
        "(`SWITCHYARD_BLOBS_URL`), each process' own, for what it reads from there.",
        "prompts_dir": "Directory of prompts.",
    },
    "Process": {
        "host": "Address to listen on.",
        "port": "Port to listen on.",
        "metrics_port": "Port of a worker's metrics; 0 serves none.",
        "replica": "Name of this process in leases and logs.",
        "replica_count": "Replicas in all: each one's share of slots while coordination is away.",
        "log_level": "The least that is logged.",
        "cors_origins": "Origins that browsers may call from, separated by commas. nginx is told the same list.",
        "webhook_allow": "Hosts, addresses and networks that webhooks may go to though they are not public; how: "
        "`docs/how-to/tasks-and-webhooks.md`.",
        "tasks_at_once": "Tasks that a worker is at, at most.",
        "max_open_tasks": "Tasks of a tenant that have not ended, at most; another is refused with `too_many_tasks`.",
        "drain_s": "Seconds that a stopping process lets its runs go on.",
    },
    "Connections": {
        "database_pool_size": "Connections of this process to PostgreSQL.",
        "database_wait_s": "Seconds to wait for a free connection.",
        "database_ca": "CA file; set, PostgreSQL's certificate and name are checked (`sslmode=verify-full`, or the "
        "address' own `verify-ca`).",
        "database_pooler": "`transaction` behind PgBouncer in transaction mode: no prepared statements, no state of a "
        "session.",
        "database_direct_url": "PostgreSQL's own address beside the pooler's: migrations and the job queue go there.",
        "redis_timeout_s": "Seconds that one Redis request may take.",
        "redis_ca": "CA file for `rediss://` addresses.",
        "qdrant_api_key": "Key of the Qdrant peers.",
        "qdrant_ca": "CA file of the Qdrant peers.",
        "blobs_url": "Bucket of uploaded originals, of S3 or what speaks like it: `https://host[:port]/bucket`; "
        "how: `docs/how-to/keep-originals-in-a-bucket.md`.",
        "blobs_region": "Region of the bucket, which requests are signed for.",
        "blobs_key_id": "Id of the key that signs requests to the bucket.",
        "blobs_key": "That key.",
        "blobs_ca": "CA file of the bucket's server.",
        "node_ca": "CA file of Ollama nodes that speak TLS.",
        "node_tokens_dir": "Folder with one file for each node behind a gateway: the node's name, and in it the bearer "
        "token. Read again with every look.",
    },
    "Collection of the vector store": {
        "qdrant_collection": "Alias of the collection that serves; each edition has one with `_e<number>` after it.",
        "qdrant_shard_number": "Shards of the collection; another number needs `switchyard retrieval rebuild`. What "
        "follows here is changed in place: `docs/how-to/change-the-collection.md`.",
        "qdrant_replication_factor": "Copies of each shard. With two on three peers, any one may be lost, for "
        "questions and uploads; with one, a lost peer takes retrieval away.",
        "qdrant_write_consistency_factor": "Copies that must take a write. With as many as there are, a lost peer "
        "stops uploads.",
        "qdrant_quantization": "What vectors are shortened to for the first look: a byte a dimension (`scalar`) or a "
        "bit (`binary`, for 1,024 dimensions and more); the whole ones stay beside the short ones.",
        "qdrant_always_ram": "Whether shortened vectors stay in memory, wherever the whole ones are.",
        "qdrant_rescore": "Whether what the shortened vectors find is scored anew with the whole ones; without it, "
        "nearness is an estimate.",
        "qdrant_oversampling": "How many times as many are scored anew as are asked for.",
        "qdrant_hnsw_m": "Edges of a point in the vector index: more find better and take more memory.",
        "qdrant_hnsw_ef_construct": "Neighbours looked at as a point is put into the index: more make it better and "
        "take longer.",
        "qdrant_hnsw_ef": "Points that a search keeps in view: more find better and take longer.",
        "qdrant_on_disk": "Whether whole vectors are read from disk when they are needed, not kept in memory.",
        "qdrant_on_disk_payload": "The same of payloads; what is filtered by stays in memory.",
        "qdrant_indexing_threshold": "Kilobytes of vectors in a segment from which on it gets an index; 0: never.",
    },
    "Embedding and retrieval": {
        "embed_model": "Model that embeds at first; another one: `docs/how-to/change-the-embedding-model.md`.",
        "embed_size": "Length of its vectors, for the first collection.",
        "rerank_url": "Address of a reranker with its path, as `http://reranker:8080/v1/rerank`; "
        "how: `docs/how-to/rerank-passages.md`.",
        "rerank_model": "Model that it is asked for, where it has several.",
        "rerank_key": "Bearer token that it wants.",
        "rerank_ca": "CA file of the reranker.",
        "rerank_candidates": "How many passages of a question it is shown.",
        "rerank_limit_s": "Seconds that it may take; then passages keep the order of their scores.",
        "cold_after_days": "Days after which a document goes to cold storage, where no question finds it; 0: never.",
        "cold_age_from": "What they count from: the last `use` (a question that found it; its upload, if that is "
        "later), or its `upload`.",
    },
    "Runs": {
        "run_lease_s": "Seconds after which a silent owner loses a run.",
        "job_lease_s": "Seconds after which a silent worker loses a job, such as an ingestion.",
        "waiting_limit_s": "How long a run may wait for a person's answer; then it ends as `interrupt_expired`.",
        "run_attempts": "Owners a run may have before it is `dead`.",
        "run_limit_s": "Seconds that a run may take.",
        "events_ttl_s": "Seconds that a run's events stay in Redis after the last one.",
        "usage_days": "Days that a row of usage is kept for each call; older ones are added up by day (`usage_days`).",
        "routes_days": "Days that a route can be read.",
        "session_ttl_seconds": "Seconds without activity after which a session expires.",
        "session_days": "Days that an expired session is kept, with its runs, what they did and their checkpoints.",
        "max_output_tokens": "Tokens of an answer, unless the request asks for another number.",
        "support_policy": "What becomes of sentences that no passage supports, unless the request says.",
        "extractive_up_to": "The highest tier whose models are too small to rely on: plain facts are then answered "
        "in the documents' own words, and sentences without support are withheld; `auto`: the tiers whose models "
        "`nodes.toml` all marks with `reads_poorly`.",
        "temperature": "Sampling temperature, unless the request or the prompt asks for another.",
    },
    "Calls to models": {
        "slot_wait_s": "Seconds to wait for a free slot.",
        "slot_lease_s": "Seconds after which a dead process's slots return.",
        "probe_interval_s": "Seconds between two looks at a node.",
        "first_token_s": "Seconds until the first token of a warm model.",
        "load_s": "Seconds more while a model is loading.",
        "gap_s": "Seconds between two tokens.",
        "call_output_tokens": "Tokens of an answer under /v1 or /ollama, unless the request asks for another number.",
    },
    "Judging": {
        "judge_share": "Percent of the runs that ended well that a model judges; 0: none. How: "
        "`docs/how-to/evaluate-teams.md`.",
        "judge_per_hour": "Runs that are judged in an hour at most, by all workers together.",
        "judge_hours": "When: while no run is under way (`idle`), or from one hour of the day to before another, in "
        "UTC. Whoever waits for an answer goes before a judge in either case.",
        "judge_exempt": "Names of tenants whose runs are not judged, separated by commas.",
    },
    "Limits of requests": {
        "max_upload_bytes": "Bytes of an uploaded document.",
        "max_body_bytes": "Bytes of a JSON body.",
        "max_call_bytes": "Bytes of a JSON body under /v1 and /ollama, pictures in base64 among them.",
        "max_refused_keys": "Unknown api keys from one address in a minute, counted by each replica; then it gets 429.",
        "max_message_characters": "Characters of a message (Unicode code points).",
    },
}
_MADE = {
    "replica": "the host's name",
    "qdrant_replication_factor": f"{COPIES}, or the number of peers if that is less",
    "qdrant_write_consistency_factor": f"one less than there are, at most {WRITTEN}",
    "qdrant_hnsw_ef": "as `SWITCHYARD_QDRANT_HNSW_EF_CONSTRUCT`",
}


def write_settings() -> str:
    """Return the page. Raises KeyError for a setting without a description."""
    fields = {field.name: field for field in msgspec.structs.fields(Settings)}
    words = {name: text for group in GROUPS.values() for name, text in group.items()}
    if undescribed := fields.keys() ^ words.keys():
        raise KeyError(f"described and existing settings differ: {', '.join(sorted(undescribed))}")
    parts = [
        "Read once at start from the environment, with the files that they name, by every process alike. A name that "
        "is unknown or missing and a value that is not of its kind stop the process with status 2 and a message that "
        "lists all mistakes and quotes no secret. Blanks and line ends around a value do not count, nor does a byte "
        "order mark; an empty value is a mistake unless it is the default.",
        f"Names beginning with `{PREFIX}LOCAL_` belong to the local stack, `{PREFIX}TEST_` to the tests; the "
        "application leaves both alone. Names that Kubernetes makes of a Service are ignored: "
        f"`{PREFIX}SERVICE_HOST`, `{PREFIX}PORT=tcp://…`, `{PREFIX}PORT_8000_TCP_ADDR`.",
        f"Any of them may be given as a file: `{PREFIX}DATABASE_URL{FILE}=/run/secrets/database_url` reads the value "
        "from that file (at most 64 KiB of UTF-8 text). Giving both is refused.",
        "Proxy variables (`HTTP_PROXY`, `ALL_PROXY`, …) and `.netrc` are not read: what a setting names is asked "
        "directly.",
    ]
    kinds = kinds_of(Settings)
    for title, group in GROUPS.items():
        rows = [_row(fields[name], kinds[name], text) for name, text in group.items()]
        parts += [f"## {title}", table(("variable", "kind", "default", "meaning"), rows)]
    parts += ["## Between settings", *(f"- {_relation(relation)}" for relation in RELATIONS)]
    return page("Settings", *parts)


def _relation(relation: Relation) -> str:
    return f"{code(variable_of(relation.of[0]))} {relation.reason}."


def _row(field: msgspec.structs.FieldInfo, kind: Kind, text: str) -> tuple[str, str, str, str]:
    if field.required:
        default = "required"
    elif field.name in _MADE:
        default = _MADE[field.name]
    elif field.default is None:
        default = "none"
    else:
        default = code(_shown(field.default)) if field.default != "" else "empty"
    return code(variable_of(field.name)), kind.words, default, text


def _shown(default: object) -> object:
    """A default as a variable would give it."""
    return str(default).lower() if isinstance(default, bool) else default
