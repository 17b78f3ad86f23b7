"""The routes under /ollama, over a platform without servers."""

import asyncio
from typing import Any

import msgspec
import pytest

from app.api.ollama.fields import NOT_FROM_CLIENTS
from app.degradation import Degradation
from app.errors import ModelUnknown, NodeFailed, NoNodeAvailable, StoreUnavailable
from app.inference.words.contract import Contract
from app.inference.words.ends import FinishReason
from app.inference.words.messages import Message
from app.inference.words.offers import Offer
from app.inference.words.priority import Priority
from app.inference.words.sampling import Sampling
from app.inference.words.tiers import Tier
from tests.fakes.asgi import Client, Reply
from tests.fakes.models import Line, tool_call
from tests.fakes.platform import FakePlatform

CHAT = "/ollama/api/chat"
GENERATE = "/ollama/api/generate"
ASKED: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "Hi"}]}
TOOL: dict[str, Any] = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object"}}}


def lines(reply: Reply) -> list[dict[str, Any]]:
    """Return the objects of a stream."""
    return [msgspec.json.decode(line) for line in reply.body.splitlines()]


async def test_a_chat_is_a_stream_of_lines_with_its_route_in_the_head(client: Client, platform: FakePlatform) -> None:
    platform.dispatcher.lines.append(Line(("Hel", "lo."), thinking=("Hm",)))
    reply = await client.post(CHAT, ASKED)
    assert (reply.status, reply.headers["content-type"]) == (200, "application/x-ndjson")
    assert reply.headers["x-route-node"]
    told = lines(reply)
    assert "".join(line["message"].get("thinking", "") for line in told) == "Hm"
    assert "".join(line["message"]["content"] for line in told) == "Hello."
    assert [line["done"] for line in told] == [False] * (len(told) - 1) + [True]
    assert (told[-1]["done_reason"], told[-1]["prompt_eval_count"], told[-1]["eval_count"]) == ("stop", 120, 8)
    assert {line["model"] for line in told} == {"auto"}


async def test_a_chat_without_a_stream_is_one_object_with_its_cost_in_the_head(
    client: Client, platform: FakePlatform
) -> None:
    platform.dispatcher.lines.append(Line(tool_calls=(tool_call("clock", '{"zone":"UTC"}', "c1"),)))
    reply = await client.post(CHAT, {**ASKED, "stream": False, "tools": [TOOL]})
    assert reply.headers["content-type"].startswith("application/json")
    assert reply.headers["x-cost-usd"] == "0.000025"
    told = reply.json()
    assert told["message"]["content"] == "Hello there."
    assert told["message"]["tool_calls"] == [{"function": {"name": "clock", "arguments": {"zone": "UTC"}}, "id": "c1"}]
    assert told["total_duration"] == 501_000_000


async def test_what_a_client_asks_is_what_a_model_is_asked(client: Client, platform: FakePlatform) -> None:
    options = {"temperature": 0, "seed": 7, "num_predict": 9, "top_k": 5, "num_ctx": 131072, "num_gpu": 99}
    body = {**ASKED, "model": "complex", "options": options, "think": False, "format": {"type": "object"}}
    await client.post(CHAT, {**body, "keep_alive": -1})
    (call,) = platform.dispatcher.calls
    assert call.messages == (Message("user", "Hi"),)
    assert (call.tier, call.model) == (Tier.COMPLEX, None)
    assert (call.temperature, call.seed, call.max_tokens, call.think) == (0.0, 7, 9, False)
    assert call.sampling == Sampling(top_k=5)
    assert call.response_schema == msgspec.Raw(b'{"type":"object"}')
    assert call.takes_back is False


async def test_a_contract_priority_and_deadline_of_the_headers_go_with_the_call(
    client: Client, platform: FakePlatform
) -> None:
    await client.post(CHAT, ASKED, ("x-route-min-tier", "complex"), ("x-route-no-degrade", "true"))
    assert platform.dispatcher.calls[0].contract == Contract(min_tier=Tier.COMPLEX, no_degrade=True)
    await client.post(CHAT, ASKED, ("x-priority", "batch"), ("x-deadline-s", "7"))
    assert (platform.dispatcher.calls[1].priority, platform.dispatcher.calls[1].deadline_s) == (Priority.BATCH, 7.0)
    refused = await client.post(CHAT, ASKED, ("x-route-min-tier", "best"))
    assert (refused.status, list(refused.json())) == (400, ["error"])


async def test_a_generation_is_answered_in_its_own_shape(client: Client, platform: FakePlatform) -> None:
    body = {"model": "small:latest", "prompt": "Hi", "system": "Be brief.", "stream": False}
    reply = await client.post(GENERATE, body)
    assert reply.json()["response"] == "Hello there."
    (call,) = platform.dispatcher.calls
    assert call.messages == (Message("system", "Be brief."), Message("user", "Hi"))
    assert call.model == "small:latest"


async def test_an_answer_says_what_it_went_without(client: Client, platform: FakePlatform) -> None:
    platform.dispatcher.lines.append(Line(degraded=(Degradation.HISTORY,), finish_reason=FinishReason.LENGTH))
    last = lines(await client.post(CHAT, {**ASKED, "truncate": True}))[-1]
    assert (last["degraded"], last["done_reason"]) == (["history"], "length")


@pytest.mark.parametrize(
    ("path", "body"), [(CHAT, {"messages": []}), (CHAT, {}), (GENERATE, {}), (GENERATE, {"prompt": ""})]
)
@pytest.mark.parametrize(("keep_alive", "word"), [(None, "load"), (0, "unload")])
async def test_to_load_or_unload_a_model_is_answered_and_nobody_is_asked(
    client: Client, platform: FakePlatform, path: str, body: dict[str, Any], keep_alive: int | None, word: str
) -> None:
    reply = await client.post(path, {"model": "small", "keep_alive": keep_alive, **body})
    assert (reply.json()["done"], reply.json()["done_reason"]) == (True, word)
    assert platform.dispatcher.calls == []


@pytest.mark.parametrize("body", [{"messages": []}, ASKED])
async def test_a_model_that_is_not_there_is_told_as_ollama_does(
    client: Client, platform: FakePlatform, body: dict[str, Any]
) -> None:
    platform.dispatcher.lines.append(Line(refusal=ModelUnknown("no such model", model="llama9")))
    reply = await client.post(CHAT, {**body, "model": "llama9"})
    assert (reply.status, reply.json()) == (404, {"error": "model 'llama9' not found"})


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"model": "small", "think": True}, '"small" does not support thinking'),
        ({"model": "team:assistant", "tools": [TOOL]}, '"team:assistant" does not support tools'),
        ({"messages": [{"role": "user", "content": "?", "images": ["aGk="]}]}, '"auto" does not support vision'),
        ({"model": "minilm"}, '"minilm" does not support chat'),
        ({"logprobs": True}, "`logprobs` is not served here: probabilities of tokens are not kept"),
        ({"surprise": 1}, "`surprise` is not a field that is known here"),
    ],
)
async def test_what_a_model_cannot_do_is_refused_before_it_is_asked(
    client: Client, platform: FakePlatform, body: dict[str, Any], text: str
) -> None:
    reply = await client.post(CHAT, {**ASKED, **body})
    assert (reply.status, reply.json()) == (400, {"error": text})
    assert platform.dispatcher.calls == []


async def test_pictures_go_to_a_model_that_sees(client: Client, platform: FakePlatform) -> None:
    platform.offers.offers = (Offer(name="eye", num_ctx=4096, sees=True),)
    body = {"model": "eye", "messages": [{"role": "user", "content": "?", "images": ["aGk="]}]}
    assert (await client.post(CHAT, body)).status == 200
    assert platform.dispatcher.calls[0].messages[0].images == ("aGk=",)


async def test_a_refusal_has_its_status_and_says_when_to_come_back(client: Client, platform: FakePlatform) -> None:
    platform.dispatcher.lines.append(Line(refusal=NoNodeAvailable("no node serves the call")))
    reply = await client.post(CHAT, ASKED)
    assert (reply.status, reply.json()) == (503, {"error": "no node serves the call"})
    assert reply.headers["retry-after"] == "5"


async def test_a_stream_that_breaks_ends_with_its_error(client: Client, platform: FakePlatform) -> None:
    platform.dispatcher.lines.append(Line(("Hel",), breaks=NodeFailed("the node broke off")))
    told = lines(await client.post(CHAT, ASKED))
    assert told[0]["message"]["content"] == "Hel"
    assert told[-1] == {"error": "the node broke off"}
    assert not any(line.get("done") for line in told)


async def test_whoever_leaves_ends_the_call(client: Client, platform: FakePlatform) -> None:
    platform.dispatcher.lines.append(Line(("Hel",), release=asyncio.Event()))
    body = msgspec.json.encode(ASKED)
    async with client.open("POST", CHAT, chunks=[body]) as (reply, gone, task):
        await reply.until(b"Hel")
        gone.set()
        await task
    assert platform.dispatcher.cancelled == 1


@pytest.mark.parametrize(
    ("body", "text"), [(b"", "missing request body"), (b" ", "missing request body"), (b"{", "the body is not JSON")]
)
async def test_a_body_is_json_whatever_its_type_says(client: Client, body: bytes, text: str) -> None:
    form = [("content-type", "application/x-www-form-urlencoded")]
    good = await client.send("POST", CHAT, body=msgspec.json.encode(ASKED), headers=form)
    assert good.status == 200
    bad = await client.send("POST", CHAT, body=body, headers=form)
    assert (bad.status, bad.json()) == (400, {"error": text})


async def test_a_body_that_is_too_large_is_told_in_ollamas_shape(client: Client) -> None:
    reply = await client.send("POST", CHAT, body=b"{}", headers=[("content-length", "70000000")])
    assert reply.status == 413
    assert reply.json()["error"].startswith("the body may have ")


async def test_texts_become_vectors(client: Client, platform: FakePlatform) -> None:
    reply = await client.post("/ollama/api/embed", {"model": "minilm", "input": ["a", "abc"]})
    assert reply.json()["embeddings"] == [[1.0, 0.5, -1.0], [3.0, 0.5, -1.0]]
    assert reply.json()["prompt_eval_count"] == 120
    short = await client.post("/ollama/api/embed", {"model": "auto", "input": "abc", "dimensions": 1})
    assert short.json()["embeddings"] == [[1.0]]
    old = await client.post("/ollama/api/embeddings", {"model": "minilm", "prompt": "ab"})
    assert old.json() == {"embedding": [2.0, 0.5, -1.0]}
    assert [(texts, model) for texts, model, _ in platform.dispatcher.embedded] == [
        (("a", "abc"), "minilm"),
        (("abc",), None),
        (("ab",), "minilm"),
    ]


async def test_no_text_has_no_vector_and_nobody_is_asked(client: Client, platform: FakePlatform) -> None:
    assert (await client.post("/ollama/api/embed", {"model": "minilm", "input": []})).json()["embeddings"] == []
    assert (await client.post("/ollama/api/embeddings", {"model": "minilm"})).json() == {"embedding": []}
    assert (await client.post("/ollama/api/embed", {"model": "llama9"})).status == 404
    assert platform.dispatcher.embedded == []


async def test_models_are_listed_shown_and_seen_in_memory(client: Client) -> None:
    tags = (await client.get("/ollama/api/tags")).json()["models"]
    assert [model["name"] for model in tags] == ["auto", "simple", "team:assistant", "small", "minilm"]
    assert [model["name"] for model in (await client.get("/ollama/api/ps")).json()["models"]] == ["small"]
    shown = (await client.post("/ollama/api/show", {"model": "small"})).json()
    assert shown["capabilities"] == ["completion", "tools"]
    missing = await client.post("/ollama/api/show", {"model": "llama9"})
    assert (missing.status, missing.json()) == (404, {"error": "model 'llama9' not found"})


async def test_whether_the_interface_is_there_is_told_to_everybody(stranger: Client) -> None:
    """ollama, api/client.go, Heartbeat: the command asks HEAD / before anything else."""
    assert (await stranger.send("HEAD", "/ollama/")).status == 200
    assert (await stranger.get("/ollama")).body == b"Ollama is running"
    assert (await stranger.get("/ollama/api/version")).json() == {"version": "0.33.0"}


@pytest.mark.parametrize("name", NOT_FROM_CLIENTS)
async def test_what_is_no_clients_to_do_is_refused_by_name(client: Client, name: str) -> None:
    method = "DELETE" if name == "delete" else "POST"
    path = f"/ollama/api/{name}" + ("/sha256:00" if name == "blobs" else "")
    reply = await client.send(method, path, body=b'{"model":"x"}')
    assert reply.status == 403
    assert reply.json()["error"].startswith(f"`{name}` is not served here")
    assert "switchyard nodes pull" in reply.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/ollama/api/nothing", 404), ("GET", CHAT, 405), ("POST", "/ollama/api/tags", 405)],
)
async def test_an_unknown_path_or_method_is_told_in_ollamas_shape(
    client: Client, method: str, path: str, status: int
) -> None:
    reply = await client.send(method, path)
    assert reply.status == status
    assert list(reply.json()) == ["error"]


@pytest.mark.parametrize("path", ["/ollama/api/tags", "/ollama/api/ps"])
async def test_without_a_key_nothing_is_told(stranger: Client, path: str) -> None:
    reply = await stranger.get(path)
    assert reply.status == 401
    assert list(reply.json()) == ["error"]


async def test_a_store_that_is_away_is_told_in_ollamas_shape(client: Client, platform: FakePlatform) -> None:
    platform.keys.error = StoreUnavailable("PostgreSQL does not answer", store="postgresql")
    reply = await client.post(CHAT, ASKED)
    assert (reply.status, reply.json()) == (503, {"error": "PostgreSQL does not answer"})
