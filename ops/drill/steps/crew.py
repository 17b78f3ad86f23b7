"""Replicas, workers and a node as processes over given stores, to be killed, frozen and woken one by one."""

import asyncio
import re
import signal
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import httpx
from prometheus_client import CollectorRegistry
from redis import Redis

from app.accounts.keys import Keys
from app.accounts.tenants import Tenants
from app.agents.insurance.seed_rows import seed
from app.agents.scheduler.seed import seed as seed_scheduler
from app.inference.calls.embedding_cache import VECTORS
from app.postgres import Database, make_pool
from app.telemetry.metrics import Metrics
from ops.drill.application import CHAT, EMBED, Application, Double, Stores
from ops.drill.steps.scenarios import SCRIPTS
from ops.drill.target import DrillFailed
from ops.local.layout import Layout
from ops.local.parts.part import Part
from ops.local.process import poll_until
from ops.local.stack import Stack
from ops.local.supervised import PartState

NODE = "node"
TENANT, CUSTOMERS = "drilled", 5
LEASE_S, DRAIN_S = 1.5, 1.0
TOKENS_PER_S, ANSWER_TOKENS = 60.0, 30
"""How fast the node speaks, and how long: half a second of text, so that a moment in it can be met."""
BACK_S = 240.0
SETTLE_S = 20.0
LIMIT_S = 10.0
ACTIVE = re.compile(r"^active_queries (\S+)$", re.MULTILINE)
ERROR = re.compile(r'"level":"(?:error|critical)"|Traceback')
DOUBLE = Double(
    NODE,
    (CHAT, EMBED),
    slots=4,
    told=("--control", "--quotes", "--tokens-per-s", f"{TOKENS_PER_S:g}", "--answer-tokens", str(ANSWER_TOKENS)),
)
TOLD = {
    "RUN_LEASE_S": f"{LEASE_S:g}",
    "SLOT_LEASE_S": f"{LEASE_S:g}",
    "REDIS_TIMEOUT_S": "1.0",
}


class Crew:
    """The running processes. To be used from the thread that started them: their programs end with it."""

    def __init__(
        self, application: Application, stack: Stack, key: str, replicas: Sequence[str], workers: Sequence[str]
    ) -> None:
        self.application = application
        self.replicas, self.workers = tuple(replicas), tuple(workers)
        self.key = key
        self._stack = stack
        self._away: set[str] = set()

    @property
    def all(self) -> tuple[str, ...]:
        """The names of all replicas and workers."""
        return (*self.replicas, *self.workers)

    def url(self, name: str) -> str:
        """Return a process's address."""
        return f"http://{self.application.layout.ports.address(name)}"

    def name_of(self, door: str) -> str:
        """Return the replica that listens there."""
        return next((name for name in self.replicas if self.url(name) == door), "")

    def is_away(self, name: str) -> bool:
        """Whether a process is ended or frozen."""
        return name in self._away

    def log(self, name: str) -> Path:
        """Return a process's log file."""
        return self.application.layout.log(name)

    def doors(self) -> list[str]:
        """Return the addresses of the replicas that a client may be sent to; for any thread."""
        return [self.url(name) for name in self._able(self.replicas)]

    def tick(self) -> None:
        """Take note of who is back."""
        for name in self.all:
            if name not in self._away:
                self._stack.get(name).look()

    def await_able(self) -> None:
        """Wait until one replica may be struck and another answer, and a worker can take over. Raises DrillFailed."""

        def is_able() -> bool:
            self.tick()
            return len(self._able(self.replicas)) > 1 and bool(self._able(self.workers))

        if not poll_until(is_able, BACK_S):
            raise DrillFailed(f"after {BACK_S:g} s only {self._able(self.all)} can work")

    def await_any_worker(self) -> None:
        """Wait until a worker can work. Raises DrillFailed."""

        def is_able() -> bool:
            self.tick()
            return bool(self._able(self.workers))

        if not poll_until(is_able, BACK_S):
            raise DrillFailed(f"after {BACK_S:g} s no worker can work")

    def await_all(self) -> None:
        """Wait until every process can work. Raises DrillFailed."""

        def are_able() -> bool:
            self.tick()
            return self._able(self.all) == list(self.all)

        if not poll_until(are_able, BACK_S):
            raise DrillFailed(f"after {BACK_S:g} s only {self._able(self.all)} can work")

    def forget_vectors(self) -> None:
        """Empty the cache of vectors, so that a question that was asked before is embedded again."""
        with Redis.from_url(self.application.stores.cache_url, socket_timeout=LIMIT_S) as cache:
            for key in cast("Iterator[bytes]", cache.scan_iter(f"{VECTORS}*")):
                cache.unlink(key)

    def kill(self, name: str) -> None:
        """End a process as a power cut would. `revive` starts it again."""
        self._away.add(name)
        self._stack.kill(name)

    def revive(self, name: str) -> None:
        """Start a process that was ended; `await_back` waits until it can work."""
        self._away.discard(name)
        self._stack.get(name).begin()

    def freeze(self, name: str) -> None:
        """Stop a process where it is: it runs no instruction until `wake`."""
        self._away.add(name)
        self._send(name, signal.SIGSTOP)

    def wake(self, name: str) -> None:
        """Have a frozen process go on."""
        self._send(name, signal.SIGCONT)
        self._away.discard(name)

    def wake_all(self) -> None:
        """Have whoever is frozen go on."""
        for name in sorted(self._away):
            self.wake(name)

    def ask_to_stop(self, name: str) -> None:
        """Tell a process to end, as a deployment does."""
        self._away.add(name)
        self._send(name, signal.SIGTERM)

    def await_exit(self, name: str, since: float, limit_s: float) -> tuple[float, int | None]:
        """Wait for the end of a process; return the seconds since then, and its status. Raises DrillFailed."""
        child = self._stack.get(name).child
        if child is None or not child.wait(since + limit_s - time.monotonic()):
            raise DrillFailed(f"{name} did not end within {limit_s:g} s")
        return time.monotonic() - since, child.status()

    def errors(self) -> list[str]:
        """Return the lines of all processes' logs that tell of an error."""
        found = [(name, line) for name in self.all for line in self.log(name).read_text(errors="replace").splitlines()]
        return [f"{name}: {line}" for name, line in found if ERROR.search(line)]

    def tells(self, name: str, *words: str) -> bool:
        """Whether a line of a process's log holds all these words."""
        lines = self.log(name).read_text(errors="replace").splitlines()
        return any(all(word in line for word in words) for line in lines)

    def await_idle(self) -> None:
        """Wait until no process works on a run. Raises DrillFailed."""
        for name in self._able(self.all):
            if not poll_until(partial(self._is_idle, name), SETTLE_S, 0.1):
                raise DrillFailed(f"{name} works on a run still, {SETTLE_S:g} s after all have ended")

    def tell_node(self, *scripts: Mapping[str, object]) -> int:
        """Have the node do this, and beside it what the scenarios need; return how many scripts it has."""
        return self._control("?only=1", [*scripts, *SCRIPTS])

    def scripts(self) -> int:
        """Return how many scripts the node has left."""
        return self._control("", [])

    def calls(self, after: int = 0) -> list[dict[str, Any]]:
        """Return the calls that the node was asked, after so many."""
        where = f"{self.url(NODE)}/control/calls?after={after}"
        with _client() as client:
            return list(client.get(where).raise_for_status().json())

    def view(self, run_id: str) -> dict[str, Any]:
        """Return a run as the API shows it."""
        with _client() as client:
            found = client.get(f"{self.doors()[0]}/api/v1/runs/{run_id}", headers={"x-api-key": self.key})
        return dict(found.raise_for_status().json())

    def _control(self, how: str, scripts: Sequence[Mapping[str, object]]) -> int:
        with _client() as client:
            told = client.post(f"{self.url(NODE)}/control{how}", json=list(scripts))
        return int(told.raise_for_status().json()["scripts"])

    def _able(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if name not in self._away and self._stack.get(name).state is PartState.READY]

    def _send(self, name: str, number: signal.Signals) -> None:
        child = self._stack.get(name).child
        if child is None:
            raise DrillFailed(f"{name} does not run")
        child.send(number)

    def _is_idle(self, name: str) -> bool:
        with _client() as client:
            found = ACTIVE.search(client.get(f"{self.url(name)}/metrics").text)
        return found is None or float(found.group(1)) == 0


def _client() -> httpx.Client:
    return httpx.Client(timeout=LIMIT_S, trust_env=False)


def _built(part: Part, layout: Layout) -> Part:
    del layout
    return part


async def _add_tenant(database_url: str) -> str:
    """Add a tenant with insurance rows; return its key. In this process: each command of the application is a start."""
    async with make_pool(database_url, size=1, wait_s=LIMIT_S) as pool:
        database = Database(pool, Metrics(CollectorRegistry()))
        tenant = await Tenants(database).add(TENANT)
        await seed(database, tenant.id, CUSTOMERS)
        await seed_scheduler(database, tenant.id)
        return (await Keys(database).add(tenant.id, "drill")).key


@contextmanager
def open_crew(
    directory: Path,
    environ: Mapping[str, str],
    stores: Stores,
    *,
    replicas: int,
    workers: int,
    told: Mapping[str, str] = MappingProxyType({}),
    double: Double = DOUBLE,
) -> Generator[Crew]:
    """Start everything over migrated stores, with a tenant that has a key and insurance rows; stop it with the block.

    `told` are more settings. Raises LocalProblem, DrillFailed.
    """
    layout = Layout.open(directory, {k: v for k, v in environ.items() if not k.startswith("SWITCHYARD_")})
    application = Application(layout, stores, TOLD | {"REPLICA_COUNT": str(replicas)} | dict(told))
    application.prepare(double)
    some = [f"replica-{number}" for number in range(1, replicas + 1)]
    others = [f"worker-{number}" for number in range(1, workers + 1)]
    parts = [partial(_built, application.replica(name)) for name in some]
    parts += [partial(_built, application.worker(name)) for name in others]
    with Stack(layout, ((double.part,), parts)) as stack:
        crew = Crew(application, stack, asyncio.run(_add_tenant(stores.database_url)), some, others)
        crew.tell_node()
        try:
            yield crew
        finally:
            crew.wake_all()
