"""The hot path (aiohttp and msgspec) and the official client get equal values from the same node."""

from collections.abc import AsyncGenerator

import msgspec
import ollama
import pytest

from app.causes import Cause, Finding
from app.inference.fleet.nodes import Look
from app.inference.wire.bodies import ChatLine, chat_body, embed_body
from app.inference.wire.exchange import Target
from app.inference.wire.ollama import Ollama, Waits, open_ollama
from app.inference.words.account import Account, Purpose
from app.inference.words.failures import CallBroke, Failure
from app.inference.words.records import ChatCall, Message
from tests.fakes.node import FakeNode
from tests.fakes.scripts import FakeModel

WAITS = Waits(first_s=5.0, gap_s=5.0)
CALL = ChatCall(
    messages=(Message("system", "be brief"), Message("user", "hello there")),
    question="",
    agent="test",
    account=Account(purpose=Purpose.CHAT),
    max_tokens=8,
    temperature=0.0,
    seed=3,
)


@pytest.fixture
async def node() -> AsyncGenerator[FakeNode]:
    """A fake node."""
    made = FakeNode([FakeModel(name="m:1b"), FakeModel(name="e:1m", kind="embed", vector_size=16)])
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def hot() -> AsyncGenerator[Ollama]:
    """The hot path."""
    async with open_ollama() as opened:
        yield opened


@pytest.fixture
async def official(node: FakeNode) -> AsyncGenerator[ollama.AsyncClient]:
    """The official client, with its own transport."""
    client = ollama.AsyncClient(host=node.url, trust_env=False)
    yield client
    await client.close()


def _body(prefix: str = "") -> bytes:
    return chat_body(CALL, model="m:1b", keep_alive="30m", num_ctx=512, prefix=prefix, max_tokens=8)


async def _hot_chat(hot: Ollama, node: FakeNode) -> tuple[str, ChatLine]:
    text: list[str] = []
    last = await hot.chat(Target("a", node.url, "m:1b"), _body(), WAITS, lambda heard: text.append(heard.text))
    return "".join(text), last


@pytest.mark.source("ollama-python: ollama/_client.py")
async def test_a_chat_is_the_same_text_and_counts(hot: Ollama, official: ollama.AsyncClient, node: FakeNode) -> None:
    text, last = await _hot_chat(hot, node)
    sent = msgspec.json.decode(_body(), type=dict[str, object])
    parts = [
        part
        async for part in await official.chat(
            model="m:1b",
            messages=[{"role": message.role, "content": message.content} for message in CALL.messages],
            options=msgspec.convert(sent["options"], dict[str, object]),
            keep_alive="30m",
            think=False,
            stream=True,
        )
    ]
    assert text == "".join(part.message.content or "" for part in parts)
    assert (last.prompt_eval_count, last.eval_count) == (parts[-1].prompt_eval_count, parts[-1].eval_count)
    assert (last.done, last.done_reason) == (parts[-1].done, parts[-1].done_reason)
    hot_body, official_body = (call.body for call in node.calls)
    # The official client cannot send the first two, and sends an empty list of tools.
    assert hot_body | {"tools": []} == official_body | {"truncate": False, "shift": False}


@pytest.mark.source("ollama-python: ollama/_client.py")
async def test_vectors_are_the_same(hot: Ollama, official: ollama.AsyncClient, node: FakeNode) -> None:
    texts = ("hello there", "good bye")
    body = embed_body(texts, model="e:1m", keep_alive="30m", num_ctx=64)
    reply = await hot.embed(Target("a", node.url, "e:1m"), body, 5.0, 2)
    same = await official.embed(
        model="e:1m", input=list(texts), options={"num_ctx": 64}, keep_alive="30m", truncate=False
    )  # fmt: skip
    assert [list(vector) for vector in reply.embeddings] == [list(vector) for vector in same.embeddings]
    assert reply.prompt_eval_count == same.prompt_eval_count
    assert node.calls[0].body == node.calls[1].body


@pytest.mark.source("ollama-python: ollama/_client.py")
async def test_a_look_finds_what_the_official_client_lists(
    hot: Ollama, official: ollama.AsyncClient, node: FakeNode
) -> None:
    await _hot_chat(hot, node)
    look = await hot.look(node.url, limit_s=5.0)
    assert isinstance(look, Look)
    assert dict(look.holds) == {entry.model: entry.digest for entry in (await official.list()).models}
    assert dict(look.loaded) == {entry.model: entry.context_length for entry in (await official.ps()).models}
    assert look.loaded == {"m:1b": 512}
    assert (await hot.show(node.url, "m:1b")).details == (await official.show("m:1b")).details


@pytest.mark.source("ollama: server/routes.go")
async def test_an_unknown_model_is_the_same_refusal(hot: Ollama, official: ollama.AsyncClient, node: FakeNode) -> None:
    with pytest.raises(CallBroke) as broke:
        await hot.chat(Target("a", node.url, "x"), _body().replace(b"m:1b", b"x:1b"), WAITS, lambda _heard: None)
    with pytest.raises(ollama.ResponseError) as refused:
        await official.chat(model="x:1b")
    assert broke.value.failure is Failure.MODEL_MISSING
    assert (refused.value.status_code, refused.value.error) == (404, broke.value.detail)


@pytest.mark.source("ollama-python: ollama/_client.py")
async def test_a_node_that_is_not_there_gives_the_cause_of_no_look(hot: Ollama, node: FakeNode) -> None:
    await node.stop()
    assert await hot.look(node.url, limit_s=2.0) == Finding(Cause.CONNECTION_REFUSED, "connection refused")


@pytest.mark.source("ollama: server/routes.go")
async def test_a_connection_is_used_again_after_an_answer(hot: Ollama, node: FakeNode) -> None:
    for _ in range(3):
        await _hot_chat(hot, node)
    assert len(node.peers) == 1
