"""OpenAI's interface over a fake platform: replies, streams, vectors, names and errors in its own shapes."""

import asyncio
import base64
import struct
from typing import Any

import msgspec
import pytest

from app.errors import AnswerBroken, ContextTooLong, ModelUnknown, NodeFailed, NoNodeAvailable, NoSlotInTime
from app.inference.words.account import Purpose
from app.inference.words.ends import FinishReason
from app.inference.words.priority import Priority
from tests.fakes.asgi import JSON, Client, Reply
from tests.fakes.models import Line, tool_call
from tests.fakes.platform import FakePlatform

CHAT = "/v1/chat/completions"
HI = {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}
ADD: dict[str, Any] = {"type": "function", "function": {"name": "add"}}
CHOSEN = {"type": "function", "function": {"name": "add"}}


def chunks(reply: Reply) -> list[Any]:
    """Return the data of every event; `[DONE]` must be the last."""
    lines = [line for line in reply.body.decode().splitlines() if line and not line.startswith(":")]
    assert lines[-1] == "data: [DONE]"
    return [msgspec.json.decode(line.removeprefix("data: ")) for line in lines[:-1]]


def said(found: list[Any], index: int = 0) -> str:
    """Return the text of an answer of a stream."""
    choices = [choice for chunk in found for choice in chunk["choices"] if choice["index"] == index]
    return "".join(choice["delta"].get("content", "") for choice in choices)


async def test_a_chat_is_answered_whole_with_its_route_and_cost(client: Client, platform: FakePlatform) -> None:
    reply = await client.post(CHAT, HI)
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    body = reply.json()
    assert (body["object"], body["model"]) == ("chat.completion", "auto")
    assert body["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello there.", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert body["usage"] == {
        "prompt_tokens": 120,
        "completion_tokens": 8,
        "total_tokens": 128,
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    assert (reply.headers["x-route-node"], reply.headers["x-cost-usd"]) == ("a", "0.000025")
    assert body["switchyard"][0]["route_id"] == reply.headers["x-route-id"]
    assert platform.book.taken[0].account.purpose is Purpose.CHAT


async def test_a_stream_begins_with_the_role_and_ends_with_the_reason(client: Client, platform: FakePlatform) -> None:
    platform.dispatcher.lines = [Line(pieces=("a\u2028", "b"), finish_reason=FinishReason.LENGTH)]
    reply = await client.post(CHAT, HI | {"stream": True})
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (reply.headers["x-accel-buffering"], reply.headers["x-route-node"]) == ("no", "a")
    found = chunks(reply)
    assert len({chunk["id"] for chunk in found}) == 1
    assert found[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert said(found) == "a\u2028b"
    assert [chunk["choices"][0]["finish_reason"] for chunk in found] == [None] * (len(found) - 1) + ["length"]
    assert not any("usage" in chunk for chunk in found)


async def test_a_stream_that_asks_for_usage_has_it_in_its_last_chunk_alone(client: Client) -> None:
    found = chunks(await client.post(CHAT, HI | {"stream": True, "stream_options": {"include_usage": True}}))
    assert [chunk["usage"] for chunk in found[:-1]] == [None] * (len(found) - 1)
    last = found[-1]
    assert (last["choices"], last["usage"]["total_tokens"]) == ([], 128)
    assert last["switchyard"][0]["cost_usd"] == 0.000025


async def test_thinking_is_told_apart_from_the_answer(client: Client, platform: FakePlatform) -> None:
    platform.dispatcher.lines = [Line(thinking=("hm",)), Line(thinking=("hm",))]
    whole = (await client.post(CHAT, HI)).json()["choices"][0]["message"]
    assert (whole["reasoning_content"], whole["content"]) == ("hm", "Hello there.")
    found = chunks(await client.post(CHAT, HI | {"stream": True}))
    assert [chunk["choices"][0]["delta"].get("reasoning_content") for chunk in found].count("hm") == 1
    assert said(found) == "Hello there."


async def test_tool_calls_come_whole_with_ids(client: Client, platform: FakePlatform) -> None:
    calls = (tool_call("add", '{"a": 1}', "call_7"), tool_call("now", "{}"))
    line = Line(pieces=(), tool_calls=calls, finish_reason=FinishReason.TOOL_CALLS)
    platform.dispatcher.lines = [line, line]
    choice = (await client.post(CHAT, HI | {"tools": [ADD]})).json()["choices"][0]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", None)
    first, second = choice["message"]["tool_calls"]
    assert first == {"id": "call_7", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    assert second["id"].startswith("call_")
    found = chunks(await client.post(CHAT, HI | {"tools": [ADD], "stream": True}))
    deltas = [chunk["choices"][0]["delta"] for chunk in found]
    (told,) = [delta["tool_calls"] for delta in deltas if "tool_calls" in delta]
    assert [(one["index"], one["function"]["name"]) for one in told] == [(0, "add"), (1, "now")]
    assert found[-1]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_chosen_call_is_told_as_a_call_and_not_as_text(
    client: Client,
    platform: FakePlatform,
    stream: bool,  # noqa: FBT001 - a case
) -> None:
    platform.dispatcher.lines = [Line(pieces=('{"name":"add",', '"arguments":{"a":1}}'))]
    reply = await client.post(CHAT, HI | {"tools": [ADD], "tool_choice": CHOSEN, "stream": stream})
    if stream:
        found = chunks(reply)
        assert said(found) == ""
        calls, reason = found[-2]["choices"][0]["delta"]["tool_calls"], found[-1]["choices"][0]["finish_reason"]
    else:
        choice = reply.json()["choices"][0]
        assert choice["message"]["content"] is None
        calls, reason = choice["message"]["tool_calls"], choice["finish_reason"]
    assert [(one["function"]["name"], one["function"]["arguments"]) for one in calls] == [("add", '{"a":1}')]
    assert reason == "tool_calls"


async def test_half_of_a_chosen_call_is_none_and_the_reason_says_why(client: Client, platform: FakePlatform) -> None:
    platform.dispatcher.lines = [Line(pieces=('{"name":"add",',), finish_reason=FinishReason.LENGTH)]
    choice = (await client.post(CHAT, HI | {"tools": [ADD], "tool_choice": "required"})).json()["choices"][0]
    assert (choice["message"].get("tool_calls"), choice["message"]["content"]) == (None, "")
    assert choice["finish_reason"] == "length"


async def test_of_parallel_calls_that_are_not_wanted_the_first_is_told(client: Client, platform: FakePlatform) -> None:
    calls = (tool_call("add", "{}"), tool_call("now", "{}"))
    platform.dispatcher.lines = [Line(pieces=(), tool_calls=calls, finish_reason=FinishReason.TOOL_CALLS)]
    reply = await client.post(CHAT, HI | {"tools": [ADD], "parallel_tool_calls": False})
    assert [one["function"]["name"] for one in reply.json()["choices"][0]["message"]["tool_calls"]] == ["add"]


@pytest.mark.parametrize("stream", [False, True])
async def test_several_answers_have_numbers_and_one_usage(
    client: Client,
    platform: FakePlatform,
    stream: bool,  # noqa: FBT001 - a case
) -> None:
    platform.dispatcher.lines = [Line(pieces=("one",)), Line(pieces=("two",))]
    options = {"stream_options": {"include_usage": True}} if stream else {}
    reply = await client.post(CHAT, HI | {"n": 2, "stream": stream} | options)
    if stream:
        found = chunks(reply)
        assert (said(found, 0), said(found, 1)) == ("one", "two")
        usage = found[-1]["usage"]
    else:
        assert [choice["message"]["content"] for choice in reply.json()["choices"]] == ["one", "two"]
        usage = reply.json()["usage"]
    assert usage["completion_tokens"] == 16


async def test_a_completion_tells_text(client: Client) -> None:
    body = (await client.post("/v1/completions", {"model": "auto", "prompt": "Say: ", "echo": True})).json()
    assert (body["object"], body["choices"][0]["text"]) == ("text_completion", "Say: Hello there.")
    found = chunks(await client.post("/v1/completions", {"model": "auto", "prompt": "x", "stream": True}))
    assert "".join(chunk["choices"][0]["text"] for chunk in found) == "Hello there."
    assert found[-1]["choices"][0]["finish_reason"] == "stop"


async def test_vectors_come_as_numbers_or_as_bytes_and_may_be_shorter(client: Client, platform: FakePlatform) -> None:
    body = (await client.post("/v1/embeddings", {"model": "auto", "input": ["aa", "b"]})).json()
    assert [one["embedding"] for one in body["data"]] == [[2.0, 0.5, -1.0], [1.0, 0.5, -1.0]]
    assert (body["data"][1]["index"], body["usage"]) == (1, {"prompt_tokens": 120, "total_tokens": 120})
    raw = (await client.post("/v1/embeddings", {"model": "e:1b", "input": "aa", "encoding_format": "base64"})).json()
    assert struct.unpack("<3f", base64.b64decode(raw["data"][0]["embedding"])) == (2.0, 0.5, -1.0)
    short = (await client.post("/v1/embeddings", {"model": "auto", "input": "aaa", "dimensions": 1})).json()
    assert short["data"][0]["embedding"] == [1.0]
    assert [(texts, model) for texts, model, _ in platform.dispatcher.embedded[:2]] == [
        (("aa", "b"), None),
        (("aa",), "e:1b"),
    ]
    assert {account.purpose for _, _, account in platform.dispatcher.embedded} == {Purpose.EMBED}


async def test_lists_name_auto_tiers_teams_and_models(client: Client) -> None:
    names = [one["id"] for one in (await client.get("/v1/models")).json()["data"]]
    assert {"auto", "simple", "team:assistant", "small"} <= set(names)
    assert (await client.get("/v1/models/team:assistant")).json()["id"] == "team:assistant"
    missing = await client.get("/v1/models/hf.co/a/b:c")
    assert (missing.status, missing.json()["error"]["code"]) == (404, "model_not_found")


async def test_headers_say_priority_and_deadline(client: Client, platform: FakePlatform) -> None:
    await client.post(CHAT, HI, ("x-priority", "batch"), ("x-deadline-s", "2.5"))
    (call,) = platform.dispatcher.calls
    assert (call.priority, call.deadline_s) == (Priority.BATCH, 2.5)
    for header in (("x-priority", "now"), ("x-deadline-s", "0"), ("x-deadline-s", "nan"), ("x-deadline-s", "soon")):
        refused = await client.post(CHAT, HI, header)
        assert (refused.status, refused.json()["error"]["param"]) == (400, header[0])


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (ModelUnknown("no"), 404, "invalid_request_error", "model_not_found"),
        (ContextTooLong("long"), 400, "invalid_request_error", "context_length_exceeded"),
        (NoNodeAvailable("none"), 503, "server_error", "no_node_available"),
        (NoSlotInTime("full"), 503, "server_error", "no_slot_in_time"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_refusal_has_its_status_in_a_stream_too(
    client: Client,
    platform: FakePlatform,
    error: Exception,
    status: int,
    kind: str,
    code: str,
    stream: bool,  # noqa: FBT001 - a case
) -> None:
    platform.dispatcher.lines = [Line(refusal=error)]
    reply = await client.post(CHAT, HI | {"stream": stream})
    fault = reply.json()["error"]
    assert (reply.status, fault["type"], fault["code"], set(fault)) == (
        status,
        kind,
        code,
        {"message", "type", "param", "code"},
    )
    assert ("retry-after" in reply.headers) is (status == 503)


async def test_a_stream_that_breaks_ends_with_the_error(client: Client, platform: FakePlatform) -> None:
    platform.dispatcher.lines = [Line(breaks=AnswerBroken("broke"))]
    found = chunks(await client.post(CHAT, HI | {"stream": True}))
    assert said(found[:-1]) == "Hello there."
    assert found[-1]["error"]["code"] == "answer_broken"


async def test_an_answer_that_breaks_whole_has_its_status(client: Client, platform: FakePlatform) -> None:
    platform.dispatcher.lines = [Line(breaks=NodeFailed("died"))]
    assert (await client.post(CHAT, HI)).status == 503


async def test_every_path_refuses_in_openais_shape(client: Client, stranger: Client) -> None:
    found = {
        "key": await stranger.post(CHAT, HI),
        "path": await client.get("/v1/nothing"),
        "method": await client.get(CHAT),
        "json": await client.send("POST", CHAT, body=b"{", headers=[JSON]),
        "type": await client.send("POST", CHAT, body=b"{}", headers=[("content-type", "text/plain")]),
        "large": await client.send("POST", CHAT, body=b"", headers=[JSON, ("content-length", "900000000")]),
        "field": await client.post(CHAT, HI | {"logprobs": True}),
    }
    assert {name: reply.status for name, reply in found.items()} == {
        "key": 401,
        "path": 404,
        "method": 405,
        "json": 400,
        "type": 415,
        "large": 413,
        "field": 400,
    }
    for reply in found.values():
        assert set(reply.json()) == {"error"}
        assert set(reply.json()["error"]) == {"message", "type", "param", "code"}
    assert found["field"].json()["error"]["param"] == "logprobs"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_cancels_its_call(
    client: Client,
    platform: FakePlatform,
    stream: bool,  # noqa: FBT001 - a case
) -> None:
    platform.dispatcher.lines = [Line(release=asyncio.Event())]
    body = msgspec.json.encode(HI | {"stream": stream})
    async with client.open("POST", CHAT, chunks=[body], headers=[JSON]) as (reply, gone, _):
        if stream:
            await reply.until(b"there.")
        else:
            while not platform.dispatcher.calls:  # noqa: ASYNC110 - the fake announces nothing
                await asyncio.sleep(0)
        gone.set()
    assert platform.dispatcher.cancelled == 1


async def test_a_team_is_a_model(client: Client, platform: FakePlatform) -> None:
    body = HI | {"model": "team:insurance", "stream": True}
    assert said(chunks(await client.post(CHAT, body))) == "Returns are free for 30 days."
    assert platform.runner.started[0].team == "insurance"
