"""A session's turns go to the model as far as its context has room; what was left out is said."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import msgspec
import pytest

from app.errors import ContextTooLong
from app.inference.words.records import ChatCall, Message
from tests.fakes.node import FakeNode
from tests.fakes.scripts import FakeCall
from tests.integration.inference_fixtures import Replica, Seen, ask, catalogue, chat, fake, open_replica

pytestmark = pytest.mark.integration


@pytest.fixture
async def nodes() -> AsyncGenerator[list[FakeNode]]:
    """One fake node."""
    node = fake()
    await node.start()
    yield [node]
    await node.stop()


@pytest.fixture
async def replica(nodes: list[FakeNode], redis_url: str) -> AsyncGenerator[Replica]:
    """A replica over it."""
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(open_replica(catalogue(nodes), redis_url))


def _conversation(turns: int, words: int = 20) -> ChatCall:
    """Return a question after `turns` turns of so many words a message."""
    history = tuple(
        Message(role, f"{role}{number} " * words) for number in range(turns) for role in ("user", "assistant")
    )
    return ask(messages=(Message("system", "be brief"), *history, Message("user", "and now?")), history=len(history))


def _sent(call: FakeCall) -> list[str]:
    return [
        str(message["content"]).split()[0] for message in msgspec.convert(call.body["messages"], list[dict[str, str]])
    ]


async def test_turns_that_do_not_fit_are_left_out_oldest_first_and_it_is_said(
    replica: Replica, nodes: list[FakeNode]
) -> None:
    answer = await chat(replica, _conversation(2), Seen())
    assert (len(_sent(nodes[0].calls[-1])), answer.degraded) == (6, ())
    answer = await chat(replica, _conversation(60), Seen())
    sent = _sent(nodes[0].calls[-1])
    assert answer.degraded == ("history",)
    assert (sent[0], sent[-3:]) == ("be", ["user59", "assistant59", "and"])
    assert 2 < len(sent) < 122
    assert sent[1].startswith("user")
    assert answer.usage.input_tokens <= 1024 - 64


async def test_what_a_node_counts_teaches_how_much_fits(replica: Replica, nodes: list[FakeNode]) -> None:
    await chat(replica, _conversation(60), Seen())
    before = len(_sent(nodes[0].calls[-1]))
    for _ in range(4):
        # The fake has a token a word of ten letters: a third of what is thought before it has counted.
        await chat(replica, _conversation(60), Seen())
    assert len(_sent(nodes[0].calls[-1])) > 2 * before


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        # llama.cpp: tools/server/server-context.cpp, passed on by ollama: llm/llama_server.go, `statusErrorMessage`.
        ("request (1500 tokens) exceeds the available context size (1024 tokens), try increasing it", True),
        # ollama: llm/llama_server.go, `completionPromptForRequest`.
        ("the prompt is longer than the context length currently available to the model", False),
    ],
)
async def test_a_prompt_that_still_overflows_is_asked_once_more_with_fewer_turns(
    replica: Replica, nodes: list[FakeNode], error: str, *, kept: bool
) -> None:
    nodes[0].script(status=400, error=error)
    answer = await chat(replica, _conversation(60), Seen())
    first, second = (_sent(call) for call in nodes[0].calls)
    assert answer.degraded == ("history",)
    assert (2 < len(second) < len(first)) if kept else second == ["be", "and"]


async def test_a_prompt_that_overflows_twice_is_refused(replica: Replica, nodes: list[FakeNode]) -> None:
    nodes[0].script(status=400, error="the prompt is longer than the context length", times=2)
    with pytest.raises(ContextTooLong) as refused:
        await chat(replica, _conversation(60), Seen())
    assert refused.value.facts == {"limit_tokens": 1024, "at_least_tokens": 4}
    assert len(nodes[0].calls) == 2


@pytest.mark.parametrize("text", ["灯" * 4_100, "ก" * 6_200, "aGVsbG8gd29ybGQh1" * 250, "🤖" * 8_300])
async def test_a_question_without_blanks_that_fits_nowhere_is_refused_before_a_node_is_asked(
    replica: Replica, nodes: list[FakeNode], text: str
) -> None:
    with pytest.raises(ContextTooLong):
        await chat(replica, ask(text), Seen())
    assert not any(node.calls for node in nodes)
