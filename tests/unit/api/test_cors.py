"""Which pages may read answers: those of listed origins, everything that a replica says."""

import pytest

from app.api.app import create_app
from tests.fakes.asgi import JSON, Client
from tests.fakes.platform import KEY_A, FakePlatform

CONSOLE, EVIL = "https://console.example", "https://evil.example"
CHAT = "/api/v1/chat"


@pytest.fixture(scope="module")
def platform() -> FakePlatform:
    """A platform that lists two origins."""
    return FakePlatform(cors_origins=f"{CONSOLE}, http://localhost:5173")


@pytest.fixture(scope="module")
def client(platform: FakePlatform) -> Client:
    """A client of that platform."""
    return Client(create_app(platform), KEY_A)


def asks(origin: str, method: str = "POST") -> list[tuple[str, str]]:
    """Return the headers of a preflight."""
    return [("origin", origin), ("access-control-request-method", method)]


@pytest.mark.requirement("ORC-20.cors")
@pytest.mark.parametrize("path", [CHAT, "/api/v1/documents/x", "/nowhere"])
async def test_a_preflight_of_a_listed_origin_is_answered_without_a_key(client: Client, path: str) -> None:
    reply = await client.send("OPTIONS", path, headers=asks("http://localhost:5173", "DELETE"))
    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["access-control-allow-origin"] == "http://localhost:5173"
    assert reply.headers["access-control-allow-methods"] == "GET, HEAD, POST, PATCH, DELETE"
    assert {"idempotency-key", "x-route-min-tier", "x-stainless-timeout", "openai-project"} <= set(
        reply.headers["access-control-allow-headers"].split(", ")
    )
    assert reply.headers["vary"] == "Origin"


@pytest.mark.requirement("ORC-20.cors")
@pytest.mark.parametrize("origin", [EVIL, "null", "https://console.example.evil.example", CONSOLE.upper(), ""])
async def test_a_preflight_of_another_origin_allows_nothing(client: Client, origin: str) -> None:
    reply = await client.send("OPTIONS", CHAT, headers=asks(origin))
    assert not [name for name in reply.headers if name.startswith("access-control-")]
    assert reply.headers["vary"] == "Origin"


async def test_options_that_is_no_preflight_tells_the_methods(client: Client) -> None:
    reply = await client.send("OPTIONS", "/api/v1/sessions", headers=[("origin", CONSOLE)])
    assert (reply.status, reply.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


@pytest.mark.requirement("ORC-20.cors")
async def test_every_answer_and_every_refusal_may_be_read(client: Client, platform: FakePlatform) -> None:
    platform.runner.refusal = None
    origin = ("origin", CONSOLE)
    replies = [
        await client.post(CHAT, {"message": "a"}, origin),
        await client.post(CHAT, {"message": "a", "stream": True}, origin),
        await client.post(CHAT, {"message": ""}, origin),
        await client.send("POST", CHAT, headers=[JSON, origin, ("content-length", "10000000")]),
        await client.get("/nowhere", origin),
        await client.send("PUT", CHAT, headers=[origin]),
        await client.get("/livez", origin),
    ]
    platform.runner.refusal = RuntimeError("inside")
    replies.append(await client.post(CHAT, {"message": "a"}, origin))
    assert [reply.status for reply in replies] == [200, 200, 422, 413, 404, 405, 200, 500]
    for reply in replies:
        assert reply.headers["access-control-allow-origin"] == CONSOLE
        assert reply.headers["vary"] == "Origin"
        exposed = reply.headers["access-control-expose-headers"].split(", ")
        assert {"x-request-id", "x-route-id", "retry-after", "location"} <= set(exposed)


@pytest.mark.parametrize("headers", [[], [("origin", EVIL)]])
async def test_an_answer_for_nobody_is_not_kept_for_a_listed_page(
    client: Client, headers: list[tuple[str, str]]
) -> None:
    reply = await client.get("/livez", *headers)
    assert not [name for name in reply.headers if name.startswith("access-control-")]
    assert reply.headers["vary"] == "Origin"


@pytest.mark.requirement("ORC-20.cors")
async def test_no_origin_is_allowed_unless_told() -> None:
    client = Client(create_app(FakePlatform()), KEY_A)
    replies = [
        await client.get("/livez", ("origin", CONSOLE)),
        await client.send("OPTIONS", CHAT, headers=asks(CONSOLE)),
    ]
    for reply in replies:
        assert not [name for name in reply.headers if name.startswith("access-control-") or name == "vary"]


async def test_a_star_lets_every_page_read() -> None:
    client = Client(create_app(FakePlatform(cors_origins="*")), KEY_A)
    reply = await client.get("/livez", ("origin", EVIL))
    assert (reply.headers["access-control-allow-origin"], "vary" in reply.headers) == ("*", False)
    assert (await client.send("OPTIONS", CHAT, headers=asks(EVIL))).headers["access-control-allow-origin"] == "*"
