"""Identifiers, and who is calling."""

from enum import StrEnum
from typing import NewType
from uuid import UUID

import msgspec

TenantId = NewType("TenantId", UUID)
KeyId = NewType("KeyId", UUID)
SessionId = NewType("SessionId", UUID)
RunId = NewType("RunId", UUID)
RouteId = NewType("RouteId", UUID)
DocumentId = NewType("DocumentId", UUID)
ChunkId = NewType("ChunkId", UUID)
JobId = NewType("JobId", UUID)


class KeyPermission(StrEnum):
    """What an api key may do beyond what every key may."""

    OPERATE = "operate"
    """See how stores and nodes stand, with their addresses and causes."""


class KeyContract(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an api key insists on for every answer, as it is kept; `digest` has no `sha256:`."""

    min_tier: str | None = None
    digest: str | None = None
    no_degrade: bool = False


NO_KEY_CONTRACT = KeyContract()


class Caller(msgspec.Struct, frozen=True):
    """The tenant and the api key behind a request.

    `batch_only`: its calls are batch, whatever they say. `contract` is part of what each of them insists on.
    """

    tenant_id: TenantId
    key_id: KeyId
    tenant: str
    permissions: frozenset[KeyPermission] = frozenset()
    batch_only: bool = False
    contract: KeyContract = NO_KEY_CONTRACT
