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


class Caller(msgspec.Struct, frozen=True):
    """The tenant and the api key behind a request; `batch_only`: its calls are batch, whatever they say."""

    tenant_id: TenantId
    key_id: KeyId
    tenant: str
    permissions: frozenset[KeyPermission] = frozenset()
    batch_only: bool = False
