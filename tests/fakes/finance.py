"""Work over a few filings, whose searches find what is laid down, with models that say what they are told to."""

from collections.abc import AsyncGenerator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, TypeVar, cast
from uuid import UUID

import msgspec
from langgraph.types import Command

from app.agents.evidence import SentenceSupport
from app.agents.finance.arithmetic import Impossible, work_out
from app.agents.finance.filings import read_filing
from app.agents.finance.tools import Expression, Filings, RowsAsked, RowsFound
from app.agents.reply import Reply
from app.agents.searching import DOCUMENT_SEARCH, SearchTool
from app.agents.team import TeamState
from app.agents.teams.finance import build
from app.agents.tools import Tool
from app.agents.values import Turn
from app.agents.work import Work
from app.degradation import Degradation
from app.errors import StructureUnmet, ToolRefused
from app.ids import ChunkId, DocumentId
from app.inference.words.tiers import Tier
from app.retrieval.filters import EVERYTHING, DocumentFilter
from app.retrieval.passages import Passage
from app.retrieval.support.verdicts import Supported

T = TypeVar("T")

GRAPH = build().compile()
NO_CONTEXT: Mapping[str, str] = MappingProxyType({})

BALANCE = """\
Condensed Consolidated Balance Sheets
| $ in millions, except per share amounts (unaudited) |  |  |  |
|  | July 29, 2023 | January 28, 2023 | July 30, 2022 |
| Cash and cash equivalents | $ 1,093 | $ 1,874 | $ 840 |
| Total current assets | 8,304 | 8,802 | 8,344 |
| Total current liabilities | 8,433 | 8,979 | 8,650 |
"""
INCOME = """\
Amcor plc Consolidated Statements of Income ($ in millions, except per share data)
| For the years ended June 30, | 2023 | 2022 | 2021 |
| - | - | - | - |
| Net sales | $ 14,694 | $ 14,544 | $ 12,861 |
| Cost of sales | (11,969) | (11,724) | (10,129) |
| Gross profit | 2,725 | 2,820 | 2,732 |
"""
BOEING = """\
Consolidated Statements of Operations (Dollars in millions)
| Years ended December 31, | 2022 | 2021 | 2020 |
| - | - | - | - |
| Total revenues | 66,608 | 62,286 | 58,158 |
"""
CYCLES = "Our commercial airplanes business depends heavily on commercial airlines, and is subject to cyclicality."


def passage(document: str, text: str, number: int = 1) -> Passage:
    """Return a passage of a document."""
    ids = UUID(int=number)
    return Passage(ChunkId(ids), DocumentId(ids), document, "", text, 0, len(text), 0.5)


PASSAGES = (
    passage("BESTBUY_2024Q2_10Q.pdf", BALANCE, 1),
    passage("AMCOR_2023_10K.pdf", INCOME, 2),
    passage("BOEING_2022_10K.pdf", BOEING, 3),
    passage("BOEING_2022_10K.pdf", CYCLES, 4),
)
DOCUMENTS = ("AMCOR_2023_10K.pdf", "BESTBUY_2024Q2_10Q.pdf", "BOEING_2022_10K.pdf")


class FakeWork:
    """The work of one run. `says` is the model's answer; `rates` and `chooses` what it gives of a form (None: none)."""

    def __init__(
        self,
        question: str,
        *,
        says: str = "",
        rates: Mapping[str, int] | None = None,
        chooses: int | None = None,
        turns: Sequence[Turn] = (),
        context: Mapping[str, str] = NO_CONTEXT,
        documents: Sequence[str] = DOCUMENTS,
    ) -> None:
        self.question = question
        self.turns = tuple(turns)
        self.context = context
        self.degraded: set[Degradation] = set()
        self.found: tuple[Passage, ...] = PASSAGES
        self.used: list[tuple[str, str, object]] = []
        self.searched: list[tuple[str, DocumentFilter, SearchTool]] = []
        self.prompts: list[tuple[str, str, Mapping[str, str]]] = []
        self.acted: list[str] = []
        self.denied: set[str] = set()
        self.unsupported = False
        """Whether no passage says what the model says."""
        self._documents = documents
        self._says = says
        self._forms: dict[str, object] = {
            "finance/judge": rates,
            "finance/lead_agent": None if chooses is None else {"number": chooses},
        }

    def tier(self) -> Tier:
        """Rate the question."""
        return Tier.MEDIUM

    async def ask_for(
        self, agent: str, prompt: str, values: Mapping[str, str], result_type: type[T], *, question: str | None = None
    ) -> T:
        """Give what was laid down."""
        del question
        self.prompts.append((agent, prompt, values))
        if self._forms[prompt] is None:
            raise StructureUnmet("no")
        return msgspec.convert(self._forms[prompt], result_type)

    async def use(self, tool: Tool[Any, Any], arguments: object, *, agent: str) -> object:
        """Do what the tool does, on the filings laid down."""
        self.used.append((agent, tool.name, arguments))
        if tool.name in self.denied:
            raise ToolRefused("this tenant's runs may not use it", tool=tool.name)
        if isinstance(arguments, Expression):
            try:
                return work_out(arguments.text)
            except Impossible as impossible:
                raise ToolRefused(str(impossible), tool=tool.name) from impossible
        if isinstance(arguments, RowsAsked):
            return RowsFound(tuple(one for one in self.found if one.document == arguments.document))
        return Filings(tuple(filing for name in self._documents if (filing := read_filing(name))))

    further = 0

    async def search(
        self,
        question: str,
        *,
        limit: int,
        filters: DocumentFilter = EVERYTHING,
        tool: SearchTool = DOCUMENT_SEARCH,
    ) -> tuple[Passage, ...]:
        """Find what of the documents meant is laid down."""
        self.searched.append((question, filters, tool))
        if tool.name in self.denied:
            raise ToolRefused("this tenant's runs may not use it", tool=tool.name)
        return tuple(one for one in self.found if filters.name in (None, one.document))[:limit]

    @asynccontextmanager
    async def acting(self, agent: str) -> AsyncGenerator[None]:
        """Note who acts."""
        self.acted.append(agent)
        yield

    async def answer(
        self,
        agent: str,
        prompt: str,
        values: Mapping[str, str] = NO_CONTEXT,
        *,
        passages: Sequence[Passage] = (),
        further: Sequence[Passage] = (),
    ) -> Reply:
        """Answer."""
        del passages, further
        self.prompts.append((agent, prompt, values))
        support = (SentenceSupport(0, len(self._says), Supported.NO),) if self.unsupported else ()
        return Reply(agent, self._says, support=support)

    async def together(self, *branches: Coroutine[Any, Any, T]) -> tuple[T, ...]:
        """One after the other."""
        return tuple([await branch for branch in branches])

    @staticmethod
    def hand_to(step: str, **update: object) -> Command[str]:
        """Hand on."""
        return Work.hand_to(step, **update)


async def replied(work: FakeWork, **state: object) -> Reply:
    """Return what the team replies; `state` is what an earlier turn left."""
    begun = cast("TeamState", {"question": work.question, "reply": None, **state})
    ended = await GRAPH.ainvoke(begun, context=cast("Work", work))
    reply = ended["reply"]
    assert isinstance(reply, Reply)
    return reply
