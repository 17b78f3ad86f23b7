"""A tenant's policies: the documents of one set, read whole and always in one order."""

from itertools import accumulate

import msgspec

from app.agents.tools import Reading
from app.ids import TenantId
from app.postgres import Database
from app.retrieval.packing import tokens_of
from app.retrieval.passages import Passage
from app.retrieval.sets import read_set

SET_NAME = "policies"
"""The set that a tenant's policies are added to."""
LIMIT_TOKENS = 1_500
"""Of policies in a prompt, as estimated. A node without a GPU reads them in some seconds, and once."""
MOST_CHUNKS = 200


class PoliciesAsked(msgspec.Struct, frozen=True):
    """Which policies are asked for, and how much of them."""

    set_name: str = SET_NAME
    limit_tokens: int = LIMIT_TOKENS


class Policies(msgspec.Struct, frozen=True):
    """The policies' chunks from the first on, as far as they fit; none for a tenant without."""

    passages: tuple[Passage, ...] = ()
    is_whole: bool = True
    """Whether no chunk was left out."""


async def read_policies(database: Database, tenant_id: TenantId, asked: PoliciesAsked) -> Policies:
    """Return a tenant's policies. Raises StoreUnavailable."""
    return fitting(await read_set(database, tenant_id, asked.set_name, limit=MOST_CHUNKS + 1), asked.limit_tokens)


def fitting(passages: tuple[Passage, ...], limit_tokens: int) -> Policies:
    """Return the first passages that fit together: never one after one that was left out."""
    together = accumulate(map(tokens_of, passages))
    fits = sum(tokens <= limit_tokens for tokens in together)
    kept = passages[: min(fits, MOST_CHUNKS)]
    return Policies(kept, len(kept) == len(passages))


READ_POLICIES = Reading(
    name="read_policies",
    description="The documents of the tenant's set of policies, from the first on.",
    arguments=PoliciesAsked,
    result=Policies,
    act=read_policies,
)
