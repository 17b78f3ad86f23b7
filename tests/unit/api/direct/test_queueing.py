"""Where a call stands in the queue is told to its client: in headers, and in the stream of one that asks for it."""

from typing import Any

import msgspec
import pytest

from app.errors import NoSlotInTime
from app.inference.slots.outlook import Outlook
from app.inference.slots.waiter import no_slot
from tests.fakes.asgi import Client, Reply
from tests.fakes.models import Line
from tests.fakes.platform import FakePlatform

OPENAI, OLLAMA = "/v1/chat/completions", "/ollama/api/chat"
HI: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}
WAITS = (Outlook(3, 2_500_000), Outlook(2, 1_250_000))
ASKS = ("x-queue-events", "true")


async def send(client: Client, path: str, *headers: tuple[str, str], stream: bool = True) -> Reply:
    """Ask for a chat."""
    return await client.post(path, {**HI, "stream": stream}, *headers)


@pytest.mark.parametrize("path", [OPENAI, OLLAMA])
@pytest.mark.parametrize("stream", [False, True])
async def test_the_headers_of_an_answer_say_where_its_call_began_to_wait_and_how_long(
    client: Client, platform: FakePlatform, path: str, *, stream: bool
) -> None:
    platform.dispatcher.lines = [Line(waits=WAITS)]
    waited, at_once = [await send(client, path, stream=stream) for _ in range(2)]
    assert (waited.status, waited.headers["x-queue-position"]) == (200, "3")
    assert int(waited.headers["x-queue-wait-ms"]) >= 0
    assert "x-queue-position" not in at_once.headers
    assert b"queue" not in waited.body


@pytest.mark.parametrize("path", [OPENAI, OLLAMA, "/v1/completions"])
async def test_a_refusal_keeps_its_status_and_says_how_the_call_stood(
    client: Client, platform: FakePlatform, path: str
) -> None:
    platform.dispatcher.lines = [Line(waits=WAITS, refusal=no_slot(30.0, Outlook(2, 4_200_000)))]
    reply = await client.post(
        path, {**HI, "stream": True} if path != "/v1/completions" else {"model": "auto", "prompt": "x"}
    )
    told = {
        name: reply.headers[name] for name in ("x-queue-position", "x-queue-wait-ms", "x-queue-eta-ms", "retry-after")
    }
    assert reply.status == 503
    assert told == {
        "x-queue-position": "2",
        "x-queue-wait-ms": "30000",
        "x-queue-eta-ms": "4200",
        "retry-after": "5",
    }


async def test_a_stream_that_asks_for_it_tells_where_its_call_stands_as_comments(
    client: Client, platform: FakePlatform
) -> None:
    platform.dispatcher.lines = [Line(waits=WAITS)]
    reply = await send(client, OPENAI, ASKS)
    comments = [line for line in reply.body.decode().splitlines() if line.startswith(": queued ")]
    assert msgspec.json.decode(comments[-1].removeprefix(": queued ")) == {"position": 2, "eta_s": 1.2, "index": 0}
    assert reply.body.decode().rstrip().endswith("data: [DONE]")


async def test_a_stream_of_ollamas_tells_it_in_lines_that_go_on(client: Client, platform: FakePlatform) -> None:
    platform.dispatcher.lines = [Line(waits=WAITS)]
    lines = [msgspec.json.decode(line) for line in (await send(client, OLLAMA, ASKS)).body.splitlines()]
    told = [line for line in lines if "queue" in line]
    assert told[-1]["queue"] == {"position": 2, "eta_s": 1.2}
    assert (told[-1]["done"], told[-1]["message"]["content"]) == (False, "")
    assert "".join(line["message"]["content"] for line in lines) == "Hello there."


async def test_what_refuses_a_call_that_told_its_place_is_told_inside_the_stream(
    client: Client, platform: FakePlatform
) -> None:
    refusal = NoSlotInTime("no slot became free in time")
    platform.dispatcher.lines = [Line(waits=WAITS, refusal=refusal), Line(refusal=refusal)]
    waited = await send(client, OPENAI, ASKS)
    assert (waited.status, b'"code":"no_slot_in_time"' in waited.body) == (200, True)
    # Refused at once, it has its status all the same.
    assert (await send(client, OPENAI, ASKS)).status == 503


async def test_what_the_header_says_must_be_true_or_false(client: Client) -> None:
    reply = await send(client, OPENAI, ("x-queue-events", "yes"))
    assert (reply.status, reply.json()["error"]["param"]) == (400, "x-queue-events")
