"""Work over the rows of a few customers, with models that say what they are told to."""

from collections.abc import Coroutine, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar, cast

import msgspec
from langgraph.types import Command

from app.agents.insurance.records import Bill, Book, Policy
from app.agents.insurance.rows import MOST_POLICIES, NEWEST
from app.agents.insurance.seed import make_book
from app.agents.insurance.tools import (
    Billing,
    Claims,
    ClaimsAsked,
    CustomerAsked,
    EntriesRead,
    Filed,
    Filing,
    Held,
    PolicyAsked,
    Premiums,
    SetAsked,
    SetStock,
)
from app.agents.likening import Numbers, Weigh
from app.agents.reply import Reply
from app.agents.support_policy import SupportPolicy
from app.agents.team import TeamState
from app.agents.teams.insurance import build
from app.agents.tools import Tool
from app.agents.values import Answered, Request, Turn
from app.agents.work import Work
from app.degradation import Degradation
from app.errors import StructureUnmet
from app.retrieval.filters import EVERYTHING, DocumentFilter
from app.retrieval.passages import Passage

T = TypeVar("T")

BOOK = make_book(5)
GRAPH = build().compile()


def billing_of(policy: Policy | None, bills: Sequence[Bill]) -> Billing:
    """Return what the tool does of these bills, newest first."""
    unpaid, paid = ([one for one in bills if one.is_unpaid is is_it] for is_it in (True, False))
    read = {one.bill_id for one in (*unpaid[:NEWEST], *paid[:NEWEST])}
    further = (max(0, len(one) - NEWEST) for one in (unpaid, paid))
    return Billing(policy, tuple(one for one in bills if one.bill_id in read), *further)


class FakeWork:
    """The work of one run. `says` is the model's answer, `chooses` its choice (None: of no form)."""

    def __init__(
        self,
        question: str,
        *,
        says: str = "",
        chooses: str | None = None,
        turns: Sequence[Turn] = (),
        context: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.question = question
        self.turns = tuple(turns)
        self.context = context
        self.degraded: set[Degradation] = set()
        self.found: tuple[Passage, ...] = ()
        self.weighed: list[tuple[str, str]] = []
        self.meaning: Numbers = ()
        """What every text means; nothing: no embedding is to be had."""
        self.has_faq = False
        self.entries: tuple[Passage, ...] = ()
        self.searched: list[DocumentFilter] = []
        self.answered = Answered("We have waived the fee.", by="Ana")
        self.used: list[tuple[str, str, object]] = []
        self.prompts: list[tuple[str, str, Mapping[str, str]]] = []
        self.asked: list[Request] = []
        self.read_beside: list[tuple[Passage, ...]] = []
        """What each answer was to read beside what its model is shown."""
        self.read_as: list[tuple[bool, SupportPolicy | None]] = []
        """Whether each answer was of entries, and what became of what nothing supports."""
        self.book: Book = BOOK
        self._says = says
        self._chooses = chooses

    async def ask_for(
        self, agent: str, prompt: str, values: Mapping[str, str], result_type: type[T], *, question: str
    ) -> T:
        """Choose."""
        del question
        self.prompts.append((agent, prompt, values))
        if self._chooses is None:
            raise StructureUnmet("no")
        return msgspec.convert({"agent": self._chooses}, result_type)

    async def use(self, tool: Tool[Any, Any], arguments: object, *, agent: str) -> object:
        """Do what the tool does, on the book."""
        self.used.append((agent, tool.name, arguments))
        match tool.name, arguments:
            case "policy_details", PolicyAsked():
                return Held(self._policies(arguments))
            case "customer_policies", CustomerAsked():
                held = [one for one in self.book.policies if one.customer_id == arguments.customer_id]
                return Held(tuple(held[:MOST_POLICIES]), max(0, len(held) - MOST_POLICIES))
            case "policy_premium", PolicyAsked():
                return Premiums(tuple(one.premium for one in self._policies(arguments)))
            case "billing_history", PolicyAsked():
                bills = [one for one in self.book.bills if one.policy_number == arguments.policy_number]
                return billing_of(next(iter(self._policies(arguments)), None), bills[::-1])
            case "claim_status", ClaimsAsked():
                wanted = {arguments.claim_id, arguments.policy_number}
                claims = tuple(one for one in self.book.claims if wanted & {one.claim_id, one.policy_number})
                known = bool(claims) or any(one.policy_number in wanted for one in self.book.policies)
                return Claims(claims, known)
            case _, SetAsked():
                return SetStock(self.has_faq) if tool.name == "set_stock" else EntriesRead(self.entries)
            case "file_for_person", Filing():
                return Filed("1A2B3C4D")
            case _:
                raise AssertionError(tool.name)

    def _policies(self, asked: PolicyAsked) -> tuple[Policy, ...]:
        return tuple(
            one
            for one in self.book.policies
            if one.policy_number == asked.policy_number and asked.customer_id in (None, one.customer_id)
        )

    further = 0

    async def weigh(self, name: str, question: str, texts: Sequence[str], weigh: Weigh) -> Mapping[str, Numbers]:
        """Weigh."""
        del weigh
        self.weighed.append((name, question))
        return dict.fromkeys(texts, self.meaning)

    async def search(self, question: str, *, limit: int, filters: DocumentFilter = EVERYTHING) -> tuple[Passage, ...]:
        """Search."""
        self.used.append(("general_help_agent", "search", question))
        self.searched.append(filters)
        return self.found[:limit]

    async def answer(
        self,
        agent: str,
        prompt: str,
        values: Mapping[str, str],
        *,
        passages: Sequence[Passage] = (),
        further: Sequence[Passage] = (),
        entries: bool = False,
        support_policy: SupportPolicy | None = None,
    ) -> Reply:
        """Answer."""
        del passages
        self.read_beside.append(tuple(further))
        self.read_as.append((entries, support_policy))
        self.prompts.append((agent, prompt, values))
        return Reply(agent, self._says)

    async def interrupt(self, request: Request) -> Answered:
        """Ask a person."""
        self.asked.append(request)
        return self.answered

    async def together(self, *branches: Coroutine[Any, Any, T]) -> tuple[T, ...]:
        """One after the other."""
        return tuple([await branch for branch in branches])

    @staticmethod
    def hand_to(step: str, **update: object) -> Command[str]:
        """Hand on."""
        return Work.hand_to(step, **update)


async def replied(work: FakeWork) -> Reply:
    """Return what the team replies."""
    begun = cast("TeamState", {"question": work.question, "reply": None})
    state = await GRAPH.ainvoke(begun, context=cast("Work", work))
    reply = state["reply"]
    assert isinstance(reply, Reply)
    return reply
