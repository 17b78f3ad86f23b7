"""How a webhook is signed, and when it is tried again."""

import socket
import ssl

import pytest

from app.webhook_client import Answered, Lapse, answered, lapse_of
from app.webhooks.deliveries import PAUSES_S, SPREAD, pause_s
from app.webhooks.signatures import new_secret, signatures

DAY_S = 86_400
FAILED = Answered(Lapse.STATUS, 500)


def test_a_webhook_is_signed_as_the_standards_own_libraries_sign_it() -> None:
    # The vector of standard-webhooks/standard-webhooks, libraries/*/test*.
    signed = signatures(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_a_secret_is_replaced_both_sign() -> None:
    first, second = new_secret(), new_secret()
    both = signatures([second, first], "id", 1, b"{}")
    assert both == f"{signatures([second], 'id', 1, b'{}')} {signatures([first], 'id', 1, b'{}')}"
    assert first != second
    assert len(first) == len("whsec_") + 44


def test_pauses_grow_and_ten_attempts_are_over_within_the_day_for_which_a_task_is_kept() -> None:
    for chance in (0.0, 0.5, 1.0):
        pauses = [pause_s(attempts, FAILED, chance) for attempts in range(1, 11)]
        assert pauses[-1] is None
        kept = [pause for pause in pauses if pause is not None]
        assert len(kept) == 9
        assert kept == sorted(kept)
        assert sum(kept) < DAY_S
    assert pause_s(1, FAILED, 0.0) == PAUSES_S[0] * (1 - SPREAD)
    assert pause_s(1, FAILED, 1.0) == PAUSES_S[0] * (1 + SPREAD)


def test_a_receiver_is_left_alone_for_as_long_as_it_asks_and_for_good_when_it_is_gone() -> None:
    assert pause_s(1, Answered(Lapse.STATUS, 503, wait_s=600.0), 0.5) == 600.0
    assert pause_s(1, Answered(Lapse.GONE, 410), 0.5) is None
    assert pause_s(1, Answered(Lapse.BEGUN_AGAIN), 0.5) is None


@pytest.mark.parametrize(
    ("status", "lapse"),
    [
        *((200, None), (204, None), (299, None)),
        *((301, Lapse.REDIRECT), (302, Lapse.REDIRECT), (307, Lapse.REDIRECT), (308, Lapse.REDIRECT)),
        *((404, Lapse.STATUS), (429, Lapse.STATUS), (500, Lapse.STATUS), (410, Lapse.GONE), (101, Lapse.STATUS)),
    ],
)
def test_only_a_2xx_is_taken_for_delivered(status: int, lapse: Lapse | None) -> None:
    assert answered(status, None).lapse is lapse


@pytest.mark.parametrize(
    ("said", "wait_s"), [("120", 120.0), ("999999", 3600.0), ("-1", 0.0), ("soon", 0.0), (None, 0.0)]
)
def test_a_receiver_may_ask_for_an_hour_at_most(said: str | None, wait_s: float) -> None:
    assert answered(503, said).wait_s == wait_s


def test_what_breaks_a_connection_is_told_apart() -> None:
    assert lapse_of(socket.gaierror(-2, "unknown")) is Lapse.NAME_UNKNOWN
    assert lapse_of(ssl.SSLCertVerificationError("not yours")) is Lapse.UNTRUSTED
    assert lapse_of(ConnectionRefusedError()) is Lapse.UNREACHABLE
