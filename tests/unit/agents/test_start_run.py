"""What is asked of a team, as the key of whoever asks allows it."""

import pytest

from app.agents.values import RunOptions, StartRun
from app.ids import Caller, KeyContract, KeyId
from app.inference.words.contract import Contract
from app.inference.words.priority import Priority
from app.inference.words.tiers import Tier
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


def test_a_run_is_held_to_the_contract_of_its_key() -> None:
    caller = Caller(TENANT_A, KeyId(TENANT_A), "a", contract=KeyContract(min_tier="complex", no_degrade=True))
    asked = StartRun(question="How long?", request_id="r1", options=RunOptions(contract=Contract(digest="d")))
    assert asked.by(caller).options.contract == Contract(min_tier=Tier.COMPLEX, digest="d", no_degrade=True)
    free = Caller(TENANT_A, KeyId(TENANT_A), "a")
    assert asked.by(free) is asked
