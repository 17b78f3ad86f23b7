"""A stack with few slots, two replicas and many tenants, and the ways to its nodes on which all of them ask."""

import json
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from ops.bench import parts
from ops.bench.client import Connections, Target
from ops.bench.crowd import Job
from ops.bench.world import World, make_key, started
from ops.local.layout import Layout
from ops.local.parts import migration
from ops.local.parts.part import Part
from ops.local.parts.probes import http_ok

MODEL = "crowd:1m"
NODES, SLOTS = ("crowd-a", "crowd-b"), 4
"""The nodes, and the slots of each."""
ALL_SLOTS = SLOTS * len(NODES)
TOKENS_PER_S = 40.0
MOST_TOKENS = 1024
REPLICAS = ("crowd-1", "crowd-2")
OLLAMAS_QUEUE = 512
"""Calls that a node of Ollama has waiting at most, unless it is told otherwise (envconfig, OLLAMA_MAX_QUEUE)."""
HEAVY, LIGHT = "heavy", tuple(f"light-{number}" for number in range(9))
TENANTS = (HEAVY, *LIGHT)
WAITING = "waiting"
"""A tenant whose clients did not leave yet, so that its calls are let wait."""
OURS, FIFO, GATEWAY = "ours", "the nodes alone, first come first served", "LiteLLM"


def node(layout: Layout, name: str) -> Part:
    """Return a scriptable node that answers with as many words as it is asked for, at one speed."""
    port = layout.ports.of(name)
    arguments = ["--port", str(port), "--slots", str(SLOTS), "--queue", str(OLLAMAS_QUEUE), "--obeys", "--control"]
    arguments += ["--tokens-per-s", str(TOKENS_PER_S), "--answer-tokens", str(MOST_TOKENS)]
    return Part(
        name=name,
        command=(sys.executable, "-m", "tests.fakes.node_process", *arguments, "--chat", MODEL, "--embed", parts.EMBED),
        environ={},
        address=layout.ports.address(name),
        is_ready=lambda: http_ok(port, "/api/version"),
        port_names=(name,),
    )


def replica(layout: Layout, name: str) -> Part:
    """Return one of the replicas."""
    return parts.replica_part(
        layout,
        name,
        "app.main",
        environ=parts.environ(layout, replicas=len(REPLICAS)),
        prepare=lambda: parts.write_catalogue(layout, catalogue(layout)),
    )


def catalogue(layout: Layout) -> str:
    """Return the text of `nodes.toml`."""
    models = [
        f'name = "{MODEL}"\ntiers = ["simple", "medium", "complex"]\nnum_ctx = [4096]',
        f'name = "{parts.EMBED}"\nkind = "embed"\nnum_ctx = [512]',
    ]
    nodes = [
        f'name = "{name}"\nurl = "http://{layout.ports.address(name)}"\nslots = {SLOTS}\nprice_usd_per_hour = 0.36\n'
        f"models = {json.dumps([MODEL, parts.EMBED])}"
        for name in NODES
    ]
    return "\n".join([*(f"[[models]]\n{one}\n" for one in models), *(f"[[nodes]]\n{one}\n" for one in nodes)])


@dataclass(frozen=True, slots=True)
class Crowd:
    """The running stack, and the key of each tenant."""

    world: World
    keys: Mapping[str, str]


@contextmanager
def open_crowd() -> Generator[Crowd]:
    """Start two replicas over two nodes, with a key of every tenant. Raises WorldBroken, LocalProblem."""
    first = (*parts.stores(), *(partial(node, name=name) for name in NODES))
    stages = (first, (migration.part,), tuple(partial(replica, name=name) for name in REPLICAS))
    with started(stages) as stack:
        keys = {name: make_key(stack.layout, name) for name in (*TENANTS, WAITING)}
        yield Crowd(World(stack, keys[HEAVY]), keys)


@dataclass(frozen=True, slots=True)
class Door:
    """A way to the nodes in OpenAI's dialect: one or more servers that are asked in turn.

    `keys` are those of the tenants; an empty one where nobody is asked for it. `trees` are the processes that it
    costs, by name.
    """

    name: str
    servers: tuple[Connections, ...]
    targets: tuple[Target, ...]
    model: str
    keys: Mapping[str, str]
    trees: Mapping[str, int]

    def body(self, job: Job) -> bytes:
        """Return what is asked: an answer of a length that the node alone makes something of."""
        message = {"role": "user", "content": f"Tell me of the harbour in {tokens_of(job)} words."}
        asked = {"model": self.model, "messages": [message], "max_tokens": MOST_TOKENS, "stream": True}
        return json.dumps(asked | {"temperature": 0.0}).encode()

    def close(self) -> None:
        """Close idle connections."""
        for server in self.servers:
            server.close()


def tokens_of(job: Job) -> int:
    """Return how long the answer is that takes the job's time."""
    return max(1, min(MOST_TOKENS, round(job.takes_s * TOKENS_PER_S)))


def door(name: str, urls: Sequence[str], keys: Mapping[str, str], trees: Mapping[str, int], model: str = MODEL) -> Door:
    """Return the way over servers at these addresses."""
    targets = tuple(Target.of(f"{url}/chat/completions") for url in urls)
    return Door(name, tuple(map(Connections, targets)), targets, model, keys, trees)


def ours(crowd: Crowd) -> Door:
    """Return the way over both replicas in turn."""
    trees = {name: crowd.world.pid(name) for name in (*REPLICAS, "valkey-coordination", "postgres")}
    return door(OURS, [f"{crowd.world.url(name)}/v1" for name in REPLICAS], crowd.keys, trees)


def alone(crowd: Crowd) -> Door:
    """Return the way to both nodes in turn, with nothing in between."""
    return door(FIFO, [f"{crowd.world.url(name)}/v1" for name in NODES], {}, {})
