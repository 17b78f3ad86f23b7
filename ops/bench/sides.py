"""What is measured side by side: each path to the fake node, as JSON and as a stream."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from ops.bench import checks, parts
from ops.bench.client import Connections, Target
from ops.bench.load import Ask
from ops.bench.plan import Peer
from ops.bench.world import World

SIMPLE = "When may I return a lamp?"
"""Rated `simple`: the agent's answer comes from the model `fast`."""

COMPLEX = "Compare the two plans for a team of 12 over three years and explain which is cheaper and why."
"""Rated `complex`: the agent's answer comes from the model `paced`."""

DIRECT, NGINX, PASS, DIALECT, AGENT = "direct", "nginx", "pass-through", "openai", "agent"
NODE_TOKEN = b'"content":"' + parts.TEXT[:1].encode()
_STORES = {"postgres": "postgres", "valkey": "valkey-coordination"}
OWN = "own"
"""The processes of the path itself; other names in `trees` are stores that it uses."""


class Mode(StrEnum):
    """How the answer comes: whole, from a node that sends all tokens at once, or token by token, one a millisecond."""

    JSON = "json"
    STREAM = "stream"


@dataclass(frozen=True, slots=True)
class Side:
    """One path. `trees` are the processes whose CPU time it costs, by name, each with all that it started.

    A failure of a path that is a peer's ends its rows; one of any other ends the measurement.
    """

    name: str
    asks: Mapping[Mode, Ask]
    trees: Mapping[str, int]
    is_peer: bool = False

    def close(self) -> None:
        """Close its idle connections."""
        for ask in self.asks.values():
            ask.connections.close()


def direct(world: World) -> Side:
    """The node itself, asked as a replica asks it; its CPU time is nobody's overhead."""
    return Side(DIRECT, _node_asks(world.url(parts.NODE), whole=""), {})


def nginx(world: World) -> Side:
    """Nothing but nginx in front of the node."""
    return Side(NGINX, _node_asks(world.url(parts.NGINX), whole="/whole"), {OWN: world.pid(parts.NGINX)})


def pass_through(world: World) -> Side:
    """One replica process that authenticates, routes, leases, settles, counts and logs, and runs nothing."""
    url, headers = f"{world.url(parts.PASS)}/chat", {"authorization": f"Bearer {world.key}"}
    asks = {
        Mode.JSON: _ask(url, headers, _call(parts.FAST, SIMPLE, stream=False), b'"text":"', checks.passed),
        Mode.STREAM: _ask(url, headers, _call(parts.PACED, COMPLEX, stream=True), b'"delta":"', checks.passed_stream),
    }
    return Side(PASS, asks, {OWN: world.pid(parts.PASS), "valkey": world.pid("valkey-coordination")})


def dialect(world: World) -> Side:
    """One replica as it is deployed, asked as OpenAI's clients ask: a model by its name, POST /v1/chat/completions."""
    url, headers = f"{world.url(parts.REPLICA)}/v1/chat/completions", {"authorization": f"Bearer {world.key}"}
    trees = {name: world.pid(part) for name, part in _STORES.items()}
    return Side(DIALECT, _completions(url, headers, as_it_is), {OWN: world.pid(parts.REPLICA), **trees})


def agent(world: World) -> Side:
    """One replica: a new session and run, embedding, search, prompt, call, event log, end in one transaction."""
    url, headers = f"{world.url(parts.REPLICA)}/api/v1/chat", {"authorization": f"Bearer {world.key}"}
    json, stream = {"message": SIMPLE}, {"message": COMPLEX, "stream": True}
    asks = {
        Mode.JSON: _ask(url, headers, json, b'"message":"', checks.answered),
        Mode.STREAM: _ask(url, headers, stream, b"event: delta", checks.answered_stream),
    }
    trees = {
        OWN: world.pid(parts.REPLICA),
        "postgres": world.pid("postgres"),
        "valkey": world.pid("valkey-coordination"),
        "vector store": world.pid("qdrant"),
    }
    return Side(AGENT, asks, trees)


def as_it_is(model: str) -> str:
    """Return a model's name unchanged: what a peer calls it, unless it is told otherwise."""
    return model


def peer(given: Peer, key: str, pid: int | None, name_of: Callable[[str], str] = as_it_is) -> Side:
    """A server that speaks the OpenAI dialect; without its process only its speed is measured."""
    url, headers = f"{given.url}/chat/completions", {"authorization": f"Bearer {key}"} if key else {}
    return Side(given.name, _completions(url, headers, name_of), {} if pid is None else {OWN: pid}, is_peer=True)


def _completions(url: str, headers: dict[str, str], name_of: Callable[[str], str]) -> dict[Mode, Ask]:
    """Return what is asked in the OpenAI dialect."""
    whole = _completion(name_of(parts.FAST), SIMPLE, stream=False)
    stream = _completion(name_of(parts.PACED), COMPLEX, stream=True)
    first = b'"content":"' + parts.TEXT[:1].encode()
    return {
        Mode.JSON: _ask(url, headers, whole, first, checks.completed),
        Mode.STREAM: _ask(url, headers, stream, first, checks.completed_stream),
    }


def _node_asks(url: str, *, whole: str) -> dict[Mode, Ask]:
    """Return what a replica asks of a node; Ollama streams to it in both modes."""
    return {
        Mode.JSON: _ask(
            f"{url}{whole}/api/chat", {}, _node_body(parts.FAST, SIMPLE), NODE_TOKEN, checks.node_lines
        ),
        Mode.STREAM: _ask(f"{url}/api/chat", {}, _node_body(parts.PACED, COMPLEX), NODE_TOKEN, checks.node_lines),
    }  # fmt: skip


def _ask(url: str, headers: dict[str, str], body: object, marker: bytes, check: checks.Check) -> Ask:
    target = Target.of(url)
    return Ask(Connections(target), target.post(msgspec.json.encode(body), headers, marker), check)


def _node_body(model: str, question: str) -> dict[str, object]:
    options = {"num_ctx": 4096, "num_predict": 64, "temperature": 0.0}
    return {
        "model": model, "messages": [{"role": "user", "content": question}], "options": options, "stream": True,
        "truncate": False, "shift": False, "keep_alive": "30m",
    }  # fmt: skip


def _call(model: str, question: str, *, stream: bool) -> dict[str, object]:
    return {"model": model, "messages": [{"role": "user", "content": question}], "stream": stream}


def _completion(model: str, question: str, *, stream: bool) -> dict[str, object]:
    return _call(model, question, stream=stream) | {"max_tokens": 64, "temperature": 0.0}
