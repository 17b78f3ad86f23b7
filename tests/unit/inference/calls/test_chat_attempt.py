"""What an answer says that it had to do without."""

from dataclasses import replace
from uuid import UUID

import msgspec
import pytest

from app.degradation import Degradation
from app.ids import RouteId
from app.inference.calls.calibration import Calibration
from app.inference.calls.chat_attempt import ChatAttempt, Reader
from app.inference.calls.continuation import Continuations
from app.inference.calls.progress import Progress
from app.inference.calls.tries import Tries
from app.inference.slots.lease import Lease
from app.inference.wire.bodies import ChatLine
from app.inference.words.records import ChatCall, Message
from app.inference.words.route import Reason, Route
from app.inference.words.tiers import Tier, TierReason
from tests.fakes.held import OF_A_TENANT, attempt_in, held_on

WORDS = 100


def _attempt(
    *, asked: Tier = Tier.SIMPLE, coordinated: bool = True, left_out: int = 0, think: bool = False
) -> ChatAttempt:
    call = ChatCall(
        messages=(Message("user", "word " * WORDS),), question="", agent="a", account=OF_A_TENANT, max_tokens=5,
        temperature=0.0,
        think=think or None,
    )  # fmt: skip
    progress = Progress(call, asked, Tries(4), Calibration(), Continuations())
    progress.sent = replace(progress.sent, left_out=left_out)
    held = held_on()
    held = replace(held, lease=Lease(held.lease.facts, 40.0, coordinated=coordinated))
    route = Route(
        id=RouteId(UUID(int=1)),
        tier=Tier.SIMPLE,
        tier_reason=TierReason.ASKED_FOR,
        need=0.0,
        reason=Reason.ONLY_CANDIDATE,
        model="m",
        digest="",
        node="a",
        candidates=(),
    )
    return ChatAttempt(progress, attempt_in(held, route), route, Reader(lambda _: None, lambda: None))


@pytest.mark.parametrize(
    ("attempt", "counted", "said"),
    [
        pytest.param(_attempt(), WORDS, (), id="nothing"),
        pytest.param(_attempt(), 0, (), id="a node that does not count"),
        pytest.param(_attempt(), 90, (), id="a tenth fewer"),
        pytest.param(_attempt(), 89, (Degradation.PROMPT_TRUNCATED,), id="a part that the node dropped"),
        pytest.param(_attempt(coordinated=False), WORDS, (Degradation.COORDINATION,), id="Redis"),
        pytest.param(_attempt(asked=Tier.MEDIUM), WORDS, (Degradation.TIER,), id="the tier"),
        pytest.param(_attempt(left_out=1), WORDS, (Degradation.HISTORY,), id="a turn"),
        pytest.param(_attempt(think=True), WORDS, (Degradation.THINKING,), id="thinking"),
    ],
)
def test_an_answer_says_each_thing_that_it_had_to_do_without(
    attempt: ChatAttempt, counted: int, said: tuple[Degradation, ...]
) -> None:
    assert attempt.degraded(msgspec.structs.replace(ChatLine(done=True), prompt_eval_count=counted)) == said
