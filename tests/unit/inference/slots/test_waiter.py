"""What a waiting call is told when it gets no slot after all."""

import pytest

from app.errors import NoSlotInTime
from app.inference.slots.lanes import Lane
from app.inference.slots.waiter import Waiter, Wish


async def test_a_call_whose_turn_comes_too_late_is_told_how_long_that_took_and_when_to_come_back() -> None:
    wish = Wish(id="a", queue="simple", lane=Lane.INTERACTIVE, tenant="t", guess_us=1, limit_s=30.0)
    waiter = Waiter(wish, [], 100.0, 256, 128)
    waiter.refuse(102.3)
    with pytest.raises(NoSlotInTime, match=r"its turn came after 2\.3 s") as refused:
        await waiter.woken(1.0)
    facts = refused.value.facts
    assert (facts["reason"], facts["waited_s"], facts["eta_s"]) == ("too_long", 2.3, 2.3)
    assert refused.value.retry_after_s == 3
