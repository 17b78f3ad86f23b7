"""The servers of an installation that is upgraded: its stores and nodes stay, its replica and worker change their code.

What an old commit is told are names that the first one knew already: an operator upgrades with the settings that are
there.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ops.drill.application import CHAT, EMBED, Application, Double, stores_of
from ops.drill.upgrade.tree import Tree
from ops.local.layout import Layout
from ops.local.parts import postgres, qdrant, valkey
from ops.local.parts.part import Part
from ops.local.stack import Stack

CHAT_NODE, EMBED_NODE = "node-chat", "node-embed"
REPLICA, WORKER = "replica-1", "worker-1"
TOKENS_PER_S, ANSWER_TOKENS = 40.0, 80
"""How fast the chat node speaks, and how long: about two seconds of text, to be cut in the middle."""
LEASE_S = 2.0
SPEED = ("--tokens-per-s", f"{TOKENS_PER_S:g}", "--answer-tokens", str(ANSWER_TOKENS))
DOUBLES = (Double(CHAT_NODE, (CHAT,), told=("--quotes", *SPEED)), Double(EMBED_NODE, (EMBED,)))


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
        return self._application.blobs

    def prepare(self) -> None:
        """Write down what the application reads before it starts."""
        self._application.prepare(*DOUBLES)

    def command(self, tree: Tree, *words: str) -> str:
        """Run `switchyard` of a tree; returns what it says. Raises DrillFailed."""
        return self._application.command(*words, folder=tree.folder)

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

    @property
    def _application(self) -> Application:
        return Application(self.layout, stores_of(self.layout), {"REPLICA_COUNT": "1", "RUN_LEASE_S": f"{LEASE_S:g}"})

    def _replica(self, tree: Tree) -> Part:
        return self._application.replica(REPLICA, folder=tree.folder)

    def _worker(self, tree: Tree) -> Part:
        return self._application.worker(WORKER, folder=tree.folder)


def _built(part: Callable[[Tree], Part], tree: Tree, layout: Layout) -> Part:
    del layout
    return part(tree)


@contextmanager
def open_world(directory: Path, environ: Mapping[str, str]) -> Generator[World]:
    """Start empty stores and two nodes, and stop everything with the block. Raises LocalProblem."""
    layout = Layout.open(directory, {k: v for k, v in environ.items() if not k.startswith("SWITCHYARD_")})
    stages = (
        (
            valkey.cache,
            valkey.coordination,
            qdrant.part_without_key,
            postgres.part,
            *(double.part for double in DOUBLES),
        ),
    )
    with Stack(layout, stages) as stores:
        world = World(layout, stores)
        world.prepare()
        try:
            yield world
        finally:
            world.stop()
