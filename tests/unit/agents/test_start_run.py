"""What is asked of a team, as the key of whoever asks allows it."""

import pytest

from app.agents.values import RunOptions, StartRun
from app.ids import Caller, KeyId
from app.inference.words.priority import Priority
from tests.fakes.platform import TENANT_A


@pytest.mark.parametrize(
    ("batch_only", "said", "had"),
    [
        (False, Priority.INTERACTIVE, Priority.INTERACTIVE),
        (False, Priority.BATCH, Priority.BATCH),
        (True, Priority.INTERACTIVE, Priority.BATCH),
        (True, Priority.BATCH, Priority.BATCH),
    ],
)
def test_a_run_has_the_priority_that_it_says_unless_its_key_is_for_batch_work(
    *, batch_only: bool, said: Priority, had: Priority
) -> None:
    caller = Caller(TENANT_A, KeyId(TENANT_A), "a", batch_only=batch_only)
    asked = StartRun(question="How long?", request_id="r1", options=RunOptions(seed=7, priority=said))
    assert (asked.by(caller).options.priority, asked.by(caller).options.seed) == (had, 7)
