"""Which parts the whole stack has, and in which order they start."""

from ops.local.layout import Layout
from ops.local.parts import (
    declaring,
    demo_key,
    migration,
    models,
    nginx,
    ollama,
    postgres,
    prometheus,
    qdrant,
    replicas,
    valkey,
    worker,
)
from ops.local.supervised import Builder


def whole_stack(layout: Layout) -> list[list[Builder]]:
    """Return the stages: servers first, then the schema, the nodes, the application, and what stands in front.

    Parts that an outside server replaces are left out.
    """
    outside = layout.outside
    servers: list[Builder] = []
    if outside.cache_url is None:
        servers.append(valkey.cache)
    if outside.coordination_url is None:
        servers.append(valkey.coordination)
    if outside.qdrant_urls is None:
        servers.append(qdrant.part)
    if outside.ollama_hosts is None:
        servers += [*ollama.parts(), models.part]
    if outside.database_url is None:
        # Last of its stage: making its directory takes a second, in which the others come up.
        servers.append(postgres.part)
    application: list[Builder] = [*replicas.parts(), worker.part, *demo_key.parts(layout)]
    return [servers, [migration.part], [declaring.part], application, [nginx.part, *prometheus.parts(layout)]]
