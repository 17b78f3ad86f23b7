"""A queue for slots that gives each call what it asks for at once."""

from collections.abc import Callable
from typing import cast

from app.inference.slots.queue import SlotQueue
from app.inference.slots.register import LeaseRegister
from app.inference.slots.waiter import Grant, Offer, Wish
from app.inference.words.tiers import Tier


class FakeQueue:
    """Gives the best candidate; notes what was wished."""

    def __init__(self, register: LeaseRegister, *, starved: bool = False) -> None:
        self.register = register
        self.starved = starved
        self.waits: dict[Tier, float] = {}
        self.wishes: list[Wish] = []

    async def take(self, wish: Wish, offer: Callable[[], Offer]) -> Grant:
        """Give the best candidate."""
        self.wishes.append(wish)
        offered = offer()
        candidate = offered.candidates[0]
        return Grant(offered, candidate, offered.lease(candidate, 0, True), {}, 0, self.starved)

    def as_queue(self) -> SlotQueue:
        """Return it as what it stands in for."""
        return cast("SlotQueue", self)
