"""Which peer is asked next, and when one is left alone."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from prometheus_client import CollectorRegistry

from app.causes import Cause, Finding
from app.errors import StoreUnavailable
from app.retrieval.peers import OPEN_AFTER_FAILURES, OPEN_FOR_S, PeerFailed, Peers, Rotation
from app.standing import Standing
from app.telemetry.metrics import Metrics

CLIENTS = ("a", "b", "c")


class Clock:
    """A clock that stands still unless moved."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def failing(rotation: Rotation, peer: int, times: int) -> None:
    """A peer fails some times in a row."""
    for _ in range(times):
        rotation.shares[peer].fail()


def picks(rotation: Rotation, count: int) -> Counter[int | None]:
    """How often each peer is picked."""
    return Counter(rotation.pick(()) for _ in range(count))


def asked_peers(clock: Clock, timeout_s: float = 1.0) -> tuple[Peers[str], Metrics]:
    """Three peers, named by their clients."""
    metrics = Metrics(CollectorRegistry())
    standings = [Standing(f"qdrant-{name}", name) for name in CLIENTS]
    return Peers(CLIENTS, standings=standings, metrics=metrics, timeout_s=timeout_s, clock=clock), metrics


def answering(*bad: str) -> tuple[Callable[[str], Awaitable[str]], list[str]]:
    """A request that fails at some peers, and who was asked."""
    asked: list[str] = []

    async def request(peer: str) -> str:
        asked.append(peer)
        if peer in bad:
            raise PeerFailed(Finding(Cause.BROKEN, f"{peer} is down"))
        return peer

    return request, asked


def test_healthy_peers_are_asked_in_turn() -> None:
    assert picks(Rotation(3, clock=Clock()), 30) == {0: 10, 1: 10, 2: 10}


def test_a_peer_that_was_tried_is_not_picked_again() -> None:
    rotation = Rotation(2, clock=Clock())
    first = rotation.pick(())
    assert first is not None
    assert rotation.pick({first}) == 1 - first
    assert rotation.pick({0, 1}) is None


def test_a_peer_that_failed_lately_is_asked_less() -> None:
    clock = Clock()
    rotation = Rotation(2, clock=clock)
    failing(rotation, 0, OPEN_AFTER_FAILURES - 1)
    counted = picks(rotation, 100)
    assert 0 < counted[0] < counted[1]


def test_enough_failures_in_a_row_open_the_breaker_for_a_while() -> None:
    clock = Clock()
    rotation = Rotation(2, clock=clock)
    failing(rotation, 0, OPEN_AFTER_FAILURES)
    assert picks(rotation, 20) == {1: 20}
    clock.now_s += OPEN_FOR_S
    assert picks(rotation, 100)[0] == 1  # half-open: one call, no second while it is under way


def test_an_answer_closes_the_breaker() -> None:
    clock = Clock()
    rotation = Rotation(2, clock=clock)
    failing(rotation, 0, OPEN_AFTER_FAILURES)
    rotation.shares[0].succeed()
    assert picks(rotation, 100)[0] > 20
    failing(rotation, 0, OPEN_AFTER_FAILURES - 1)
    assert picks(rotation, 100)[0] > 0


async def test_a_failed_peer_is_followed_by_another_one() -> None:
    peers, metrics = asked_peers(Clock())
    request, asked = answering("a", "b")
    with pytest.raises(StoreUnavailable, match="is down") as refused:
        await peers.ask("count", request)
    assert len(set(asked)) == 2
    assert refused.value.facts == {"store": "qdrant", "operation": "count", "reason": "broken"}
    assert await peers.ask("count", request) == "c"
    name = "switchyard_qdrant_request_seconds_count"
    assert metrics.registry.get_sample_value(name, {"operation": "count"}) == len(asked)


@pytest.mark.requirement("FIN-75.measured")
async def test_the_seconds_of_a_request_are_observed_by_its_operation_whether_it_is_answered_or_not() -> None:
    clock = Clock()
    peers, metrics = asked_peers(clock)

    async def answered(peer: str) -> str:
        clock.now_s += 0.25
        return peer

    async def unanswered(peer: str) -> str:
        clock.now_s += 2.0
        raise PeerFailed(Finding(Cause.NO_ANSWER, f"{peer} does not answer"))

    await peers.ask("query", answered)
    with pytest.raises(StoreUnavailable):
        await peers.ask("count", unanswered)
    name = "switchyard_qdrant_request_seconds_sum"
    assert metrics.registry.get_sample_value(name, {"operation": "query"}) == 0.25
    assert metrics.registry.get_sample_value(name, {"operation": "count"}) == 2 * 2.0


async def test_a_peer_that_takes_too_long_is_followed_by_another_one() -> None:
    peers, _ = asked_peers(Clock(), timeout_s=0.01)
    asked: list[str] = []

    async def request(peer: str) -> str:
        asked.append(peer)
        if len(asked) == 1:
            await asyncio.Event().wait()
        return peer

    assert await peers.ask("count", request) == asked[1]


async def test_a_peer_that_keeps_taking_too_long_is_left_alone() -> None:
    peers, _ = asked_peers(Clock(), timeout_s=0.001)
    asked: list[str] = []

    async def request(peer: str) -> str:
        asked.append(peer)
        if peer == "a":
            await asyncio.Event().wait()
        return peer

    for _ in range(60):
        await peers.ask("count", request)
    assert asked.count("a") == OPEN_AFTER_FAILURES


async def test_what_every_peer_would_refuse_is_asked_once() -> None:
    peers, _ = asked_peers(Clock())
    asked: list[str] = []

    async def request(peer: str) -> str:
        asked.append(peer)
        raise StoreUnavailable("refused", store="qdrant", status=401)

    with pytest.raises(StoreUnavailable, match="refused"):
        await peers.ask("count", request)
    assert len(asked) == 1


async def test_with_every_breaker_open_nobody_is_asked_until_the_time_is_over() -> None:
    clock = Clock()
    peers, _ = asked_peers(clock)
    request, asked = answering("a", "b", "c")
    for _ in range(5):
        with pytest.raises(StoreUnavailable):
            await peers.ask("count", request)
    assert len(asked) == 3 * OPEN_AFTER_FAILURES
    with pytest.raises(StoreUnavailable, match="is down"):
        await peers.ask("count", request)
    assert len(asked) == 3 * OPEN_AFTER_FAILURES
    clock.now_s += OPEN_FOR_S
    healthy, _ = answering()
    assert await peers.ask("count", healthy) in {"a", "b", "c"}
