"""Where the parts of one stack keep files and listen, and which outside servers replace them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from ops.local.models.catalogue import Catalogue, Size, read_catalogue
from ops.local.ports import HOST, Ports, is_free
from ops.local.secrets_file import Secrets, read_or_make

REPLICAS = ("replica-1", "replica-2")
NODES = ("a", "b")
QDRANT_PEERS = ("qdrant-1", "qdrant-2", "qdrant-3")
DATABASE = "switchyard"
SECRETS = "secrets.json"


@dataclass(frozen=True, slots=True)
class Outside:
    """Servers that the user runs, instead of bundled parts; None means bundled. Addresses are URLs.

    `qdrant_api_key` is the key of the user's own Qdrant, for the application.
    """

    ollama_hosts: tuple[str, ...] | None = None
    qdrant_urls: tuple[str, ...] | None = None
    database_url: str | None = None
    cache_url: str | None = None
    coordination_url: str | None = None
    qdrant_api_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Layout:
    """One stack: its directory, ports, passwords and choices."""

    directory: Path
    ports: Ports
    secrets: Secrets
    environ: Mapping[str, str]
    outside: Outside = field(default_factory=Outside)
    is_system: bool = False
    size: Size = Size.ALL
    catalogue: Catalogue = field(default_factory=read_catalogue)

    @classmethod
    def open(
        cls,
        directory: Path,
        environ: Mapping[str, str],
        *,
        outside: Outside | None = None,
        is_system: bool = False,
        size: Size = Size.ALL,
        port: int | None = None,
        is_running: bool = False,
    ) -> Self:
        """Open (or make) a stack directory; `port` is the public one to try first.

        Of a stack that runs the ports are taken, by its own parts: they are as they are.
        """
        directory = directory.resolve()
        directory.mkdir(parents=True, exist_ok=True)
        return cls(
            directory=directory,
            ports=Ports(
                directory / "ports.json",
                {} if port is None else {"nginx": port},
                is_free=(lambda _: True) if is_running else is_free,
            ),
            secrets=read_or_make(directory / SECRETS),
            environ=environ,
            outside=outside or Outside(),
            is_system=is_system,
            size=size,
        )

    def log(self, part: str) -> Path:
        """Return the log file of a part."""
        return self.directory / "logs" / f"{part}.log"

    def store(self, node: str) -> Path:
        """Return the model store of a bundled node."""
        return self.directory / "nodes" / node

    @property
    def url(self) -> str:
        """The address of nginx: what clients use."""
        return f"http://{self.ports.address('nginx')}"

    @property
    def database_url(self) -> str:
        """The database that replicas and worker use."""
        return self.outside.database_url or self.bundled_database_url(DATABASE)

    def bundled_database_url(self, database: str) -> str:
        """Return the address of a database of the bundled PostgreSQL."""
        return f"postgresql://switchyard:{self.secrets.database}@{self.ports.address('postgres')}/{database}"

    @property
    def cache_url(self) -> str:
        """The Redis that may forget."""
        return self.outside.cache_url or self._valkey_url("valkey-cache")

    @property
    def coordination_url(self) -> str:
        """The Redis that holds leases and event streams."""
        return self.outside.coordination_url or self._valkey_url("valkey-coordination")

    def _valkey_url(self, part: str) -> str:
        return f"redis://:{self.secrets.valkey}@{self.ports.address(part)}/0"

    @property
    def qdrant_urls(self) -> tuple[str, ...]:
        """The peers of the vector store."""
        return self.outside.qdrant_urls or tuple(f"http://{self.ports.address(peer)}" for peer in QDRANT_PEERS)

    @property
    def node_urls(self) -> dict[str, str]:
        """The Ollama nodes by name."""
        if self.outside.ollama_hosts is not None:
            return {f"outside-{number}": url for number, url in enumerate(self.outside.ollama_hosts, 1)}
        return {node: f"http://{HOST}:{self.ports.of(f'node-{node}')}" for node in NODES}
