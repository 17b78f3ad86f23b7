"""The table from error to status covers the whole tree."""

from collections.abc import Iterator

import pytest

from app import errors
from app.api.docs import write_errors_page
from app.api.problems import STATUSES, describe, status_of, title_of
from app.errors import DeadlineExceeded, Refused, RunCancelled, RunFailed, SwitchyardError, Unavailable
from app.stored_ends import rebuild


def tree(kind: type[SwitchyardError]) -> Iterator[type[SwitchyardError]]:
    """Yield every class of app.errors below `kind`."""
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
        yield from tree(child)


KINDS = sorted(set(tree(SwitchyardError)), key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_a_status_and_a_title_of_its_own(kind: type[SwitchyardError]) -> None:
    assert kind in STATUSES
    assert 20 < len(title_of(kind)) < 120
    status = status_of(kind)
    if issubclass(kind, Refused):
        assert 400 <= status < 500
    if issubclass(kind, Unavailable):
        assert status == (504 if kind is DeadlineExceeded else 503)


def test_codes_are_unique() -> None:
    assert len({kind.code for kind in STATUSES}) == len(STATUSES)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if issubclass(kind, Unavailable)])
def test_whatever_is_unavailable_says_when_to_come_back(kind: type[Unavailable]) -> None:
    problem = describe(kind("away", store="x"))
    assert problem.retryable
    assert int(problem.headers["retry-after"]) == kind.retry_after_s > 0
    assert problem.document("r")["store"] == "x"


def test_facts_never_overwrite_the_members_of_a_problem() -> None:
    document = describe(errors.BadInput("no", status=200, code="fine", title="x", field="message")).document("r")
    assert (document["status"], document["code"], document["field"]) == (422, "bad_input", "message")


def test_internal_errors_of_our_own_tell_nothing_either() -> None:
    document = describe(errors.LeaseLost("another process owns run 7", owner="replica-2")).document("r")
    assert document["code"] == "internal"
    assert "replica-2" not in str(document)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if issubclass(kind, (Refused, Unavailable))])
def test_a_stored_error_is_told_like_the_one_that_was_raised(kind: type[SwitchyardError]) -> None:
    raised = kind("why", node="a")
    again = rebuild(raised.code, raised.detail, dict(raised.facts))
    assert describe(again) == describe(raised)


def test_a_stored_error_of_another_version_is_still_a_problem() -> None:
    document = describe(rebuild("code_of_tomorrow", "why", {"deep": {"x": 1}, "detail": "no", "self": "no"})).document(
        "r"
    )
    assert (document["code"], document["reason"], document["status"]) == ("run_failed", "code_of_tomorrow", 500)
    assert "deep" not in document
    assert isinstance(rebuild(None, None, {}), RunFailed)
    assert isinstance(rebuild("run_failed", None, {"reason": "cancelled"}), RunCancelled)


def test_the_errors_page_has_an_anchor_for_every_code() -> None:
    page = write_errors_page()
    for code in {kind.code for kind in KINDS if kind not in {Refused, Unavailable}} | {"internal", "not_found"}:
        assert f'id="{code}"' in page
