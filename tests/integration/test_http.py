"""The HTTP server on a real socket: bounds, readers that leave, and a drain that loses no answer."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator

import msgspec
import pytest

from app.ids import RunId
from tests.integration.http_server import Running, ask, connect, head, serve, until

MEGABYTE = b"x" * 1_000_000
ASK = msgspec.json.encode({"message": "hello"})
STREAM = msgspec.json.encode({"message": "hello", "stream": True})


@pytest.fixture
async def running() -> AsyncGenerator[Running]:
    """A server."""
    async with serve() as server:
        yield server


async def read_reply(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return status and whole body of a reply that has a length."""
    async with asyncio.timeout(10):
        start = await reader.readuntil(b"\r\n\r\n")
        lines = start.decode().lower().split("\r\n")
        length = next(int(line.split(":")[1]) for line in lines if line.startswith("content-length:"))
        return int(lines[0].split()[1]), await reader.readexactly(length)


async def test_an_answer_comes_over_a_socket_without_naming_the_server(running: Running) -> None:
    async with connect(running.port) as (reader, writer):
        for _ in range(2):
            writer.write(ask(ASK))
            start = await reader.readuntil(b"\r\n\r\n")
            assert start.startswith(b"HTTP/1.1 200 ")
            assert b"\r\nserver:" not in start.lower()
            length = int(start.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            assert msgspec.json.decode(await reader.readexactly(length))["agent_used"] == "guide"


async def test_ten_megabytes_are_refused_at_once_and_the_client_can_read_why(running: Running) -> None:
    async with connect(running.port) as (reader, writer):
        writer.write(head("POST", "/api/v1/chat", "content-type: application/json", "content-length: 10000000"))
        status, body = await read_reply(reader)
        assert (status, msgspec.json.decode(body)["code"]) == (413, "body_too_large")
        for _ in range(10):
            writer.write(MEGABYTE)
            await writer.drain()
        async with asyncio.timeout(10):
            assert await reader.read() == b""
    assert running.platform.runner.started == []


async def test_a_client_that_sends_ten_megabytes_before_it_reads_still_reads_the_refusal(running: Running) -> None:
    async with connect(running.port) as (reader, writer):
        writer.write(head("POST", "/api/v1/chat", "content-type: application/json", "transfer-encoding: chunked"))
        for _ in range(10):
            writer.write(b"f4240\r\n" + MEGABYTE + b"\r\n")
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        status, body = await read_reply(reader)
    assert (status, msgspec.json.decode(body)["code"]) == (413, "body_too_large")


async def test_a_body_without_end_is_cut_off(running: Running) -> None:
    async with connect(running.port) as (_, writer):
        writer.write(head("POST", "/api/v1/chat", "content-type: application/json", "transfer-encoding: chunked"))
        sent: list[int] = []
        with pytest.raises(OSError):  # noqa: PT011, PT012 - the server closes at any of these writes
            while len(sent) < 200:
                writer.write(b"f4240\r\n" + MEGABYTE + b"\r\n")
                await writer.drain()
                sent.append(len(MEGABYTE))
        assert len(sent) < 100


async def test_a_head_without_end_is_refused(running: Running) -> None:
    async with connect(running.port) as (reader, writer):
        writer.write(b"GET /livez HTTP/1.1\r\nhost: x\r\nx-long: ")
        reply = b""
        try:
            async with asyncio.timeout(10):
                for _ in range(100):
                    writer.write(b"y" * 65_536)
                    await writer.drain()
                    await asyncio.sleep(0)
                reply = await reader.read()
        except OSError:
            reply = await reader.read(1000) if not reader.at_eof() and reader.exception() is None else b"HTTP/1.1 400"
    assert reply.startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "sent", [head("FOO", "/health"), b"\x16\x03\x01\x02\x00\r\n\r\n", b"GET /\x00 HTTP/1.1\r\n\r\n"]
)
async def test_what_cannot_be_read_gets_a_problem_document_too(running: Running, sent: bytes) -> None:
    async with connect(running.port) as (reader, writer):
        writer.write(sent)
        async with asyncio.timeout(10):
            head_, _, body = (await reader.read()).partition(b"\r\n\r\n")
    lines = head_.decode("ascii").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    problem = msgspec.json.decode(body)
    assert lines[0] == "HTTP/1.1 400 Bad Request"
    assert headers["content-type"] == "application/problem+json"
    assert (problem["code"], problem["retryable"]) == ("bad_request", False)
    assert problem["request_id"] == headers["x-request-id"]


async def test_deltas_arrive_before_the_run_ends(running: Running) -> None:
    running.platform.runner.holds = True
    async with connect(running.port) as (reader, writer):
        writer.write(ask(STREAM))
        async with asyncio.timeout(10):
            start = await reader.readuntil(b"30 days")
            assert b"text/event-stream" in start
            next(iter(running.platform.runner.runs.values())).release.set()
            rest = await reader.readuntil(b"\r\n0\r\n\r\n")
    assert b"event: done" in rest


@pytest.mark.parametrize("body", [ASK, STREAM])
async def test_a_client_that_disconnects_frees_its_run_at_once(running: Running, body: bytes) -> None:
    runner = running.platform.runner
    runner.holds = True
    async with connect(running.port) as (_, writer):
        writer.write(ask(body))
        await until(lambda: len(runner.runs) == 1)
        if body is STREAM:
            await until(lambda: runner.open_streams == 1)
    await until(lambda: runner.gone == list(runner.runs))
    await until(lambda: runner.open_streams == 0)


async def test_a_stop_signal_drains_and_an_open_answer_is_still_given(running: Running) -> None:
    runner = running.platform.runner
    runner.holds = True
    async with connect(running.port) as (reader, writer):
        writer.write(ask(STREAM))
        async with asyncio.timeout(10):
            await reader.readuntil(b"30 days")
        os.kill(os.getpid(), signal.SIGTERM)
        await until(lambda: running.drains == ["drain"])
        with pytest.raises(OSError):  # noqa: PT011 - refused or reset
            await until_refused(running.port)
        assert not running.serving.done()
        next(iter(runner.runs.values())).release.set()
        async with asyncio.timeout(10):
            assert b"event: done" in await reader.read()
    async with asyncio.timeout(10):
        await running.serving
    await running.server.drained()
    assert runner.gone == []


async def until_refused(port: int) -> None:
    """Connect again and again until that fails."""
    for _ in range(500):
        async with connect(port):
            await asyncio.sleep(0.01)


async def test_a_second_signal_does_not_wait_for_open_answers(running: Running) -> None:
    running.platform.runner.holds = True
    async with connect(running.port) as (reader, writer):
        writer.write(ask(STREAM))
        async with asyncio.timeout(10):
            await reader.readuntil(b"30 days")
        running.server.handle_exit(signal.SIGTERM, None)
        running.server.handle_exit(signal.SIGTERM, None)
        async with asyncio.timeout(10):
            await running.serving
    assert running.drains == ["drain"]


async def test_a_resumed_stream_of_a_held_run_ends_when_the_run_does(running: Running) -> None:
    runner = running.platform.runner
    async with connect(running.port) as (reader, writer):
        writer.write(ask(ASK))
        _, body = await read_reply(reader)
    run_id = msgspec.json.decode(body)["metadata"]["run_id"]
    held = next(run for key, run in runner.runs.items() if key == RunId(msgspec.convert(run_id, type=type(key))))
    held.release.clear()
    async with connect(running.port) as (reader, writer):
        writer.write(head("GET", f"/api/v1/runs/{run_id}/events", f"last-event-id: {run_id}:1000:12"))
        async with asyncio.timeout(10):
            start = await reader.readuntil(b"30 days")
            assert b"Returns" not in start
            held.release.set()
            await reader.readuntil(b"event: done")
