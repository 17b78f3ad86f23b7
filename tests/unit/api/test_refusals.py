"""Refused keys are bounded by where they come from, and nobody else pays for it."""

from typing import Any, cast

import pytest

from app.api import refusals as remembering
from app.api.app import create_app
from app.api.problems import RateLimited
from app.api.refusals import WINDOW_S, Refusals, network_of
from app.errors import KeyUnknown
from tests.fakes.asgi import Client
from tests.fakes.platform import KEY_A, KEY_B, FakeKeys, FakePlatform

PATH = "/api/v1/sessions"
LIMIT = 3


def guess(number: int) -> tuple[str, str]:
    """Return a key that nobody has."""
    return ("x-api-key", f"sy_{'c' * 12}_{number:043d}")


def scope_of(address: str) -> dict[str, object]:
    """Return what is read of a request from `address`, as nginx tells it."""
    return {"headers": [(b"x-real-ip", address.encode())], "client": ("10.9.9.9", 1)}


@pytest.fixture
def platform() -> FakePlatform:
    """A platform that bears three refused keys a minute."""
    return FakePlatform(max_refused_keys=LIMIT)


async def test_made_up_keys_get_no_further_look_after_the_limit(platform: FakePlatform) -> None:
    stranger = Client(create_app(platform))
    replies = [await stranger.get(PATH, guess(number)) for number in range(LIMIT + 4)]
    assert [reply.status for reply in replies] == [401] * LIMIT + [429] * 4
    last = replies[-1]
    assert (last.json()["code"], last.json()["retryable"], last.json()["counted_by"]) == (
        "rate_limited",
        True,
        "address",
    )
    assert 1 <= int(last.headers["retry-after"]) <= WINDOW_S
    assert len(platform.keys.asked) == LIMIT


async def test_who_was_known_before_goes_on_behind_the_same_address(platform: FakePlatform) -> None:
    app = create_app(platform)
    assert (await Client(app, KEY_A).get(PATH)).status == 200
    for number in range(LIMIT + 1):
        await Client(app).get(PATH, guess(number))
    assert (await Client(app, KEY_A).get(PATH)).status == 200
    assert (await Client(app, KEY_B).get(PATH)).status == 429
    elsewhere = await Client(app, KEY_B).get(PATH, ("x-real-ip", "10.0.0.7"))
    assert elsewhere.status == 200


async def test_requests_without_a_key_and_public_ones_are_not_counted(platform: FakePlatform) -> None:
    stranger = Client(create_app(platform))
    for _ in range(LIMIT + 2):
        assert (await stranger.get(PATH)).status == 401
        assert (await stranger.get("/livez")).status == 200
    assert (await stranger.get(PATH, guess(1))).status == 401


async def test_a_minute_later_a_key_is_looked_up_again() -> None:
    now = 0.0
    keys = FakeKeys()
    refusals = Refusals(keys, limit=1, clock=lambda: now)
    scope = scope_of("10.0.0.1")
    with pytest.raises(KeyUnknown):
        await refusals.find("wrong", scope)  # pyright: ignore[reportArgumentType]
    now = WINDOW_S + 0.1
    assert (await refusals.find(KEY_A, scope)).tenant == "a"  # pyright: ignore[reportArgumentType]


async def test_a_key_that_was_taken_and_is_revoked_counts_as_any_other(platform: FakePlatform) -> None:
    client = Client(create_app(platform), KEY_A)
    assert (await client.get(PATH)).status == 200
    platform.keys.error = KeyUnknown("revoked")
    assert [(await client.get(PATH)).status for _ in range(LIMIT + 1)] == [401] * LIMIT + [429]


async def refuse(refusals: Refusals, address: str) -> type[Exception]:
    """Bring an unknown key from an address; return how it is refused."""
    with pytest.raises((KeyUnknown, RateLimited)) as caught:
        await refusals.find("wrong", cast("Any", scope_of(address)))
    return caught.type


async def test_of_many_networks_the_one_that_was_refused_longest_ago_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remembering, "REMEMBERED", 3)
    refusals = Refusals(FakeKeys(), limit=1, clock=lambda: 0.0)
    for number in range(4):
        assert await refuse(refusals, f"10.0.0.{number}") is KeyUnknown
    assert [await refuse(refusals, f"10.0.0.{number}") for number in (3, 2, 1)] == [RateLimited] * 3
    assert await refuse(refusals, "10.0.0.0") is KeyUnknown


async def test_of_many_keys_that_were_taken_the_one_used_longest_ago_is_counted_as_any_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remembering, "REMEMBERED", 1)
    refusals = Refusals(FakeKeys(), limit=1, clock=lambda: 0.0)
    scope = cast("Any", scope_of("10.0.0.1"))
    for key in (KEY_A, KEY_B):
        await refusals.find(key, scope)
    assert await refuse(refusals, "10.0.0.1") is KeyUnknown
    assert (await refusals.find(KEY_B, scope)).tenant == "b"
    with pytest.raises(RateLimited):
        await refusals.find(KEY_A, scope)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:a:b:c:d", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("", "10.9.9.9"),
        ("not an address", "10.9.9.9"),
    ],
)
def test_a_network_is_an_ipv4_address_or_a_64_of_ipv6(address: str, network: str) -> None:
    assert network_of(scope_of(address)) == network  # pyright: ignore[reportArgumentType]
