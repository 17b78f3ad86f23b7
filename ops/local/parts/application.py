"""What all processes of the application are told."""

from ops.local.layout import REPLICAS, Layout
from ops.local.nodes import write_nodes_file
from ops.local.ports import HOST

DRAIN_S = 5.0
FIRST_TOKEN_S = 180.0


def environ(layout: Layout) -> dict[str, str]:
    """Return the `SWITCHYARD_*` variables that name the stack's servers and folders; the user's own others stay."""
    variables = {
        "DATABASE_URL": layout.database_url,
        "CACHE_URL": layout.cache_url,
        "COORDINATION_URL": layout.coordination_url,
        "QDRANT_URLS": ",".join(layout.qdrant_urls),
        "NODES_FILE": str(layout.directory / "nodes.toml"),
        "BLOBS_DIR": str(layout.directory / "blobs"),
        "HOST": HOST,
        "REPLICA_COUNT": str(len(REPLICAS)),
        # On a processor that does other work too, reading the passages alone takes the largest model a minute.
        "FIRST_TOKEN_S": layout.environ.get("SWITCHYARD_FIRST_TOKEN_S", str(FIRST_TOKEN_S)),
        "DRAIN_S": layout.environ.get("SWITCHYARD_DRAIN_S", str(DRAIN_S)),
    }
    if (qdrant_key := _qdrant_key(layout)) is not None:
        variables["QDRANT_API_KEY"] = qdrant_key
    return {f"SWITCHYARD_{name}": value for name, value in variables.items()}


def _qdrant_key(layout: Layout) -> str | None:
    """Return the key of the Qdrant in use; None leaves the application's own variable as the user set it."""
    return layout.secrets.qdrant if layout.outside.qdrant_urls is None else layout.outside.qdrant_api_key


def prepare(layout: Layout) -> None:
    """Write what the application reads at its start."""
    (layout.directory / "blobs").mkdir(parents=True, exist_ok=True)
    write_nodes_file(layout)
