"""Prometheus and Alertmanager, where this machine has them."""

import json
from functools import partial
from pathlib import Path

from ops.local.layout import REPLICAS, Layout
from ops.local.parts import nginx, worker
from ops.local.parts.part import Part
from ops.local.parts.probes import http_ok
from ops.local.parts.programs import on_path
from ops.local.parts.template import fill
from ops.local.process import REPOSITORY
from ops.local.supervised import Builder

TEMPLATES = REPOSITORY / "prometheus"
PROMETHEUS = "prometheus"
ALERTMANAGER = "alertmanager"
BROUGHT = REPOSITORY / ".venv" / "bin"
"""Where `ops/prometheus.sh` leaves the programs that PATH lacks."""


def parts(layout: Layout, brought: Path = BROUGHT) -> tuple[Builder, ...]:
    """Return the parts whose programs are on PATH or in `brought`, perhaps none."""
    builders: list[Builder] = []
    if _prometheus_program(layout, brought) is not None:
        builders.append(partial(prometheus, brought=brought))
    if _alertmanager_program(layout, brought) is not None:
        builders.append(partial(alertmanager, brought=brought))
    return tuple(builders)


def prometheus(layout: Layout, brought: Path = BROUGHT) -> Part:
    """Return Prometheus, scraping every replica and the worker directly."""
    folder = layout.directory / PROMETHEUS
    port = layout.ports.of(PROMETHEUS)
    flags = (
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        "--storage.tsdb.retention.time=7d",
        f"--web.listen-address={layout.ports.address(PROMETHEUS)}",
    )
    return Part(
        name=PROMETHEUS,
        command=(str(_prometheus_program(layout, brought) or PROMETHEUS), *flags),
        environ={},
        address=layout.ports.address(PROMETHEUS),
        prepare=lambda: _write(folder, "prometheus.yml", "prometheus.local.yml.template", _values(layout, brought)),
        is_ready=lambda: http_ok(port, "/-/ready"),
        is_background=True,  # watching is not answering: the stack does not wait for it
        port_names=(PROMETHEUS,),
    )


def alertmanager(layout: Layout, brought: Path = BROUGHT) -> Part:
    """Return Alertmanager, which here only shows the alerts."""
    folder = layout.directory / ALERTMANAGER
    port = layout.ports.of(ALERTMANAGER)
    flags = (
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'state'}",
        f"--web.listen-address={layout.ports.address(ALERTMANAGER)}",
        "--cluster.listen-address=",
    )
    return Part(
        name=ALERTMANAGER,
        command=(str(_alertmanager_program(layout, brought) or ALERTMANAGER), *flags),
        environ={},
        address=layout.ports.address(ALERTMANAGER),
        prepare=lambda: _write(folder, "alertmanager.yml", "alertmanager.local.yml.template", {}),
        is_ready=lambda: http_ok(port, "/-/ready"),
        is_background=True,  # watching is not answering: the stack does not wait for it
        port_names=(ALERTMANAGER,),
    )


def _prometheus_program(layout: Layout, brought: Path) -> Path | None:
    return on_path((PROMETHEUS,), layout.environ, str(brought))


def _alertmanager_program(layout: Layout, brought: Path) -> Path | None:
    return on_path((ALERTMANAGER, "prometheus-alertmanager"), layout.environ, str(brought))


def _values(layout: Layout, brought: Path) -> dict[str, str]:
    """Return the places of the template; lists and paths as JSON, which YAML reads, so that a path may hold spaces."""
    has_alertmanager = _alertmanager_program(layout, brought) is not None
    alertmanagers = [layout.ports.address(ALERTMANAGER)] if has_alertmanager else []
    return {
        "SWITCHYARD_REPLICAS": json.dumps([layout.ports.address(name) for name in REPLICAS]),
        "SWITCHYARD_WORKERS": json.dumps([layout.ports.address(worker.NAME)]),
        "SWITCHYARD_ALERTMANAGERS": json.dumps(alertmanagers),
        "SWITCHYARD_RUNBOOKS": json.dumps(f"http://{layout.ports.address(nginx.NAME)}/runbooks"),
        "SWITCHYARD_RULES": json.dumps([str(TEMPLATES / "rules" / "*.yml")]),
    }


def _write(folder: Path, name: str, template: str, values: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    (folder / name).write_text(fill(text, values), encoding="utf-8")
