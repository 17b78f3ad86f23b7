"""Webhooks on the wire: what is connected to, what is not, and what is followed nowhere."""

import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.callback_urls import Allowed, allowed_of
from app.webhook_client import Lapse, WebhookClient
from tests.fakes.certificate import make_certificate
from tests.fakes.receiver import Receiver, receiving

pytestmark = pytest.mark.integration

HERE = allowed_of(["127.0.0.1/32"])


class Names:
    """A resolver that answers one thing first, and another from then on."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, _port: int, /) -> Sequence[tuple[int, str]]:
        self.asked.append(host)
        now = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [(socket.AF_INET6 if ":" in address else socket.AF_INET, address) for address in now]


async def test_a_webhook_is_posted_once_with_its_headers_and_body() -> None:
    async with receiving(Receiver()) as receiver:
        answer = await WebhookClient(HERE).post(receiver.url(), b'{"a":1}', {"webhook-id": "one"})
    assert (answer.lapse, answer.status) == (None, 200)
    ((path, headers, body),) = receiver.taken
    assert (path, headers["webhook-id"], body) == ("/hook", "one", b'{"a":1}')


async def test_a_redirect_is_not_followed_wherever_it_leads() -> None:
    async with receiving(Receiver()) as inside, receiving(Receiver(statuses=[307])) as receiver:
        receiver.headers["location"] = inside.url()
        answer = await WebhookClient(HERE).post(receiver.url(), b"{}", {})
        assert (answer.lapse, answer.status) == (Lapse.REDIRECT, 307)
        assert len(receiver.taken) == 1
        assert not inside.taken


@pytest.mark.parametrize(
    "found",
    [
        ["127.0.0.1"],
        ["93.184.215.14", "127.0.0.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
    ],
)
async def test_a_name_that_leads_inside_is_asked_nothing(found: list[str]) -> None:
    async with receiving(Receiver()) as receiver:
        names = Names(found)
        answer = await WebhookClient(Allowed(), resolve=names).post(receiver.url("a.example"), b"{}", {})
        assert answer.lapse is Lapse.ADDRESS_REFUSED
        assert names.asked == ["a.example"]
        assert not receiver.taken


async def test_a_name_is_looked_up_once_for_a_try_and_anew_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that was public when it was checked and resolves anew is asked where it was checked, or not at all."""

    def public(_: Allowed, _host: str, address: str) -> bool:
        # It stands in for an address of the internet, 127.0.0.2 for one of this network.
        return address == "127.0.0.1"

    monkeypatch.setattr(Allowed, "permits", public)
    async with receiving(Receiver()) as receiver:
        names = Names(["127.0.0.1"], ["127.0.0.2"])
        client = WebhookClient(Allowed(), resolve=names)
        assert (await client.post(receiver.url("a.example"), b"{}", {})).lapse is None
        assert (await client.post(receiver.url("a.example"), b"{}", {})).lapse is Lapse.ADDRESS_REFUSED
        assert len(names.asked) == 2
        assert len(receiver.taken) == 1


async def test_what_is_about_to_be_connected_to_is_checked_whatever_the_resolver_let_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with receiving(Receiver()) as receiver:
        checks: list[str] = []

        def once(_: Allowed, _host: str, address: str) -> bool:
            checks.append(address)
            return len(checks) == 1

        monkeypatch.setattr(Allowed, "permits", once)
        answer = await WebhookClient(Allowed(), resolve=Names(["127.0.0.1"])).post(receiver.url("a.example"), b"", {})
        assert answer.lapse is Lapse.ADDRESS_REFUSED
        assert checks == ["127.0.0.1", "127.0.0.1"]
        assert not receiver.taken


async def test_an_address_that_is_written_out_is_checked_too() -> None:
    async with receiving(Receiver()) as receiver:
        assert (await WebhookClient(Allowed()).post(receiver.url(), b"{}", {})).lapse is Lapse.ADDRESS_REFUSED
        assert not receiver.taken


async def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving(Receiver()) as proxy, receiving(Receiver()) as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url(path=""))
        assert (await WebhookClient(HERE).post(receiver.url(), b"{}", {})).lapse is None
        assert not proxy.taken


async def test_a_receiver_that_does_not_answer_costs_no_more_than_the_limit() -> None:
    async with receiving(Receiver(stalls=True)) as receiver:
        answer = await WebhookClient(HERE, limit_s=0.2).post(receiver.url(), b"{}", {})
    assert answer.lapse is Lapse.TIMED_OUT
    closed = await WebhookClient(HERE).post(receiver.url(), b"{}", {})
    assert closed.lapse is Lapse.UNREACHABLE


async def test_the_certificate_must_be_of_the_name_though_the_address_is_pinned(tmp_path: Path) -> None:
    certificate, key = make_certificate("hooks.example")
    pem = tmp_path / "server.pem"
    pem.write_text(certificate + key)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    trusted = ssl.create_default_context(cadata=certificate)
    async with receiving(Receiver(), server) as receiver:
        names = Names(["127.0.0.1"])
        client = WebhookClient(HERE, resolve=names, trusted=trusted)
        assert (await client.post(receiver.url("hooks.example"), b"{}", {})).lapse is None
        assert (await client.post(receiver.url("other.example"), b"{}", {})).lapse is Lapse.UNTRUSTED
        stranger = WebhookClient(HERE, resolve=names)
        assert (await stranger.post(receiver.url("hooks.example"), b"{}", {})).lapse is Lapse.UNTRUSTED
        assert len(receiver.taken) == 1
