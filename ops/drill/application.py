"""The application's processes, and node doubles for it, as drills start them over given stores."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ops.drill.target import DrillFailed
from ops.local.layout import Layout
from ops.local.parts.part import Part
from ops.local.parts.probes import http_ok
from ops.local.ports import HOST
from ops.local.process import REPOSITORY, run_once

CHAT, EMBED = "smollm2:135m", "all-minilm:22m"
COLLECTION = "switchyard"
COMMAND_LIMIT_S = 120.0
READY_LIMIT_S = 120.0
STOP_LIMIT_S = 20.0

MODELS = f"""
[[models]]
name = "{CHAT}"
kind = "chat"
tiers = ["simple", "medium", "complex"]
num_ctx = [4096]
continues = true
[[models]]
name = "{EMBED}"
kind = "embed"
tiers = []
num_ctx = [512]
"""
NODE = """
[[nodes]]
name = "{name}"
url = "http://{address}"
slots = {slots}
gpus = 1
price_usd_per_hour = 0.36
models = {models}
"""
IN_FOLDER = "import os, runpy, sys; os.chdir(sys.argv.pop(1)); runpy.run_module('app.cli', run_name='__main__')"


@dataclass(frozen=True, slots=True)
class Stores:
    """The addresses of the stores."""

    database_url: str
    cache_url: str
    coordination_url: str
    qdrant_urls: tuple[str, ...]


def stores_of(layout: Layout) -> Stores:
    """Return the stores of a stack."""
    return Stores(layout.database_url, layout.cache_url, layout.coordination_url, layout.qdrant_urls)


@dataclass(frozen=True, slots=True)
class Double:
    """A node double: what it has, how many calls it takes at once, and what its program is told beside that."""

    name: str
    models: tuple[str, ...]
    slots: int = 2
    told: tuple[str, ...] = ()

    def part(self, layout: Layout) -> Part:
        """Return its program."""
        port = layout.ports.of(self.name)
        chat, embed = (",".join(one for one in self.models if one == model) for model in (CHAT, EMBED))
        # Of a call that is cut off it must not seem as if its slot were still taken.
        words = ("--port", str(port), "--slots", str(2 * self.slots), "--chat", chat, "--embed", embed, *self.told)
        return Part(
            name=self.name,
            command=(sys.executable, "-m", "tests.fakes.node_process", *words),
            environ={},
            address=layout.ports.address(self.name),
            is_ready=lambda: http_ok(port, "/api/version"),
            port_names=(self.name,),
        )


@dataclass(frozen=True, slots=True)
class Application:
    """What every process is told: `told` are settings by name, without their prefix, over those of every drill."""

    layout: Layout
    stores: Stores
    told: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def blobs(self) -> Path:
        """Where originals are."""
        return self.layout.directory / "blobs"

    def prepare(self, *doubles: Double) -> None:
        """Write down which nodes there are, and make the folder of originals."""
        self.blobs.mkdir(exist_ok=True)
        nodes = [
            NODE.format(
                name=one.name,
                address=self.layout.ports.address(one.name),
                slots=one.slots,
                models=json.dumps(one.models),
            )
            for one in doubles
        ]
        self._nodes_file.write_text(MODELS + "".join(nodes), encoding="utf-8")

    def command(self, *words: str, folder: Path = REPOSITORY) -> str:
        """Run `switchyard` of the code in `folder`; returns what it says. Raises DrillFailed."""
        done = run_once(
            (sys.executable, "-c", IN_FOLDER, str(folder), *words),
            environ={**self.layout.environ, **self._environ()},
            limit_s=COMMAND_LIMIT_S,
        )
        if done.returncode != 0:
            raise DrillFailed(f"`switchyard {' '.join(words)}` in {folder} failed: {done.stderr.strip()[-400:]}")
        return done.stdout

    def replica(self, name: str, *, folder: Path = REPOSITORY) -> Part:
        """Return a replica that runs the code in `folder`."""
        return self._part(name, "app.main", "PORT", "/readyz", folder)

    def worker(self, name: str, *, folder: Path = REPOSITORY) -> Part:
        """Return a worker that runs the code in `folder`."""
        return self._part(name, "app.worker", "METRICS_PORT", "/metrics", folder)

    @property
    def _nodes_file(self) -> Path:
        return self.layout.directory / "nodes.toml"

    def _environ(self) -> dict[str, str]:
        named = {
            "DATABASE_URL": self.stores.database_url,
            "CACHE_URL": self.stores.cache_url,
            "COORDINATION_URL": self.stores.coordination_url,
            "QDRANT_URLS": ",".join(self.stores.qdrant_urls),
            "QDRANT_COLLECTION": COLLECTION,
            "NODES_FILE": str(self._nodes_file),
            "BLOBS_DIR": str(self.blobs),
            "HOST": HOST,
            "RUN_LEASE_S": "2",
            "SLOT_LEASE_S": "2",
            "PROBE_INTERVAL_S": "0.5",
            "DRAIN_S": "1",
            # A busy machine is not an outage.
            "REDIS_TIMEOUT_S": "1.5",
            "DATABASE_WAIT_S": "20",
        }
        return {f"SWITCHYARD_{name}": value for name, value in (named | dict(self.told)).items()}

    def _part(self, name: str, module: str, port_name: str, path: str, folder: Path) -> Part:
        port = self.layout.ports.of(name)
        return Part(
            name=name,
            command=(sys.executable, "-m", module),
            environ=self._environ()
            | {
                f"SWITCHYARD_{port_name}": str(port),
                "SWITCHYARD_REPLICA": name,
                "SWITCHYARD_DATABASE_URL": named(self.stores.database_url, name),
            },
            address=self.layout.ports.address(name),
            is_ready=lambda: http_ok(port, path),
            ready_within_s=READY_LIMIT_S,
            stop_within_s=STOP_LIMIT_S,
            port_names=(name,),
            folder=folder,
        )


def named(database_url: str, name: str) -> str:
    """Return the address with which PostgreSQL knows whose a connection is."""
    return f"{database_url}{'&' if '?' in database_url else '?'}application_name={name}"


def key_of(told: str) -> str:
    """Return the key that `keys add --json` told."""
    return str(json.loads(told)["key"])
