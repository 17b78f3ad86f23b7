"""What a call that broke means for the breaker of its node and model."""

from collections.abc import Callable
from typing import assert_never

from app.breaker import Breaker
from app.inference.words.failures import Blame, Failure, blame_of

OPEN_AFTER_CALLS = 3
OPEN_FOR_S = 10.0
LONGEST_OPEN_S = 300.0


def new_breaker(clock: Callable[[], float]) -> Breaker:
    """Return the breaker of a node and model that nothing is known of."""
    return Breaker(clock=clock, failures=OPEN_AFTER_CALLS, open_for_s=OPEN_FOR_S, longest_s=LONGEST_OPEN_S)


def hold_against(breaker: Breaker, failure: Failure, call: str, *, began_at: float) -> None:
    """Note that a call, by its identity, broke; it began then by the breaker's clock."""
    blame = blame_of(failure)
    match blame:
        case Blame.REQUEST | Blame.NOBODY:
            breaker.absolve()
        case Blame.EITHER:
            breaker.fail(call, began_at=began_at)
        case Blame.NODE:
            breaker.fail(call)
        case Blame.NODE_AT_ONCE:
            breaker.fail(call, at_once=True)
        case _:
            assert_never(blame)
