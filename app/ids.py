"""Identifiers, and who is calling."""

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


class Caller(msgspec.Struct, frozen=True):
    """The tenant and the api key behind a request."""

    tenant_id: TenantId
    key_id: KeyId
    tenant: str
