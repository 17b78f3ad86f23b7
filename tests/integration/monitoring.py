"""Prometheus and Alertmanager as tests run them: real programs, short intervals, on loopback."""

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from ops.local.parts.probes import http_ok
from ops.local.parts.template import fill
from ops.local.ports import HOST, find_free
from ops.local.process import poll_until
from tests.ops.monitoring_programs import FOLDER, program

READY_S = 20.0
END_S = 10.0
RUNBOOKS = "https://switchyard.example.com/runbooks"
"""Where the pages are that alerts link to."""


class Target:
    """Something that is scraped, and may fail to answer; or a webhook, and keeps what it is sent."""

    def __init__(self, metrics: str = "") -> None:
        self.metrics = metrics
        self.is_up = True
        self.received: list[dict[str, Any]] = []
        target = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if target.is_up else 500)
                self.send_header("content-type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(target.metrics.encode())

            def do_POST(self) -> None:
                body = self.rfile.read(min(int(self.headers["content-length"]), 1_000_000))
                target.received.append(cast("dict[str, Any]", json.loads(body)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                """Say nothing."""

        self._server = ThreadingHTTPServer((HOST, 0), Answer)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def address(self) -> str:
        """Return `127.0.0.1:port`."""
        return f"{HOST}:{self._server.server_port}"

    def __enter__(self) -> "Target":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(END_S)


@contextmanager
def process(folder: Path, name: str, *command: str) -> Generator[None]:
    """Run a program until the block ends; its output is in the folder."""
    with (
        (folder / f"{name}.log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as running,  # noqa: S603 - programs of this machine
    ):
        try:
            yield
        finally:
            running.terminate()
            try:
                running.wait(END_S)
            except subprocess.TimeoutExpired:
                running.kill()


@contextmanager
def alertmanager(folder: Path, configuration: Path) -> Generator[str]:
    """Run Alertmanager with a configuration; yield its address."""
    port = find_free()
    flags = (
        f"--config.file={configuration}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address={HOST}:{port}",
        "--cluster.listen-address=",
    )
    with process(folder, "alertmanager", program("prometheus-alertmanager", "alertmanager"), *flags):
        assert poll_until(lambda: http_ok(port, "/-/ready"), limit_s=READY_S), (folder / "alertmanager.log").read_text()
        yield f"{HOST}:{port}"


@contextmanager
def prometheus(folder: Path, **places: list[str]) -> Generator[str]:
    """Run Prometheus with the local stack's template and the real rules, all once a second; yield its address."""
    rules = folder / "rules"
    shutil.copytree(FOLDER / "rules", rules)
    for file in rules.glob("*.yml"):
        file.write_text(re.sub(r"(for|interval): \w+", r"\1: 1s", file.read_text(encoding="utf-8")), encoding="utf-8")
    text = (FOLDER / "prometheus.local.yml.template").read_text(encoding="utf-8")
    values = {f"SWITCHYARD_{name.upper()}": json.dumps(value) for name, value in places.items()}
    values |= {"SWITCHYARD_RULES": json.dumps([str(rules / "*.yml")]), "SWITCHYARD_RUNBOOKS": json.dumps(RUNBOOKS)}
    filled = fill(text, values)
    (folder / "prometheus.yml").write_text(re.sub(r"(interval|timeout): \ds", r"\1: 1s", filled), encoding="utf-8")
    port = find_free()
    flags = (
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={HOST}:{port}",
        # Without it an alert that began before the first look of Alertmanager is told again only after a minute.
        "--rules.alert.resend-delay=1s",
    )
    with process(folder, "prometheus", program("prometheus"), *flags):
        assert poll_until(lambda: http_ok(port, "/-/ready"), limit_s=READY_S), (folder / "prometheus.log").read_text()
        yield f"{HOST}:{port}"
