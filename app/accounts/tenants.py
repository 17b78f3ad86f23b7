"""Tenants: who owns data, keys and spend."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString
from uuid import uuid4

import msgspec

from app.errors import BadInput, TenantUnknown
from app.ids import TenantId
from app.postgres import Database

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)

INSERT_TENANT: LiteralString = """
    INSERT INTO tenants (id, name) VALUES (%(tenant_id)s, %(name)s)
    ON CONFLICT (name) DO NOTHING RETURNING id, name, created_at
"""
FIND_TENANT: LiteralString = """
    SELECT id, name, created_at, revoked_at FROM tenants WHERE name = %(name)s
"""
LIST_TENANTS: LiteralString = """
    SELECT t.id, t.name, t.created_at, t.revoked_at,
           (SELECT count(*) FROM api_keys k WHERE k.tenant_id = t.id AND k.revoked_at IS NULL) AS keys
    FROM tenants t ORDER BY t.created_at, t.id
"""
REVOKE_TENANT: LiteralString = """
    UPDATE tenants SET revoked_at = coalesce(revoked_at, now()) WHERE name = %(name)s RETURNING id
"""
RESTORE_TENANT: LiteralString = """
    UPDATE tenants SET revoked_at = NULL WHERE name = %(name)s RETURNING id, name, created_at
"""
REVOKE_TENANT_KEYS: LiteralString = """
    UPDATE api_keys SET revoked_at = now()
    WHERE tenant_id = %(tenant_id)s AND revoked_at IS NULL RETURNING prefix
"""


CHANGE_DENIED: LiteralString = """
    UPDATE tenants SET denied_tools = ARRAY(
        SELECT DISTINCT tool FROM unnest(denied_tools || %(denied)s::text[]) AS tool
        WHERE tool <> ALL(%(allowed)s::text[]) ORDER BY tool)
    WHERE name = %(name)s RETURNING denied_tools
"""
MOST_DENIED = 200
"""Tools that a tenant is denied in one change."""


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant; `keys` counts those not revoked. One that is revoked itself gets no new key."""

    id: TenantId
    name: str
    created_at: datetime
    keys: int = 0
    revoked_at: datetime | None = None


class Tenants:
    """Keeps the tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, name: str) -> Tenant:
        """Make a tenant. Raises BadInput when the name is ill-formed or taken, StoreUnavailable."""
        if NAME_PATTERN.fullmatch(name) is None:
            raise BadInput("a tenant's name is 1 to 63 letters, digits, dots, dashes or underscores", field="name")
        async with self._database.connection("tenants.add") as conn:
            row = await (await conn.execute(INSERT_TENANT, {"tenant_id": uuid4(), "name": name})).fetchone()
        if row is None:
            raise BadInput("a tenant of this name exists", field="name", name=name)
        return msgspec.convert(row, Tenant)

    async def get(self, name: str) -> Tenant:
        """Return the tenant called `name`. Raises TenantUnknown, StoreUnavailable."""
        async with self._database.connection("tenants.get") as conn:
            row = await (await conn.execute(FIND_TENANT, {"name": name})).fetchone()
        if row is None:
            raise TenantUnknown(f"no tenant is named {name!r}", name=name)
        return msgspec.convert(row, Tenant)

    async def revoke(self, name: str) -> list[str]:
        """Revoke the tenant, which gets no key from now on, and every key of it; its data stays.

        Returns the prefixes of the keys. Raises TenantUnknown, StoreUnavailable.
        """
        async with self._database.connection("tenants.revoke") as conn:
            # First the tenant: a key that is being made now is waited for, and then revoked with the others.
            tenant = await (await conn.execute(REVOKE_TENANT, {"name": name})).fetchone()
            if tenant is None:
                raise TenantUnknown(f"no tenant is named {name!r}", name=name)
            rows = await (await conn.execute(REVOKE_TENANT_KEYS, {"tenant_id": tenant["id"]})).fetchall()
        return sorted(str(row["prefix"]) for row in rows)

    async def restore(self, name: str) -> Tenant:
        """Let the tenant have keys again; those that were revoked stay so. Raises TenantUnknown, StoreUnavailable."""
        async with self._database.connection("tenants.restore") as conn:
            row = await (await conn.execute(RESTORE_TENANT, {"name": name})).fetchone()
        if row is None:
            raise TenantUnknown(f"no tenant is named {name!r}", name=name)
        return msgspec.convert(row, Tenant)

    async def permit(self, name: str, *, denied: Sequence[str] = (), allowed: Sequence[str] = ()) -> Sequence[str]:
        """Deny and allow tools to the runs of a tenant, and return those that are denied then.

        Raises BadInput for a tool of both, TenantUnknown, StoreUnavailable.
        """
        if both := sorted(set(denied) & set(allowed)):
            raise BadInput(f"{both[0]} cannot be denied and allowed", field="deny")
        given = {"name": name, "denied": list(denied)[:MOST_DENIED], "allowed": list(allowed)}
        async with self._database.connection("tenants.permit") as conn:
            row = await (await conn.execute(CHANGE_DENIED, given)).fetchone()
        if row is None:
            raise TenantUnknown(f"no tenant is named {name!r}", name=name)
        return [str(tool) for tool in row["denied_tools"]]

    async def list(self) -> list[Tenant]:
        """Return all tenants, oldest first."""
        async with self._database.connection("tenants.list") as conn:
            rows = await (await conn.execute(LIST_TENANTS)).fetchall()
        return [msgspec.convert(row, Tenant) for row in rows]
