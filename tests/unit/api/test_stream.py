"""Answers as server-sent events."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
import pytest

from app.agents.events import Delta, EventKind, RunEvent
from app.api import sse
from app.api.shapes import ChatResponse
from app.api.sse import EventStream, write_event
from app.errors import NodeFailed, NoNodeAvailable, StoreUnavailable
from app.inference.words.ends import FinishReason
from tests.fakes.asgi import JSON, LIMIT_S, Client
from tests.fakes.platform import FakePlatform
from tests.fakes.runner import failed

CHAT = "/api/v1/chat"
ASK = msgspec.json.encode({"message": "hello", "stream": True})


async def test_a_stream_tells_queued_deltas_and_done_with_the_whole_answer(client: Client) -> None:
    reply = await client.send("POST", CHAT, body=ASK, headers=[JSON])
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reply.headers["x-accel-buffering"] == "no"
    assert reply.headers["x-route-node"] == "a"
    assert "x-cost-usd" not in reply.headers
    assert reply.body.startswith(b"retry: 1000\n\n")
    events = reply.events()
    assert [kind for _, kind, _ in events] == ["queued", "delta", "delta", "done"]
    text = "".join(body["text"] for _, kind, body in events if kind == "delta")
    answer = msgspec.convert(events[-1][2], ChatResponse)
    assert text == answer.message == "Returns are free for 30 days."
    assert answer.metadata.routes[0].reason == "warm_and_free"
    assert answer.metadata.cost_usd == 0.000025
    run_id = events[0][2]["run_id"]
    assert [event_id for event_id, _, _ in events] == [f"{run_id}:1000:{n}" for n in (0, 12, 29, 29)]


async def test_the_end_of_a_stream_says_how_the_answer_ended(client: Client, platform: FakePlatform) -> None:
    platform.runner.ending = lambda result: msgspec.structs.replace(
        result, finish_reason=FinishReason.LENGTH, conversation_complete=False, thinking="30, or 60?"
    )
    _, kind, body = (await client.send("POST", CHAT, body=ASK, headers=[JSON])).events()[-1]
    assert (kind, body["finish_reason"], body["conversation_complete"]) == ("done", "length", False)
    assert body["thinking"] == "30, or 60?"


async def test_no_character_of_an_answer_ends_a_line_of_the_stream(client: Client, platform: FakePlatform) -> None:
    platform.runner.pieces = ("a\u2028b\u2029", "c\x85d\v\f\x1c\x1e\r\ne")
    reply = await client.send("POST", CHAT, body=ASK, headers=[JSON])
    assert {line.partition(":")[0] for line in reply.body.decode().splitlines() if line} == {
        "retry",
        "id",
        "event",
        "data",
    }
    deltas = [body["text"] for _, kind, body in reply.events() if kind == "delta"]
    assert "".join(deltas) == reply.events()[-1][2]["message"] == "".join(platform.runner.pieces)


async def test_a_stream_may_be_refused_before_its_first_byte(client: Client, platform: FakePlatform) -> None:
    platform.runner.refusal = NoNodeAvailable("no node")
    reply = await client.send("POST", CHAT, body=ASK, headers=[JSON])
    assert reply.status == 503
    assert reply.headers["content-type"] == "application/problem+json"


async def test_a_run_that_fails_in_a_stream_ends_it_with_a_problem(client: Client, platform: FakePlatform) -> None:
    platform.runner.ending = lambda result: failed(result, NodeFailed("the node broke off", node="a"))
    reply = await client.send("POST", CHAT, body=ASK, headers=[JSON])
    _, kind, body = reply.events()[-1]
    assert reply.status == 200
    assert kind == "error"
    assert (body["status"], body["code"], body["node"], body["retryable"]) == (503, "node_failed", "a", True)
    assert body["request_id"] == reply.headers["x-request-id"]
    assert body["run_id"] in {str(run_id) for run_id in platform.runner.runs}
    assert reply.ended


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StoreUnavailable("PostgreSQL does not answer", store="postgres"), "store_unavailable"),
        (KeyError("x"), "internal"),
    ],
)
async def test_a_stream_that_breaks_inside_ends_with_an_error_event(
    client: Client, platform: FakePlatform, error: Exception, code: str
) -> None:
    platform.runner.breaks = error
    reply = await client.send("POST", CHAT, body=ASK, headers=[JSON])
    assert (reply.events()[-1][1], reply.events()[-1][2]["code"]) == ("error", code)
    assert reply.ended
    assert platform.runner.gone == []


async def test_a_reader_that_leaves_ends_the_reading_and_tells_the_runner(
    client: Client, platform: FakePlatform
) -> None:
    platform.runner.holds = True
    async with client.open("POST", CHAT, chunks=[ASK], headers=[JSON]) as (reply, gone, task):
        await reply.until(b"30 days")
        assert platform.runner.open_streams == 1
        gone.set()
        async with asyncio.timeout(LIMIT_S):
            await task
    assert platform.runner.gone == list(platform.runner.runs)
    assert platform.runner.open_streams == 0
    assert not reply.ended


async def test_a_reader_that_stays_to_the_end_has_not_left(client: Client, platform: FakePlatform) -> None:
    await client.send("POST", CHAT, body=ASK, headers=[JSON])
    assert platform.runner.gone == []


async def test_a_replica_that_stops_does_not_say_that_the_client_left(client: Client, platform: FakePlatform) -> None:
    platform.runner.holds = True
    async with client.open("POST", CHAT, chunks=[ASK], headers=[JSON]) as (reply, _, task):
        await reply.until(b"30 days")
        task.cancel()
        async with asyncio.timeout(LIMIT_S):
            await asyncio.wait({task})
        assert task.cancelled()
        assert platform.runner.gone == []
        assert platform.runner.open_streams == 0


class Pipe:
    """The two ends of an ASGI connection whose client only reads."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.beats = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        """Never say anything."""
        await asyncio.Event().wait()
        return {}

    async def send(self, message: dict[str, Any]) -> None:
        """Take a message."""
        self.sent.append(message)
        if b"alive" in message.get("body", b""):
            self.beats.set()


async def test_an_idle_stream_sends_comments() -> None:
    pipe = Pipe()

    async def events() -> AsyncGenerator[RunEvent]:
        await pipe.beats.wait()
        yield RunEvent("r:1:2", EventKind.DELTA, Delta("ok"))

    stream = EventStream(events(), write=write_event, request_id="r", headers={}, heartbeat_s=0.001)
    async with asyncio.timeout(LIMIT_S):
        await stream({}, pipe.receive, pipe.send)  # pyright: ignore[reportArgumentType]
    bodies = [message.get("body", b"") for message in pipe.sent]
    assert b": alive\n\n" in bodies
    assert bodies[-2].startswith(b"id: r:1:2\nevent: delta\n")
    assert pipe.sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


class Clock:
    """A clock that is set by hand, and counts how often it is asked."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.asked = 0

    def __call__(self) -> float:
        self.asked += 1
        return self.now_s


async def test_a_busy_stream_sends_none() -> None:
    pipe, clock, heartbeat_s = Pipe(), Clock(), 0.001

    async def events() -> AsyncGenerator[RunEvent]:
        for number in range(5):
            clock.now_s += heartbeat_s
            yield RunEvent(f"r:1:{number}", EventKind.DELTA, Delta("ok"))
            asked = clock.asked
            while clock.asked == asked:  # noqa: ASYNC110 - who beats must have looked at the clock
                await asyncio.sleep(0)

    stream = EventStream(events(), write=write_event, request_id="r", headers={}, heartbeat_s=heartbeat_s, clock=clock)
    async with asyncio.timeout(LIMIT_S):
        await stream({}, pipe.receive, pipe.send)  # pyright: ignore[reportArgumentType]
    bodies = [message.get("body", b"") for message in pipe.sent]
    assert sum(b"event: delta" in body for body in bodies) == 5
    assert not any(b"alive" in body for body in bodies)


@pytest.mark.parametrize("first", [b"delta", b"retry"])
async def test_a_reader_that_takes_nothing_counts_as_gone(monkeypatch: pytest.MonkeyPatch, first: bytes) -> None:
    monkeypatch.setattr(sse, "SEND_LIMIT_S", 0.01)
    left: list[str] = []
    pipe = Pipe()

    async def send(message: dict[str, Any]) -> None:
        pipe.sent.append(message)
        if first in message.get("body", b""):
            await asyncio.Event().wait()

    async def events() -> AsyncGenerator[RunEvent]:
        yield RunEvent("r:1:2", EventKind.DELTA, Delta("ok"))

    stream = EventStream(events(), write=write_event, request_id="r", headers={}, on_left=lambda: left.append("r"))
    async with asyncio.timeout(LIMIT_S):
        await stream({}, pipe.receive, send)  # pyright: ignore[reportArgumentType]
    assert left == ["r"]


async def test_a_reader_that_does_not_take_the_error_either_is_no_failure_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sse, "SEND_LIMIT_S", 0.01)
    pipe = Pipe()

    async def send(message: dict[str, Any]) -> None:
        pipe.sent.append(message)
        if b"error" in message.get("body", b""):
            await asyncio.Event().wait()

    async def events() -> AsyncGenerator[RunEvent]:
        yield RunEvent("r:1:2", EventKind.DELTA, Delta("ok"))
        raise StoreUnavailable("away", store="redis")

    stream = EventStream(events(), write=write_event, request_id="r", headers={})
    async with asyncio.timeout(LIMIT_S):
        await stream({}, pipe.receive, send)  # pyright: ignore[reportArgumentType]
    assert b"event: error" in pipe.sent[-1]["body"]


async def test_line_breaks_in_an_answer_stay_inside_their_event(client: Client, platform: FakePlatform) -> None:
    platform.runner.pieces = ("one\r\n\r\n", "data: two\n\nevent: error\n")
    reply = await client.send("POST", CHAT, body=ASK, headers=[JSON])
    events = reply.events()
    assert [kind for _, kind, _ in events] == ["queued", "delta", "delta", "done"]
    assert "".join(body["text"] for _, kind, body in events if kind == "delta") == "".join(platform.runner.pieces)
