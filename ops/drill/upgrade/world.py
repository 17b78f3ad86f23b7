"""The servers of an installation that is upgraded: its stores and nodes stay, its replica and worker change their code.

What an old commit is told are names that the first one knew already: an operator upgrades with the settings that are
there.
"""

import json
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ops.drill.target import DrillFailed
from ops.drill.upgrade.tree import Tree
from ops.local.layout import Layout
from ops.local.parts import postgres, qdrant, valkey
from ops.local.parts.part import Part
from ops.local.parts.probes import http_ok
from ops.local.ports import HOST
from ops.local.process import run_once
from ops.local.stack import Stack

CHAT, EMBED = "smollm2:135m", "all-minilm:22m"
CHAT_NODE, EMBED_NODE = "node-chat", "node-embed"
REPLICA, WORKER = "replica-1", "worker-1"
TOKENS_PER_S, ANSWER_TOKENS = 40.0, 80
"""How fast the chat node speaks, and how long: about two seconds of text, to be cut in the middle."""
LEASE_S = 2.0
COMMAND_LIMIT_S = 120.0
READY_LIMIT_S = 120.0
STOP_LIMIT_S = 20.0
COLLECTION = "switchyard"

NODES = """
[[models]]
name = "{chat}"
kind = "chat"
tiers = ["simple", "medium", "complex"]
num_ctx = [4096]
continues = true
[[models]]
name = "{embed}"
kind = "embed"
tiers = []
num_ctx = [512]
[[nodes]]
name = "{chat_node}"
url = "http://{chat_address}"
slots = 2
gpus = 1
price_usd_per_hour = 0.36
models = ["{chat}"]
[[nodes]]
name = "{embed_node}"
url = "http://{embed_address}"
slots = 2
gpus = 1
price_usd_per_hour = 0.36
models = ["{embed}"]
"""


@dataclass(slots=True)
class World:
    """A running installation."""

    layout: Layout
    stores: Stack
    application: Stack | None = None

    @property
    def url(self) -> str:
        """The replica's address."""
        return f"http://{self.layout.ports.address(REPLICA)}"

    @property
    def vectors_url(self) -> str:
        """One peer of the vector store."""
        return self.layout.qdrant_urls[0]

    @property
    def blobs(self) -> Path:
        """Where originals are."""
        return self.layout.directory / "blobs"

    def command(self, tree: Tree, *words: str) -> str:
        """Run `switchyard` of a tree; returns what it says. Raises DrillFailed."""
        done = run_once(
            (sys.executable, "-c", _IN_FOLDER, str(tree.folder), *words),
            environ={**self.layout.environ, **self._environ()},
            limit_s=COMMAND_LIMIT_S,
        )
        if done.returncode != 0:
            raise DrillFailed(f"`switchyard {' '.join(words)}` of {tree.name} failed: {done.stderr.strip()[-400:]}")
        return done.stdout

    def start(self, tree: Tree, *, has_worker: bool = True) -> None:
        """Start a replica, and a worker, of a tree. Raises LocalProblem when they do not come up."""
        parts = (self._replica, self._worker) if has_worker else (self._replica,)
        self.application = Stack(self.layout, (tuple(partial(_built, part, tree) for part in parts),))
        self.application.start()

    def stop(self) -> None:
        """Stop the replica and the worker as a deployment does."""
        if self.application is not None:
            self.application.stop()
            self.application = None

    def kill(self, name: str) -> None:
        """End the replica or the worker as a power cut would."""
        if self.application is not None:
            self.application.kill(name)

    def take_node_away(self) -> None:
        """End the node that embeds."""
        self.stores.kill(EMBED_NODE)

    def bring_node_back(self) -> None:
        """Start the node that embeds again."""
        self.stores.restart(EMBED_NODE)

    def _environ(self) -> dict[str, str]:
        named = {
            "DATABASE_URL": self.layout.database_url,
            "CACHE_URL": self.layout.cache_url,
            "COORDINATION_URL": self.layout.coordination_url,
            "QDRANT_URLS": ",".join(self.layout.qdrant_urls),
            "QDRANT_COLLECTION": COLLECTION,
            "NODES_FILE": str(self.layout.directory / "nodes.toml"),
            "BLOBS_DIR": str(self.blobs),
            "HOST": HOST,
            "REPLICA_COUNT": "1",
            "RUN_LEASE_S": f"{LEASE_S:g}",
            "SLOT_LEASE_S": f"{LEASE_S:g}",
            "PROBE_INTERVAL_S": "0.5",
            "DRAIN_S": "1",
            # A busy machine is not an outage.
            "REDIS_TIMEOUT_S": "1.5",
            "DATABASE_WAIT_S": "20",
        }
        return {f"SWITCHYARD_{name}": value for name, value in named.items()}

    def _replica(self, tree: Tree) -> Part:
        port = self.layout.ports.of(REPLICA)
        own = {"SWITCHYARD_PORT": str(port), "SWITCHYARD_REPLICA": REPLICA}
        return self._part(tree, REPLICA, "app.main", own, "/readyz")

    def _worker(self, tree: Tree) -> Part:
        port = self.layout.ports.of(WORKER)
        own = {"SWITCHYARD_METRICS_PORT": str(port), "SWITCHYARD_REPLICA": WORKER}
        return self._part(tree, WORKER, "app.worker", own, "/metrics")

    def _part(self, tree: Tree, name: str, module: str, own: dict[str, str], path: str) -> Part:
        port = self.layout.ports.of(name)
        return Part(
            name=name,
            command=(sys.executable, "-m", module),
            environ=self._environ() | own,
            address=self.layout.ports.address(name),
            is_ready=lambda: http_ok(port, path),
            ready_within_s=READY_LIMIT_S,
            stop_within_s=STOP_LIMIT_S,
            port_names=(name,),
            folder=tree.folder,
        )


_IN_FOLDER = "import os, runpy, sys; os.chdir(sys.argv.pop(1)); runpy.run_module('app.cli', run_name='__main__')"


def _built(part: Callable[[Tree], Part], tree: Tree, layout: Layout) -> Part:
    del layout
    return part(tree)


def _node(name: str, arguments: tuple[str, ...], layout: Layout) -> Part:
    port = layout.ports.of(name)
    return Part(
        name=name,
        command=(sys.executable, "-m", "tests.fakes.node_process", "--port", str(port), "--slots", "4", *arguments),
        environ={},
        address=layout.ports.address(name),
        is_ready=lambda: http_ok(port, "/api/version"),
        port_names=(name,),
    )


@contextmanager
def open_world(directory: Path, environ: Mapping[str, str]) -> Generator[World]:
    """Start empty stores and two nodes, and stop everything with the block. Raises LocalProblem."""
    layout = Layout.open(directory, {k: v for k, v in environ.items() if not k.startswith("SWITCHYARD_")})
    speed = ("--tokens-per-s", f"{TOKENS_PER_S:g}", "--answer-tokens", str(ANSWER_TOKENS))
    stages = (
        (
            valkey.cache,
            valkey.coordination,
            qdrant.part_without_key,
            postgres.part,
            partial(_node, CHAT_NODE, ("--chat", CHAT, "--embed", "", "--quotes", *speed)),
            partial(_node, EMBED_NODE, ("--chat", "", "--embed", EMBED)),
        ),
    )
    with Stack(layout, stages) as stores:
        world = World(layout, stores)
        world.blobs.mkdir(exist_ok=True)
        (layout.directory / "nodes.toml").write_text(_nodes(layout), encoding="utf-8")
        try:
            yield world
        finally:
            world.stop()


def _nodes(layout: Layout) -> str:
    return NODES.format(
        chat=CHAT,
        embed=EMBED,
        chat_node=CHAT_NODE,
        embed_node=EMBED_NODE,
        chat_address=layout.ports.address(CHAT_NODE),
        embed_address=layout.ports.address(EMBED_NODE),
    )


def key_of(told: str) -> str:
    """Return the key that `keys add --json` told."""
    return str(json.loads(told)["key"])
