"""A search without an index: it finds what it is told to, and remembers what it was asked."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from app.degradation import Degradation
from app.errors import SwitchyardError
from app.ids import ChunkId, DocumentId, TenantId
from app.retrieval.passages import Passage
from app.retrieval.scope import ALL, Scope
from app.retrieval.search import CONTEXT_TOKENS, Embed, Looked, Search, SearchOutcome

PASSAGE = Passage(
    ChunkId(UUID(int=1)),
    DocumentId(UUID(int=2)),
    "kiln.pdf",
    "Kiln > Limits",
    "A kiln holds 48 plates.",
    120,
    143,
    0.71234,
    also=("oven.pdf",),
    title="The kiln",
    page=3,
)
FOUND = Looked(SearchOutcome.FOUND, (PASSAGE,), 0.71234, 12, floor=0.0125)


@dataclass(frozen=True)
class Asked:
    """What a search was asked."""

    tenant_id: TenantId
    question: str
    limit: int
    budget_tokens: int
    scope: Scope


class FoundSearch(Search):
    """The search of a run without stores: it has the question embedded if it is told to, and ends as it is told to."""

    def __init__(
        self,
        *found: Passage,
        error: SwitchyardError | None = None,
        degraded: tuple[Degradation, ...] = (),
        takes: Callable[[], None] = lambda: None,
    ) -> None:
        self.looked = Looked(SearchOutcome.FOUND if found else SearchOutcome.NOTHING_FOUND, found, degraded=degraded)
        self.error = error
        self.takes = takes
        self.embeds = False

    async def find(
        self,
        tenant_id: TenantId,  # noqa: ARG002
        question: str,
        *,
        embed: Embed,
        limit: int,  # noqa: ARG002
        budget_tokens: int = CONTEXT_TOKENS,  # noqa: ARG002
        scope: Scope = ALL,  # noqa: ARG002
    ) -> Looked:
        """Search."""
        self.takes()
        if self.embeds:
            await embed("hashed", [question])
        if self.error is not None:
            raise self.error
        return self.looked


class FakeSearch:
    """Finds `looked`, once the question is embedded."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.looked = FOUND
        self.refusal: Exception | None = None

    async def find(
        self, tenant_id: TenantId, question: str, /, *, embed: Embed, limit: int, budget_tokens: int, scope: Scope
    ) -> Looked:
        """Search."""
        self.asked.append(Asked(tenant_id, question, limit, budget_tokens, scope))
        if self.refusal is not None:
            raise self.refusal
        await embed("hashed", [question])
        return self.looked
