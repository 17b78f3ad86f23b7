"""What a model cannot do is said to OpenAI's clients before any node is asked."""

from typing import Any

import pytest

from app.inference.words.offers import Offer
from tests.fakes.asgi import Client
from tests.fakes.platform import FakePlatform

CHAT = "/v1/chat/completions"
HI = {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}
ADD: dict[str, Any] = {"type": "function", "function": {"name": "add"}}
SEEN = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
LOOK: dict[str, Any] = {"messages": [{"role": "user", "content": [{"type": "text", "text": "?"}, SEEN]}]}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"model": "plain", "tools": [ADD]}, '"plain" does not support tools'),
        ({"model": "team:assistant", "tools": [ADD]}, '"team:assistant" does not support tools'),
        (LOOK, '"auto" does not support vision'),
        (LOOK | {"model": "simple"}, '"simple" does not support vision'),
        (LOOK | {"model": "plain", "stream": True}, '"plain" does not support vision'),
    ],
)
async def test_what_a_model_cannot_do_is_refused_before_it_is_asked(
    client: Client, platform: FakePlatform, body: dict[str, Any], text: str
) -> None:
    platform.offers.offers = (*platform.offers.offers, Offer(name="plain", num_ctx=4096))
    reply = await client.post(CHAT, HI | body)
    fault = {"message": text, "type": "invalid_request_error", "param": "model", "code": "bad_input"}
    assert (reply.status, reply.json()) == (400, {"error": fault})
    assert (platform.dispatcher.calls, platform.runner.started) == ([], [])


async def test_a_model_that_cannot_think_answers_who_asks_it_to(client: Client, platform: FakePlatform) -> None:
    body = HI | {"model": "small", "tools": [ADD], "reasoning_effort": "high"}
    assert (await client.post(CHAT, body)).status == 200
    assert platform.dispatcher.calls[0].think == "high"
