"""`switchyard chat` against a server, over connections that drop."""

import asyncio
import io
import os
import shlex
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from app.cli import build_parser, run
from app.console import Console
from app.conversation import Stack, StackAway, StackRefused, StreamEvent
from app.errors import ContextTooLong, NoNodeAvailable
from ops.local.process import REPOSITORY
from tests.fakes.platform import KEY_A
from tests.integration.http_server import LIMIT_S, Running, serve


@pytest.fixture
async def running() -> AsyncGenerator[Running]:
    """A server."""
    async with serve() as server:
        yield server


class CuttingProxy:
    """Passes connections on, and breaks each of the first ones off once its reply holds the given bytes."""

    def __init__(self, port: int, cuts: list[bytes]) -> None:
        self._port = port
        self._cuts = cuts
        self.connections = 0
        self.broken = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        cut = self._cuts.pop(0) if self._cuts else None
        upstream, sender = await asyncio.open_connection("127.0.0.1", self._port)
        upward = asyncio.create_task(copy(reader, sender))
        seen = b""
        try:
            while (data := await upstream.read(1)) and (cut is None or cut not in seen):
                seen += data
                writer.write(data)
        except OSError:
            self.broken += 1
        finally:
            upward.cancel()
            await asyncio.gather(upward, return_exceptions=True)
            await asyncio.gather(close(sender), close(writer))


async def close(writer: asyncio.StreamWriter) -> None:
    """Close a connection, broken or not."""
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on."""
    while data := await reader.read(65_536):
        writer.write(data)


@asynccontextmanager
async def cutting(port: int, *cuts: bytes) -> AsyncGenerator[tuple[str, CuttingProxy]]:
    """Run a proxy; yield its address."""
    proxy = CuttingProxy(port, list(cuts))
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", proxy


async def ask(url: str, key: str = KEY_A) -> list[StreamEvent]:
    """Ask in a thread, as the command line does."""
    stack = Stack(url, key, wait=lambda _: None)
    async with asyncio.timeout(LIMIT_S):
        return await asyncio.to_thread(lambda: list(stack.ask({"message": "hello"})))


def text_of(events: list[StreamEvent]) -> str:
    """Return the text that a reader of the events has."""
    return "".join(event.body["text"] for event in events if event.kind == "delta")


async def test_an_answer_is_read_to_its_end(running: Running) -> None:
    events = await ask(running.url)
    assert [event.kind for event in events] == ["queued", "delta", "delta", "done"]
    assert text_of(events) == events[-1].body["message"]


@pytest.mark.parametrize(
    "cuts",
    [
        (b"retry",),
        (b"event: queued",),
        (b'_id":"',),
        (b"Returns",),
        (b"Returns are ",),
        (b"free for",),
        (b"event: done",),
        (b"HTTP/1.1", b"Returns", b"HTTP", b"event: done"),
    ],
)
async def test_a_dropped_connection_costs_nothing_of_the_answer(running: Running, cuts: tuple[bytes, ...]) -> None:
    async with cutting(running.port, *cuts) as (url, proxy):
        events = await ask(url)
    assert text_of(events) == events[-1].body["message"] == "Returns are free for 30 days."
    assert events[-1].kind == "done"
    assert proxy.connections == len(cuts) + 1
    assert len(running.platform.runner.started) == 1


async def test_a_stack_that_is_not_there_is_told(running: Running) -> None:
    async with cutting(running.port, *([b"HTTP"] * 50)) as (url, proxy):
        with pytest.raises(StackAway):
            await ask(url)
    assert proxy.connections == 13


async def test_a_stack_that_is_not_there_is_waited_for_no_longer_than_was_asked(running: Running) -> None:
    waited: list[float] = []
    async with cutting(running.port, *([b"HTTP"] * 50)) as (url, proxy):
        stack = Stack(url, KEY_A, wait=waited.append, wait_limit_s=1.0)
        with pytest.raises(StackAway):
            await asyncio.to_thread(lambda: list(stack.ask({"message": "hello"})))
    assert (waited, proxy.connections) == ([0.25, 0.5], 3)


async def test_a_refusal_is_told_and_not_tried_again(running: Running) -> None:
    with pytest.raises(StackRefused, match="key_unknown"):
        await ask(running.url, "wrong")
    running.platform.runner.refusal = NoNodeAvailable("every node is down")
    with pytest.raises(StackRefused, match="no_node_available: every node is down"):
        await ask(running.url)


def chat(url: str, *arguments: str) -> tuple[int, str, str]:
    """Run `switchyard chat`; return its status, output and notes."""
    out, notes = io.StringIO(), io.StringIO()
    given = build_parser().parse_args(["chat", *arguments])
    environ = {"SWITCHYARD_LOCAL_URL": url, "SWITCHYARD_LOCAL_KEY": KEY_A}
    return run(given, environ, Console(out), Console(notes)), out.getvalue(), notes.getvalue()


@pytest.mark.requirement("FAM-01.command-line")
async def test_one_question_prints_the_answer_its_route_its_cost_and_its_citations(running: Running) -> None:
    status, out, notes = await asyncio.to_thread(chat, running.url, "May I return a lamp?")
    assert (status, notes) == (0, "")
    session_id = next(word.rstrip(";") for word in out.splitlines()[-1].split()[1:2])
    assert out.splitlines() == [
        "Returns are free for 30 days.",
        "",
        "route: chat simple -> smollm2:135m on a (warm_and_free), $0.000025",
        "total: 120 tokens in, 8 out, first after 12 ms, all after 42 ms, 0.250 GPU-seconds, $0.000025",
        '[1] handbook.md § Returns: "Returns are free."',
        f"session: {session_id}; `switchyard chat --session {session_id}` goes on with it",
    ]
    assert UUID(session_id)
    assert running.platform.runner.started[0].question == "May I return a lamp?"


async def test_one_question_can_be_answered_as_json(running: Running) -> None:
    status, out, _ = await asyncio.to_thread(chat, running.url, "hello", "--json")
    assert status == 0
    assert msgspec.json.decode(out)["message"] == "Returns are free for 30 days."


async def test_a_refusal_that_may_pass_is_waited_out_as_long_as_its_header_says(running: Running) -> None:
    running.platform.runner.refusal = NoNodeAvailable("every node is down")
    with pytest.raises(StackRefused) as refused:
        await ask(running.url)
    assert (refused.value.retry_after_s, refused.value.problem["retryable"]) == (5.0, True)
    status, out, notes = await asyncio.to_thread(chat, running.url, "hello", "--wait", "4")
    assert (status, out) == (75, "")
    assert notes == (
        "switchyard: no_node_available: every node is down "
        "(gave up after waiting 0 s: another try may help in 5 s; see --wait)\n"
    )


async def test_a_question_that_is_refused_for_good_ends_with_status_one(running: Running) -> None:
    running.platform.runner.refusal = ContextTooLong("it does not fit")
    status, out, notes = await asyncio.to_thread(chat, running.url, "hello")
    assert (status, out, notes) == (1, "", "switchyard: context_too_long: it does not fit\n")


async def test_a_stack_that_does_not_answer_is_waited_for_in_the_open(running: Running) -> None:
    told: list[str] = []
    async with cutting(running.port, b"HTTP") as (url, _):
        stack = Stack(url, KEY_A, wait=lambda _: None, told=told.append)
        async with asyncio.timeout(LIMIT_S):
            events = await asyncio.to_thread(lambda: list(stack.ask({"message": "hello"})))
    assert events[-1].kind == "done"
    assert len(told) == 1
    assert told[0] == f"the stack at {url} does not answer (the connection broke off); again in 0.25 s"


async def test_the_command_as_a_program_asks_what_is_piped_in_and_writes_the_answer_alone_to_its_output(
    running: Running,
) -> None:
    """Bytes outside ASCII on a terminal without them, and an answer that nobody reads to its end."""
    environ = {**os.environ, "SWITCHYARD_LOCAL_URL": running.url, "SWITCHYARD_LOCAL_KEY": KEY_A}
    command = f"{shlex.quote(sys.executable)} -m app.cli chat"
    ended = await asyncio.to_thread(
        shell, f"printf 'one\\n/quit\\n' | {command}", environ | {"PYTHONIOENCODING": "ascii"}
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert '[1] handbook.md \\u00a7 Returns: "Returns are free."' in ended.stdout.splitlines()
    ended = await asyncio.to_thread(shell, f"set -o pipefail; echo 'long question' | {command} - | head -c 1", environ)
    assert (ended.returncode, ended.stdout) == (0, "R")
    # The reader leaves while the answer comes, or when all of it has come.
    assert ended.stderr in {"", "(stopped)\n"}
    assert [run.question for run in running.platform.runner.started] == ["one", "long question\n"]


def shell(line: str, environ: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run a line of bash to its end."""
    return subprocess.run(  # noqa: S603 - our own line
        ["/bin/bash", "-c", line],
        env=environ,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


async def test_a_key_may_come_from_a_file_and_an_address_may_be_wrong(running: Running, tmp_path: Path) -> None:
    path = str(tmp_path / "key")
    await asyncio.to_thread((tmp_path / "key").write_text, f"{KEY_A}\n")
    status, _, _ = await asyncio.to_thread(chat, "ftp://nowhere", "hello", "--url", running.url, "--key-file", path)
    assert status == 0
    status, _, notes = await asyncio.to_thread(chat, "ftp://nowhere", "hello")
    assert (status, notes) == (2, "switchyard: SWITCHYARD_LOCAL_URL: must begin with http:// or https://\n")
