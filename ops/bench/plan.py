"""How much is measured, and the command line that says so."""

import argparse
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from ops.bench.parts import FAST

LEAST_ROUNDS = 5
"""Fewer do not make a median worth the name."""

PEER_KEY = "SWITCHYARD_BENCH_PEER_KEY"
EVIDENCE = Path("docs/evidence/bench.md")
LITELLM = ("litellm", "litellm-openai")
"""The peers under these names are what several goals are stated in: the better one counts."""
INSTALLED = ("litellm",)
"""Peers that the bench can install, start and end itself."""
PEER_LOST = 3
"""The exit status when only a peer could not be measured."""
RESERVED = frozenset({"direct", "nginx", "pass-through", "openai", "agent"})

EPILOG = f"""
Every row runs against the same fake node, in turn with the others, round by round. --with litellm installs LiteLLM's
proxy into .local/peers, starts it and ends it. Any other server on this machine that speaks the OpenAI dialect can be
a peer; you start it and point it at the fake node, whose port --node-port fixes:

    python -m ops.bench --peer litellm=http://127.0.0.1:4000/v1 --node-port 18434

where the peer knows a model named {FAST!r} that is Ollama's model {FAST!r} at http://127.0.0.1:18434. It must answer
once the node runs; start it before. Its api key, if it wants one, is read from {PEER_KEY}.
"""


class Sizes(StrEnum):
    """How much of what has a size of its own is done."""

    FULL = "full"
    QUICK = "quick"
    SMOKE = "smoke"


class Row(StrEnum):
    """What is measured, a part that can be had alone; in the order in which it is done."""

    PATHS = "paths"
    """One call after another on every way to the node: CPU, latency, first token, closed and open loops."""
    DURABLE = "durable"
    """What a durable run costs, beside LangGraph's own saver."""
    RATING = "rating"
    """What the rating of a question costs."""
    ROUTING = "routing"
    """The placement on seeded traces, in simulated time."""
    TURNS = "turns"
    """Who gets the slots when there are too few, in simulated time."""
    OVERLOAD = "overload"
    """The same live, over two replicas, and what a refusal costs."""
    INGEST = "ingest"
    """Reading documents in, beside the embedder alone; a long PDF; memory."""
    SHARDS = "shards"
    """Retrieval over three shards beside one; a peer that is away."""


class ArgumentWrong(Exception):
    """The command line asks for what cannot be measured; the message says what."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that the user runs: its name in the tables and its address up to `/v1`."""

    name: str
    url: str

    @property
    def port(self) -> int:
        """Where it listens."""
        return urlsplit(self.url).port or 80


@dataclass(frozen=True, slots=True)
class Plan:
    """Durations in seconds. Every row has `rounds` rounds."""

    rounds: int
    point_s: float
    concurrencies: tuple[int, ...]
    open_rate_per_s: float
    open_s: float
    durable_runs: int
    seed: int
    peers: tuple[Peer, ...] = ()
    installed: tuple[str, ...] = ()
    node_port: int | None = None
    out: Path | None = None
    rows: tuple[Row, ...] = tuple(Row)
    sizes: Sizes = Sizes.FULL

    @property
    def is_whole(self) -> bool:
        """Whether it measures all there is."""
        return self.rows == tuple(Row)


FULL = Plan(
    rounds=LEAST_ROUNDS, point_s=0.65, concurrencies=(1, 16, 64), open_rate_per_s=40.0, open_s=1.0, durable_runs=64,
    seed=1, out=EVIDENCE,
)  # fmt: skip
QUICK = Plan(
    rounds=LEAST_ROUNDS, point_s=0.25, concurrencies=(16,), open_rate_per_s=40.0, open_s=0.25, durable_runs=24, seed=1,
    sizes=Sizes.QUICK,
)  # fmt: skip
SMOKE = Plan(
    rounds=1, point_s=0.05, concurrencies=(2,), open_rate_per_s=40.0, open_s=0.1, durable_runs=2, seed=1,
    sizes=Sizes.SMOKE,
)  # fmt: skip
"""Everything once and briefly: whether it works, not what it costs."""


def read_plan(arguments: Sequence[str]) -> Plan:
    """Return what the command line asks for. Raises ArgumentWrong; SystemExit for what argparse itself refuses."""
    given = build_parser().parse_args(arguments)
    plan = SMOKE if given.smoke else QUICK if given.quick else FULL
    rounds = plan.rounds if given.rounds is None else given.rounds
    if given.rounds is not None and rounds < LEAST_ROUNDS:
        raise ArgumentWrong(f"--rounds must be at least {LEAST_ROUNDS}")
    if given.node_port is not None and not 1024 <= given.node_port <= 65535:
        raise ArgumentWrong("--node-port must be between 1024 and 65535")
    peers = tuple(read_peer(text) for text in given.peer)
    installed = tuple(dict.fromkeys(given.installed))
    names = {peer.name for peer in peers}
    if len(names) < len(peers) or (installed and names & {*LITELLM}):
        raise ArgumentWrong("two peers have the same name")
    rows = tuple(row for row in Row if row in given.rows) or tuple(Row)
    return replace(
        plan,
        rounds=rounds,
        seed=given.seed,
        peers=peers,
        installed=installed,
        node_port=given.node_port,
        # A page of some rows would be read as one of all.
        out=given.out or (plan.out if rows == tuple(Row) else None),
        rows=rows,
    )


def read_peer(text: str) -> Peer:
    """Read `NAME=URL`. Raises ArgumentWrong for anything but a loopback address: other machines are not measured."""
    name, _, url = text.partition("=")
    if re.fullmatch(r"[a-z][a-z0-9-]{0,20}", name) is None or name in RESERVED:
        raise ArgumentWrong(f"--peer {text}: the name must be a plain word that no row of ours has")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ArgumentWrong(f"--peer {text}: {error}") from error
    if parts.scheme != "http" or port is None or not _is_loopback(parts.hostname or ""):
        raise ArgumentWrong(f"--peer {text}: the address must be http://127.0.0.1:PORT/v1 or another loopback one")
    return Peer(name, url.rstrip("/"))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def build_parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    parser = argparse.ArgumentParser(
        prog="python -m ops.bench",
        description="Measure the platform beside nginx and LangGraph's own saver, in one run.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--quick", action="store_true", help="about a minute; prints, and writes only with --out")
    length.add_argument("--smoke", action="store_true", help="everything once and briefly: does it work at all?")
    parser.add_argument(
        "--row", action="append", default=[], choices=[row.value for row in Row], dest="rows", help="only this; prints"
    )
    parser.add_argument("--rounds", type=int, help=f"rounds a row, at least {LEAST_ROUNDS}")
    parser.add_argument("--seed", type=int, default=1, help="of the order of rows and the open loop's arrivals")
    parser.add_argument(
        "--with", action="append", default=[], choices=INSTALLED, dest="installed", help="install and bench this peer"
    )
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=URL", help="bench this server too")
    parser.add_argument("--node-port", type=int, help="the fake node's port, for peers to know")
    parser.add_argument("--out", type=Path, help=f"where the report goes (default {EVIDENCE}; with --quick nowhere)")
    return parser
