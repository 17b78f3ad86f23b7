"""Work over a club house without a database, with a model that says the titles that it is told to."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar, cast
from uuid import UUID

import msgspec
from langgraph.types import Command

from app.agents.reply import Reply
from app.agents.scheduler.alternatives import alternatives
from app.agents.scheduler.checks import Rules, conflicts_of
from app.agents.scheduler.records import Booking, BookingState, Constraint, ConstraintKind
from app.agents.scheduler.tools import Booked, BookingAsked, Conflicts, Options, Resources, ResourcesAsked
from app.agents.teams.scheduler import SchedulerState, orchestrator_graph
from app.agents.tools import Tool
from app.agents.work import Work
from app.errors import StructureUnmet
from tests.fakes.bookings import NOW, RULES
from tests.fakes.runs import CLAIM

T = TypeVar("T")

GRAPH = orchestrator_graph().compile()


class FakeWork:
    """The work of one run. `names` is what the model would call the event (None: nothing of that form)."""

    def __init__(
        self,
        question: str,
        *,
        held: Rules = RULES,
        names: str | None = None,
        context: Mapping[str, str] = MappingProxyType({"time_zone": "America/New_York"}),
    ) -> None:
        self.question = question
        self.context = context
        self.asked_at = NOW
        self.claim = CLAIM
        self.held = held
        self.used: list[tuple[str, str, object]] = []
        self.named: list[str] = []
        self._names = names

    async def ask_for(
        self, agent: str, prompt: str, values: Mapping[str, str], result_type: type[T], *, question: str
    ) -> T:
        """Name an event."""
        del agent, values, question
        self.named.append(prompt)
        if self._names is None:
            raise StructureUnmet("no")
        return msgspec.convert({"title": self._names}, result_type)

    async def use(self, tool: Tool[Any, Any], arguments: object, *, agent: str) -> object:
        """Do what the tool does, over the rules."""
        self.used.append((agent, tool.name, arguments))
        match arguments:
            case ResourcesAsked():
                return Resources(self.held.resources)
            case BookingAsked() if tool.name == "find_alternatives":
                return Options(alternatives(arguments.draft, self.held, arguments.asked_at))
            case BookingAsked() if tool.name == "find_conflicts":
                known = (*self.held.constraints, Constraint(kind=ConstraintKind.ATTENDEE))
                held = msgspec.structs.replace(self.held, constraints=known)
                return Conflicts(conflicts_of(arguments.draft, held, arguments.asked_at))
            case BookingAsked():
                return self._book(arguments)
            case _:
                raise AssertionError(tool.name)

    def _book(self, asked: BookingAsked) -> Booked:
        conflicts = conflicts_of(asked.draft, self.held, asked.asked_at)
        if conflicts:
            return Booked(None, conflicts)
        made = Booking(
            id=UUID(int=len(self.held.bookings) + 100),
            state=BookingState.BOOKED,
            created_at=NOW,
            changed_at=NOW,
            **msgspec.structs.asdict(asked.draft),
        )
        self.held = msgspec.structs.replace(self.held, bookings=(*self.held.bookings, made))
        return Booked(made)

    @staticmethod
    def hand_to(step: str, **update: object) -> Command[str]:
        """Hand on."""
        return Work.hand_to(step, **update)


class Talk:
    """A conversation: what one turn leaves in the state, the next one begins with."""

    def __init__(self, held: Rules = RULES, now: datetime = NOW) -> None:
        self.held = held
        self.now = now
        self.state: dict[str, Any] = {}

    async def say(self, question: str, **more: Any) -> Reply:  # noqa: ANN401 - what FakeWork takes
        """Return what the team replies."""
        work = FakeWork(question, held=self.held, **more)
        work.asked_at = self.now
        begun = cast("SchedulerState", {**self.state, "question": question, "reply": None})
        self.state = await GRAPH.ainvoke(begun, context=cast("Work", work))
        self.held = work.held
        reply = self.state["reply"]
        assert isinstance(reply, Reply)
        return reply


async def replied(work: FakeWork) -> Reply:
    """Return what the team replies to one request."""
    begun = cast("SchedulerState", {"question": work.question, "reply": None})
    reply = (await GRAPH.ainvoke(begun, context=cast("Work", work)))["reply"]
    assert isinstance(reply, Reply)
    return reply


def bookings_of(held: Rules) -> Sequence[str]:
    """Return the titles of what is booked."""
    return [one.title for one in held.bookings]
