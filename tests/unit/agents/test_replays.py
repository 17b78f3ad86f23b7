"""What two requests with one idempotency key must have in common."""

from uuid import UUID

import msgspec
import pytest

from app.agents.replays import request_digest
from app.agents.values import OnDisconnect, RunOptions, StartRun
from app.ids import SessionId

ASKED = StartRun(question="How long?", request_id="r1", context={"a": "1", "b": "2"}, options=RunOptions(seed=7))


@pytest.mark.parametrize(
    "what",
    [
        {"question": "How much?"},
        {"team": "another"},
        {"session_id": SessionId(UUID(int=1))},
        {"context": {"a": "1", "b": "3"}},
        {"context": {}},
        {"options": RunOptions(seed=8)},
        {"options": RunOptions(seed=7, max_tokens=5)},
        {"options": RunOptions(seed=7, temperature=0.0)},
        {"options": RunOptions(seed=7, deadline_s=1.0)},
    ],
)
def test_a_request_that_asks_for_something_else_is_another(what: dict[str, object]) -> None:
    assert request_digest(msgspec.structs.replace(ASKED, **what)) != request_digest(ASKED)


@pytest.mark.parametrize(
    "what",
    [
        {"request_id": "r2"},
        {"on_disconnect": OnDisconnect.CONTINUE},
        {"context": {"b": "2", "a": "1"}},
        {"idempotency_key": "k"},
    ],
)
def test_a_request_that_asks_for_the_same_is_the_same(what: dict[str, object]) -> None:
    assert request_digest(msgspec.structs.replace(ASKED, **what)) == request_digest(ASKED)
