"""What a request insists on, by its headers and its body."""

import pytest
from litestar import Litestar

from app.errors import ContractUnmet
from app.inference.words.contract import NO_CONTRACT, Contract
from app.inference.words.tiers import Tier
from tests.fakes.asgi import Client
from tests.fakes.platform import KEY_STRICT, PINNED, FakePlatform

CHAT = "/api/v1/chat"
DIGEST = "ab" * 32


async def test_headers_say_what_must_answer(client: Client, platform: FakePlatform) -> None:
    headers = {"x-route-min-tier": "medium", "x-route-digest": f"sha256:{DIGEST}", "x-route-no-degrade": "true"}
    assert (await client.post(CHAT, {"message": "hello"}, *headers.items())).status == 200
    wanted = Contract(min_tier=Tier.MEDIUM, digest=DIGEST, no_degrade=True)
    assert platform.runner.started[-1].options.contract == wanted


async def test_without_them_nothing_is_insisted_on(client: Client, platform: FakePlatform) -> None:
    await client.post(CHAT, {"message": "hello"}, ("x-route-no-degrade", "false"))
    assert platform.runner.started[-1].options.contract == NO_CONTRACT


async def test_of_header_and_body_the_strictest_holds(client: Client, platform: FakePlatform) -> None:
    body = {"message": "hello", "contract": {"min_tier": "complex", "no_degrade": True, "digest": f"sha256:{DIGEST}"}}
    await client.post(CHAT, body, ("x-route-min-tier", "simple"), ("x-route-no-degrade", "false"))
    wanted = Contract(min_tier=Tier.COMPLEX, digest=DIGEST, no_degrade=True)
    assert platform.runner.started[-1].options.contract == wanted


@pytest.mark.parametrize(
    ("name", "value"), [("x-route-min-tier", "huge"), ("x-route-digest", "abc"), ("x-route-no-degrade", "perhaps")]
)
async def test_a_header_that_says_nothing_is_refused_by_name(client: Client, name: str, value: str) -> None:
    reply = await client.post(CHAT, {"message": "hello"}, (name, value))
    assert (reply.status, reply.json()["code"], reply.json()["field"]) == (422, "bad_input", name)


async def test_a_contract_that_cannot_be_kept_is_a_conflict_that_says_by_which_term(
    client: Client, platform: FakePlatform
) -> None:
    platform.runner.refusal = ContractUnmet("nothing of the tier complex or above can answer now", term="no_degrade")
    reply = await client.post(CHAT, {"message": "hello"}, ("x-route-no-degrade", "true"))
    assert (reply.status, reply.json()["code"], reply.json()["term"]) == (409, "contract_unmet", "no_degrade")
    assert reply.json()["retryable"] is True


ASKED = {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}
DIALECTS = ("/v1/chat/completions", "/ollama/api/chat")


@pytest.mark.parametrize("path", [*DIALECTS, "/api/v1/routes"])
async def test_what_a_key_insists_on_holds_for_each_call_of_it(
    app: Litestar, platform: FakePlatform, path: str
) -> None:
    strict = Client(app, KEY_STRICT)
    body = {"message": "hi"} if path not in DIALECTS else ASKED
    assert (await strict.post(path, body, ("x-route-no-degrade", "true"))).status == 200
    assert platform.dispatcher.calls[-1].contract == Contract(min_tier=Tier.MEDIUM, digest=PINNED, no_degrade=True)
    assert (await strict.post(path, body, ("x-route-min-tier", "simple"))).status == 200
    assert platform.dispatcher.calls[-1].contract == Contract(min_tier=Tier.MEDIUM, digest=PINNED)


@pytest.mark.parametrize("path", [*DIALECTS, "/api/v1/routes"])
async def test_a_digest_beside_that_of_the_key_is_a_conflict_in_the_words_of_the_path(
    app: Litestar, platform: FakePlatform, path: str
) -> None:
    body = {"message": "hi"} if path not in DIALECTS else ASKED
    reply = await Client(app, KEY_STRICT).post(path, body, ("x-route-digest", "cd" * 32))
    words = "two digests are pinned, by the request or by its api key, and no model has both"
    told = {
        "/v1/chat/completions": {
            "error": {"message": words, "type": "invalid_request_error", "param": None, "code": "contract_unmet"}
        },
        "/ollama/api/chat": {"error": words},
    }
    assert (reply.status, platform.dispatcher.calls) == (409, [])
    assert reply.json() == told[path] if path in told else reply.json()["term"] == "digest"
