"""What a caller insists on, whatever the load: rather no answer than another one."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from app.errors import ContractUnmet
from app.ids import KeyContract
from app.inference.words.tiers import TIERS, Tier


class Term(StrEnum):
    """One thing that a routing contract may insist on."""

    MIN_TIER = "min_tier"
    """No model below this tier answers."""
    DIGEST = "digest"
    """Only a model with this digest answers."""
    NO_DEGRADE = "no_degrade"
    """No model below the tier that the call was rated with, or that it asked for, answers."""


class Contract(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What a call insists on; empty by itself. `digest` has no `sha256:`."""

    min_tier: Annotated[Tier | None, Meta(description="No model below this tier answers.")] = None
    digest: Annotated[
        str | None, Meta(description="Only a model with this digest answers (64 hexadecimal digits).")
    ] = None
    no_degrade: Annotated[bool, Meta(description="No model below the tier that the call needs answers.")] = False

    def floor(self, tier: Tier) -> Tier:
        """Return the tier that a call of `tier` gets under the contract."""
        return tier if self.min_tier is None else max(tier, self.min_tier, key=TIERS.index)

    def forbids(self, tier: Tier, floor: Tier) -> Term | None:
        """Return the term by which a model of `tier` may not answer a call whose floor is `floor`."""
        if self.min_tier is not None and TIERS.index(tier) < TIERS.index(self.min_tier):
            return Term.MIN_TIER
        return Term.NO_DEGRADE if self.no_degrade and TIERS.index(tier) < TIERS.index(floor) else None


NO_CONTRACT = Contract()


def under_key(key: KeyContract, asked: Contract) -> Contract:
    """Return what a key and a request of it insist on together. Raises ContractUnmet as `strictest` does."""
    tier = None if key.min_tier is None else Tier(key.min_tier)
    return strictest(Contract(min_tier=tier, digest=key.digest, no_degrade=key.no_degrade), asked)


def strictest(*contracts: Contract) -> Contract:
    """Return what insists on all that each of `contracts` does. Raises ContractUnmet where they pin two digests."""
    tiers = [one.min_tier for one in contracts if one.min_tier is not None]
    digests = {one.digest for one in contracts if one.digest is not None}
    if len(digests) > 1:
        raise ContractUnmet(
            "two digests are pinned, by the request or by its api key, and no model has both", term=Term.DIGEST.value
        )
    return Contract(
        min_tier=max(tiers, key=TIERS.index, default=None),
        digest=next(iter(digests), None),
        no_degrade=any(one.no_degrade for one in contracts),
    )
