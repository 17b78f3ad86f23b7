"""What follows an attempt that broke off: another one at once, a pause, or the end of the call."""

from dataclasses import dataclass, field

from app.inference.routing.placement import Need
from app.inference.slots.admission import Admission
from app.inference.slots.patience import Patience
from app.inference.words.failures import ELSEWHERE, CallBroke, Failure, RetryBudget, empty, refused


@dataclass(slots=True)
class Tries:
    """The nodes that a call has tried, and how many attempts it may make in a row before it has to wait."""

    left: int
    nodes: set[str] = field(default_factory=set[str])

    def after(self, broke: CallBroke, budget: RetryBudget) -> bool:
        """Note an attempt that broke off; return whether the next one may be made at once.

        Raises NodeRefused and AnswerEmpty when there must not be one.
        """
        if broke.failure not in ELSEWHERE:
            raise refused(broke) from broke
        self.left -= 1
        self.nodes.add(broke.node)
        at_once = self.left > 0 and (broke.failure is Failure.BUSY or budget.take())
        if broke.failure is Failure.EMPTY and not at_once:
            # To wait for a node would not help: nothing is wrong with those that were asked.
            raise empty(broke) from broke
        # Later there is one more attempt for each pause.
        self.left = max(1, self.left)
        return at_once


async def pause(broke: CallBroke, admission: Admission, need: Need, patience: Patience, *, at_once: bool) -> None:
    """Wait for as long as the next attempt must. Raises `broke` when the patience is over."""
    if not at_once:
        await patience.wait(broke)
    elif not admission.has_room_elsewhere(need):
        await patience.space()
