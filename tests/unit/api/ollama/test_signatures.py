"""Requests that the `ollama` command signed: known by the public key that an operator gave to an api key."""

import base64
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.accounts.ollama_keys import SKEW_S, Signed, read_public_key
from app.api.app import create_app
from app.errors import BadInput, KeyUnknown
from tests.fakes.asgi import Client
from tests.fakes.platform import TENANT_B, FakePlatform

PAIR = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
CHAT = {"model": "auto", "messages": [{"role": "user", "content": "hi"}], "stream": False}


def line_of(pair: Ed25519PrivateKey) -> str:
    """Return the line of the public key, as ssh.MarshalAuthorizedKey writes it (cmd/cmd.go, initializeKeypair)."""
    return pair.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def sign(method: str, path: str, at_s: float, pair: Ed25519PrivateKey = PAIR) -> tuple[str, str]:
    """Return the `ts` of a query, and `Authorization`, as the command makes them.

    ollama, api/client.go, do: `fmt.Sprintf("%s,%s?ts=%s", method, path, now)`, without what OLLAMA_HOST has before the
    path; auth/auth.go, Sign: `<public key without its type>:<base64 of the signature>`.
    """
    now = str(int(at_s))
    signature = base64.b64encode(pair.sign(f"{method},{path}?ts={now}".encode())).decode()
    return now, f"{line_of(pair).split()[1]}:{signature}"


@pytest.fixture
def known(platform: FakePlatform) -> FakePlatform:
    """A platform that knows PAIR as tenant B's."""
    platform.keys.signer = read_public_key(line_of(PAIR))
    return platform


async def test_the_command_is_known_by_its_signature_alone(stranger: Client, known: FakePlatform) -> None:
    ts, signed = sign("POST", "/api/chat", time.time())
    reply = await stranger.post(f"/ollama/api/chat?ts={ts}", CHAT, ("authorization", signed))
    assert (reply.status, reply.json()["message"]["content"]) == (200, "Hello there.")
    assert known.dispatcher.calls[0].account.tenant_id == TENANT_B
    ts, signed = sign("GET", "/api/tags", time.time())
    assert (await stranger.get(f"/ollama/api/tags?ts={ts}", ("authorization", signed))).status == 200


async def test_what_was_signed_for_another_request_or_at_another_time_is_refused(
    stranger: Client, known: FakePlatform
) -> None:
    now = time.time()
    for method, path, at_s, pair in (
        ("POST", "/api/generate", now, PAIR),
        ("GET", "/api/chat", now, PAIR),
        ("POST", "/ollama/api/chat", now, PAIR),
        ("POST", "/api/chat", now - SKEW_S - 5, PAIR),
        ("POST", "/api/chat", now + SKEW_S + 5, PAIR),
        ("POST", "/api/chat", now, OTHER),
    ):
        ts, signed = sign(method, path, at_s, pair)
        reply = await stranger.post(f"/ollama/api/chat?ts={ts}", CHAT, ("authorization", signed))
        assert (reply.status, list(reply.json())) == (401, ["error"])
    assert known.dispatcher.calls == []


async def test_the_instant_that_was_signed_is_the_one_of_the_query(stranger: Client, known: FakePlatform) -> None:
    ts, signed = sign("POST", "/api/chat", time.time() - 2 * SKEW_S)
    for query in (f"ts={int(time.time())}", "", f"ts={ts}&ts={int(time.time())}", "ts=now"):
        reply = await stranger.post(f"/ollama/api/chat?{query}", CHAT, ("authorization", signed))
        assert reply.status == 401
    assert known.dispatcher.calls == []


async def test_no_other_path_takes_a_signature(stranger: Client, known: FakePlatform) -> None:
    for path, signed_path in (("/v1/models", "/v1/models"), ("/api/v1/sessions", "/api/v1/sessions")):
        ts, signed = sign("GET", signed_path, time.time())
        assert (await stranger.get(f"{path}?ts={ts}", ("authorization", signed))).status == 401
    ts, signed = sign("GET", "/api/tags", time.time())
    both = (("authorization", signed), ("x-api-key", "sy_" + "b" * 12 + "_" + "B" * 43))
    assert (await stranger.get(f"/ollama/api/tags?ts={ts}", *both)).status == 401
    assert known.keys.signer is not None


async def test_wrong_signatures_are_counted_by_where_they_come_from() -> None:
    platform = FakePlatform(max_refused_keys=2)
    stranger, found = Client(create_app(platform)), []
    for _ in range(4):
        ts, signed = sign("GET", "/api/ps", time.time())
        found.append((await stranger.get(f"/ollama/api/tags?ts={ts}", ("authorization", signed))).status)
    assert found == [401, 401, 429, 429]


@pytest.mark.parametrize("at_s", [1_000_000 - SKEW_S, 1_000_000 + SKEW_S])
def test_the_clocks_may_differ_by_the_bound_and_no_more(at_s: int) -> None:
    ts, header = sign("GET", "/api/tags", at_s)
    signed = Signed(header=header, method="GET", path="/api/tags", ts=ts)
    assert signed.signer(1_000_000.0) == read_public_key(line_of(PAIR))
    with pytest.raises(KeyUnknown, match="clocks"):
        signed.signer(1_000_000.0 + (1 if at_s < 1_000_000 else -1))


@pytest.mark.parametrize("line", ["", "ssh-rsa AAAA", "ssh-ed25519 AAAA", "no/such/file", "ssh-ed25519 " + "A" * 68])
def test_what_is_no_public_key_is_refused(line: str) -> None:
    with pytest.raises(BadInput):
        read_public_key(line)


def test_a_public_key_is_read_with_its_remark_or_from_its_file(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("ollama") / "id_ed25519.pub"
    file.write_text(line_of(PAIR) + "\n")
    raw = PAIR.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert [read_public_key(given) for given in (line_of(PAIR), f"{line_of(PAIR)} me@here\n", str(file))] == [raw] * 3
