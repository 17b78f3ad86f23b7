"""What a request insists on, by its headers and its body."""

import pytest

from app.errors import ContractUnmet
from app.inference.words.contract import NO_CONTRACT, Contract
from app.inference.words.tiers import Tier
from tests.fakes.asgi import Client
from tests.fakes.platform import FakePlatform

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
