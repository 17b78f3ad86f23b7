"""What the stack's refusals and failures mean to a client."""

import pytest

from ops.load.wire import LONGEST_PATIENCE_S, PATIENCE_S, Broken, Refused, Wire, fault_of, refusal_of


@pytest.mark.parametrize("status", [429, 503])
def test_not_now_is_a_refusal_that_says_when_to_come_back(status: int) -> None:
    found = refusal_of(status, "3", b'{"code": "rate_limited"}')
    assert isinstance(found, Refused)
    assert (found.code, found.retry_after_s) == ("rate_limited", 3.0)


@pytest.mark.parametrize("retry_after", [None, "", "Wed, 21 Oct 2026 07:28:00 GMT", "-1"])
def test_a_refusal_without_a_number_is_waited_out_for_a_while(retry_after: str | None) -> None:
    found = refusal_of(503, retry_after, b"{}")
    assert isinstance(found, Refused)
    assert found.retry_after_s == PATIENCE_S


def test_nobody_waits_for_an_hour() -> None:
    found = refusal_of(503, "3600", b"{}")
    assert isinstance(found, Refused)
    assert found.retry_after_s == LONGEST_PATIENCE_S


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 500, 502, 504])
def test_any_other_bad_status_is_a_failure(status: int) -> None:
    found = refusal_of(status, None, b'{"code": "some_code"}')
    assert isinstance(found, Broken)
    assert found.code == "some_code"


def test_what_is_no_problem_document_is_named_too() -> None:
    assert refusal_of(502, None, b"<html>").code == "unreadable"
    assert fault_of(500, None, {}).code == "500"


@pytest.mark.parametrize("url", ["ftp://host", "host:80", "http://"])
def test_an_address_must_be_http(url: str) -> None:
    with pytest.raises(Broken, match="address_wrong"):
        Wire(url, "key")
