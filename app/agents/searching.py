"""The searches of one run: each an effect, each counted, none a reason to fail."""

import asyncio
from collections.abc import Sequence

import msgspec
import structlog
from msgspec import UnsetType

from app.agents.deadline import Deadline
from app.agents.effects import Done, Effects
from app.agents.permissions import Permissions
from app.agents.reply import Found
from app.agents.tally import Tally
from app.agents.tools import Seeking
from app.agents.values import Claim
from app.degradation import Degradation
from app.errors import NodeFailed, NodeRefused, NoNodeAvailable, ToolRefused, Unavailable
from app.inference.calls.dispatcher import Dispatcher
from app.inference.slots.patience import Patience
from app.inference.words.account import Purpose
from app.inference.words.records import Embedding, Usage, Vector
from app.retrieval.filters import EVERYTHING, DocumentFilter
from app.retrieval.passages import Passage
from app.retrieval.scope import Scope
from app.retrieval.search import Looked, Search
from app.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

SEARCH = "document_search"
RETRIEVAL_WAIT_S = 2.0
"""How long a question waits for a node that embeds while others could answer it: about a probe's interval."""
RETRY_WAIT_S = 0.2
"""Before a search is made again; twice as long before each further time."""


class SearchTool(msgspec.Struct, frozen=True):
    """What a search is called in metrics and logs, how often it is made again when it fails, and for which ticker.

    One of a team's own tools `can_be_denied` to a tenant.
    """

    name: str = SEARCH
    retries: int = 0
    ticker: str | None = None
    wait_s: float = RETRY_WAIT_S
    can_be_denied: bool = False

    @classmethod
    def of(cls, tool: Seeking, *, ticker: str | None = None) -> "SearchTool":
        """Return a search by a team's tool."""
        return cls(tool.name, tool.retries, ticker, can_be_denied=True)


DOCUMENT_SEARCH = SearchTool()


class _Tried(msgspec.Struct, frozen=True):
    """What a search came to in the end."""

    passages: tuple[Passage, ...]
    lacked: tuple[Degradation, ...] = ()
    degraded: bool = False


class Searching:
    """Finds passages of the tenant's documents. Raises what the effects raise."""

    def __init__(
        self,
        *,
        claim: Claim,
        effects: Effects,
        permissions: Permissions,
        dispatcher: Dispatcher,
        search: Search,
        deadline: Deadline,
        tally: Tally,
        metrics: Metrics,
    ) -> None:
        self.vector: Vector | None = None
        """Of the run's question, once a search had it made."""
        self._claim = claim
        self._effects = effects
        self._permissions = permissions
        self._dispatcher = dispatcher
        self._search = search
        self._deadline = deadline
        self._tally = tally
        self._metrics = metrics

    async def passages(
        self,
        path: str,
        question: str,
        *,
        limit: int,
        filters: DocumentFilter = EVERYTHING,
        tool: SearchTool = DOCUMENT_SEARCH,
    ) -> tuple[Passage, ...]:
        """Return up to `limit` passages of the tenant's documents; none, and `degraded`, when a part is away.

        A node that embeds is waited for as long as no question could be answered either, and RETRIEVAL_WAIT_S more.
        Raises ToolRefused where the tenant's runs may not use the tool; that is stored too.
        """

        async def act() -> Done[Found]:
            refusal = await self._permissions.refusal(tool.name) if tool.can_be_denied else None
            if refusal is not None:
                return Done(Found((), refusal=refusal))
            usages: list[Usage] = []
            found = await self._tried(question, limit, filters, tool, usages)
            return Done(Found(found.passages, degraded=found.degraded), tuple(usages), found.lacked)

        # Without filters as it always was: a run may have begun under the version before.
        given = (question, limit, filters) if filters.asks else (question, limit)
        found = await self._effects.once(path, given, act, Found)
        # One that the previous version stored says so itself, and nowhere else.
        self._effects.degraded.update(_lacks(found))
        if not isinstance(found.refusal, UnsetType):
            raise ToolRefused(found.refusal, tool=tool.name)
        return found.passages

    async def _tried(
        self, question: str, limit: int, filters: DocumentFilter, tool: SearchTool, usages: list[Usage]
    ) -> "_Tried":
        """Search, and again where that fails, as often as the tool says. Raises StoreUnavailable of PostgreSQL."""
        for tried in range(tool.retries + 1):
            try:
                looked = await self._find(question, limit, filters, tool, usages)
            except (Unavailable, NodeRefused) as error:
                if error.facts.get("store") == "postgres":
                    raise
                log.warning(
                    "tool_execution_failed",
                    tool=tool.name,
                    error=error.code,
                    detail=error.detail,
                    ticker=tool.ticker,
                    retry_count=tried,
                )
                if tried < tool.retries:
                    await asyncio.sleep(tool.wait_s * 2**tried)
            else:
                return _Tried(looked.passages, looked.degraded)
        return _Tried((), (Degradation.RETRIEVAL,), degraded=True)

    async def _find(
        self, question: str, limit: int, filters: DocumentFilter, tool: SearchTool, usages: list[Usage]
    ) -> Looked:
        async def embed(model: str, texts: Sequence[str]) -> Embedding:
            embedding = await self.embed(texts, model)
            usages.extend(() if embedding.usage is None else (embedding.usage,))
            return embedding

        started, success = self._deadline.clock(), "false"
        try:
            scope = Scope(among=filters)
            looked = await self._search.find(self._claim.tenant_id, question, embed=embed, limit=limit, scope=scope)
            success = "true"
        finally:
            self._metrics.tool_calls.labels(tool.name, success).inc()
            self._metrics.tool_duration.labels(tool.name).observe(self._deadline.clock() - started)
        return looked

    async def embed(self, texts: Sequence[str], model: str | None = None) -> Embedding:
        """Return vectors by `model`, or the platform's own. Raises NoNodeAvailable, NodeFailed, NodeRefused, ..."""
        embedding = await self._embed(texts, model)
        if list(texts) == [self._claim.question]:
            self.vector = Vector(embedding.vectors[0], embedding.digest)
        return embedding

    async def _embed(self, texts: Sequence[str], model: str | None) -> Embedding:
        while True:
            try:
                embedding = await self._dispatcher.embed(
                    texts,
                    agent="retrieval",
                    account=self._claim.account(Purpose.SEARCH),
                    on_usage=self._tally.usages.append,
                    model=model,
                    priority=self._claim.options.priority,
                    patience=Patience(
                        min(RETRIEVAL_WAIT_S, self._deadline.left_s),
                        clock=self._deadline.clock,
                        on_wait=self._tally.wait,
                        on_queue=self._tally.stand,
                    ),
                )
            except (NoNodeAvailable, NodeFailed):
                if self._deadline.left_s <= 0 or self._dispatcher.can_answer():
                    raise
            else:
                self._tally.go_on()
                return embedding


def _lacks(found: Found) -> tuple[Degradation, ...]:
    return (Degradation.RETRIEVAL,) if found.degraded else ()
