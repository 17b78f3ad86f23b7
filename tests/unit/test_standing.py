"""A change of a store is told once, with its cause and remedy; what flaps floods no log."""

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from app.causes import Cause, Finding
from app.errors import StoreMisconfigured, StoreUnavailable
from app.standing import LOOK, TELL_EVERY_S, TELLS, Standing, located, place_of, standing_of
from app.telemetry.metrics import Metrics

GONE = Finding(Cause.CONNECTION_REFUSED, "connection refused")
WRONG = Finding(Cause.PASSWORD, "wrong password (WRONGPASS)")
LATE = Finding(Cause.NO_ANSWER, "no answer in 2 s")
NO_EVAL = Finding(Cause.RIGHTS, "no permission for EVAL (NOPERM)", "give the user the right to EVAL")


def test_an_operator_is_told_what_why_where_and_what_to_do_each_once() -> None:
    told = located(StoreUnavailable("it does not answer", store="cache"), "redis://cache:6379/0", GONE)
    assert told.detail == f"it does not answer: connection refused (redis://cache:6379/0); {GONE.advice}"
    known = located(StoreMisconfigured(f"{WRONG.text}; {WRONG.advice}", store="cache"), "redis://cache", WRONG)
    assert known.detail == "wrong password (WRONGPASS); correct user and password in the address (redis://cache)"
    assert (type(known), known.facts) == (StoreMisconfigured, {"store": "cache"})
    assert (
        located(StoreUnavailable("busy", store="x"), "http://a, http://b", None).detail == "busy (http://a, http://b)"
    )


class Clock:
    """A clock that stands still unless moved."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_each_change_is_one_warning_with_address_cause_and_remedy() -> None:
    standing = Standing("cache", "redis://cache:6379/0")
    with capture_logs() as told:
        standing.answered()
        for finding in (GONE, GONE, GONE, WRONG, WRONG):
            standing.failed(finding)
        for _ in range(3):
            standing.answered()
    assert [(line["event"], line["log_level"], line.get("cause")) for line in told] == [
        ("store.down", "warning", "connection_refused"),
        ("store.down", "warning", "password"),
        ("store.up", "warning", None),
    ]
    assert told[1] == {
        "event": "store.down",
        "log_level": "warning",
        "store": "cache",
        "address": "redis://cache:6379/0",
        "cause": "password",
        "detail": "wrong password (WRONGPASS)",
        "remedy": "correct user and password in the address",
    }


def test_one_late_answer_is_no_change_and_two_in_a_row_are() -> None:
    standing = Standing("cache", "redis://cache:6379/0")
    standing.failed(LATE)
    standing.answered()
    standing.failed(LATE)
    assert standing.finding is None
    standing.failed(LATE)
    assert standing.finding == LATE


@pytest.mark.parametrize(("operation", "is_mended"), [("events", False), ("acquire", True), (LOOK, True)])
def test_what_is_wrong_with_one_operation_another_ones_success_does_not_mend(
    operation: str, *, is_mended: bool
) -> None:
    standing = Standing("coordination", "redis://c:6379/0")
    standing.failed(NO_EVAL, "acquire")
    standing.answered(operation)
    assert (standing.finding is None) is is_mended


def test_a_store_that_flaps_is_told_of_a_few_times_and_then_once_in_a_while() -> None:
    clock = Clock()
    standing = Standing("cache", "redis://cache:6379/0", clock=clock)
    with capture_logs() as told:
        for _ in range(100):
            standing.failed(GONE)
            standing.answered()
    assert len(told) == TELLS
    clock.now_s += TELL_EVERY_S
    with capture_logs() as later:
        standing.failed(GONE)
        standing.failed(GONE)
    assert [(line["event"], line["changes"]) for line in later] == [("store.down", 200 - TELLS + 1)]


def test_what_was_not_told_while_it_flapped_is_told_when_it_may_be() -> None:
    clock = Clock()
    standing = Standing("cache", "redis://cache:6379/0", clock=clock)
    for _ in range(TELLS // 2):
        standing.failed(GONE)
        standing.answered()
    standing.failed(GONE)
    clock.now_s += TELL_EVERY_S
    with capture_logs() as told:
        standing.failed(GONE)
    assert [line["event"] for line in told] == ["store.down"]


def test_the_gauge_is_there_from_the_start_and_follows() -> None:
    metrics = Metrics(CollectorRegistry())
    standing = standing_of("cache", "redis://:hunter2@cache:6379/0", metrics)

    def shown() -> float | None:
        return metrics.registry.get_sample_value("switchyard_store_up", {"store": "cache"})

    assert shown() == 1
    standing.failed(GONE)
    assert shown() == 0
    standing.answered()
    assert shown() == 1
    assert standing.address == "redis://cache:6379/0"


def test_causes_that_another_module_tells_are_known_and_not_told_again() -> None:
    standing = Standing("postgres", "postgresql://db:5432/x", tells=frozenset({Cause.NO_ANSWER}))
    with capture_logs() as told:
        standing.failed(WRONG)
        standing.answered()
        standing.failed(LATE)
        standing.failed(LATE)
        standing.answered()
    assert [(line["event"], line.get("cause")) for line in told] == [("store.down", "no_answer"), ("store.up", None)]


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("redis://u:p@cache:6379/0?password=x", "redis://cache:6379/0"),
        ("https://key@q:6333", "https://q:6333"),
        ("/var/lib/blobs", "/var/lib/blobs"),
        ("http://[::1", "unknown"),
    ],
)
def test_a_place_holds_no_credentials(address: str, place: str) -> None:
    assert place_of(address) == place
