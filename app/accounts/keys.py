"""API keys: made once, stored hashed, found by their prefix."""

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, LiteralString
from uuid import uuid4

import msgspec

from app.errors import BadInput, KeyUnknown, RowExists, TenantRevoked, TenantUnknown
from app.ids import NO_KEY_CONTRACT, Caller, KeyContract, KeyId, KeyPermission, TenantId
from app.postgres import Connection, Database

KEY_PATTERN = re.compile(r"sy_([a-z2-7]{12})_([A-Za-z0-9_-]{43})", re.ASCII)
PREFIX_PATTERN = re.compile(r"(?:sy_)?([a-z2-7]{12})_?", re.ASCII)
CACHE_S = 5.0
"""For how long a found key is believed without a look at PostgreSQL: a revocation takes effect within it."""
CACHE_LIMIT = 10_000

FIND_KEY: LiteralString = """
    SELECT k.id, k.tenant_id, k.secret_sha256, k.permissions, k.batch_only, t.name AS tenant,
           jsonb_build_object('min_tier', k.min_tier, 'digest', k.digest, 'no_degrade', k.no_degrade) AS contract
    FROM api_keys k JOIN tenants t ON t.id = k.tenant_id
    WHERE k.prefix = %(prefix)s AND k.revoked_at IS NULL AND t.revoked_at IS NULL
"""
FIND_SIGNER: LiteralString = """
    SELECT k.id, k.tenant_id, k.prefix, k.permissions, k.batch_only, t.name AS tenant,
           jsonb_build_object('min_tier', k.min_tier, 'digest', k.digest, 'no_degrade', k.no_degrade) AS contract
    FROM api_keys k JOIN tenants t ON t.id = k.tenant_id
    WHERE k.ollama_key = %(ollama_key)s AND k.revoked_at IS NULL AND t.revoked_at IS NULL
"""
TOUCH_KEY: LiteralString = """
    UPDATE api_keys SET last_used_at = now()
    WHERE id = %(key_id)s AND tenant_id = %(tenant_id)s
      AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
"""
INSERT_KEY: LiteralString = """
    INSERT INTO api_keys
        (id, tenant_id, name, prefix, secret_sha256, permissions, batch_only, min_tier, digest, no_degrade,
         ollama_key)
    SELECT %(key_id)s, id, %(name)s, %(prefix)s, %(secret_sha256)s, %(permissions)s, %(batch_only)s, %(min_tier)s,
           %(digest)s, %(no_degrade)s, %(ollama_key)s
    FROM tenants WHERE id = %(tenant_id)s AND revoked_at IS NULL FOR SHARE
    RETURNING created_at
"""
FIND_REVOKED_TENANT: LiteralString = """
    SELECT name, revoked_at FROM tenants WHERE id = %(tenant_id)s AND revoked_at IS NOT NULL
"""
LIST_KEYS: LiteralString = """
    SELECT k.id, k.tenant_id, t.name AS tenant, k.name, k.prefix, k.permissions, k.batch_only, k.created_at,
           k.last_used_at, k.revoked_at, k.ollama_key IS NOT NULL AS signs,
           jsonb_build_object('min_tier', k.min_tier, 'digest', k.digest, 'no_degrade', k.no_degrade) AS contract
    FROM api_keys k JOIN tenants t ON t.id = k.tenant_id
    WHERE %(tenant_id)s::uuid IS NULL OR k.tenant_id = %(tenant_id)s
    ORDER BY k.created_at, k.id
"""
REVOKE_KEY: LiteralString = """
    UPDATE api_keys SET revoked_at = coalesce(revoked_at, now())
    WHERE prefix = %(prefix)s AND (%(tenant_id)s::uuid IS NULL OR tenant_id = %(tenant_id)s)
      AND (%(secret_sha256)s::bytea IS NULL OR secret_sha256 = %(secret_sha256)s)
    RETURNING id
"""
# Compared with when no key has the prefix, so that both refusals do the same work.
_NO_DIGEST = bytes(32)


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a key; its secret is not. `signs`: it has the public key of an `ollama` command."""

    id: KeyId
    tenant_id: TenantId
    tenant: str
    name: str
    prefix: str
    created_at: datetime
    permissions: tuple[KeyPermission, ...] = ()
    batch_only: bool = False
    contract: KeyContract = NO_KEY_CONTRACT
    signs: bool = False
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key just made. `key` is its only showing."""

    key: str
    id: KeyId
    tenant_id: TenantId
    name: str
    prefix: str
    created_at: datetime
    permissions: tuple[KeyPermission, ...] = ()
    batch_only: bool = False
    contract: KeyContract = NO_KEY_CONTRACT
    signs: bool = False


def make_key_text() -> tuple[str, str, str]:
    """Return (prefix, secret, whole text) from 60 and 256 independent random bits."""
    prefix = base64.b32encode(secrets.token_bytes(8)).decode("ascii").lower()[:12]
    secret = secrets.token_urlsafe(32)
    return prefix, secret, f"sy_{prefix}_{secret}"


def digest_secret(secret: str) -> bytes:
    """Return what is stored of a secret. It has 256 random bits, so one round of SHA-256 suffices."""
    return hashlib.sha256(secret.encode("ascii")).digest()


def read_key_name(text: str) -> tuple[str, str | None]:
    """Return the prefix, and the secret of a whole key, that `text` names. Raises BadInput, which quotes nothing."""
    whole = KEY_PATTERN.fullmatch(text.strip())
    if whole is not None:
        return whole[1], whole[2]
    prefix = PREFIX_PATTERN.fullmatch(text.strip())
    if prefix is None:
        raise BadInput("this is neither a whole key nor the prefix of one: `switchyard keys list` shows the prefixes")
    return prefix[1], None


class Keys:
    """Finds who calls, and keeps the keys."""

    def __init__(
        self, database: Database, *, cache_s: float = CACHE_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._cache_s = cache_s
        self._clock = clock
        # By the digest of the whole key text, never by a part of it; or by a public key that was proved.
        self._found: OrderedDict[bytes, tuple[float, str, Caller]] = OrderedDict()

    async def find(self, text: str) -> Caller:
        """Return the caller behind the key `text`. Raises KeyUnknown, StoreUnavailable."""
        match = KEY_PATTERN.fullmatch(text)
        if match is None:
            raise KeyUnknown("the api key is missing, wrong or revoked")
        prefix, secret = match.groups()
        whole = hashlib.sha256(text.encode("ascii")).digest()
        if (known := self._known(whole)) is not None:
            return known
        caller = await self._look_up(prefix, digest_secret(secret))
        self._remember(whole, prefix, caller)
        return caller

    async def find_signer(self, public_key: bytes) -> Caller:
        """Return the caller whose key has that public key of `ollama`, which has proved that it is its.

        Raises KeyUnknown, StoreUnavailable.
        """
        if (known := self._known(public_key)) is not None:
            return known
        async with self._database.connection("keys.find") as conn:
            row = await (await conn.execute(FIND_SIGNER, {"ollama_key": public_key})).fetchone()
            if row is None:
                raise KeyUnknown("no api key has the public key that signed the request")
            await conn.execute(TOUCH_KEY, {"key_id": row["id"], "tenant_id": row["tenant_id"]})
        caller = _caller(row)
        self._remember(public_key, row["prefix"], caller)
        return caller

    async def _look_up(self, prefix: str, digest: bytes) -> Caller:
        async with self._database.connection("keys.find") as conn:
            row = await (await conn.execute(FIND_KEY, {"prefix": prefix})).fetchone()
            stored = bytes(row["secret_sha256"]) if row is not None else _NO_DIGEST
            if not hmac.compare_digest(stored, digest) or row is None:
                raise KeyUnknown("the api key is missing, wrong or revoked")
            await conn.execute(TOUCH_KEY, {"key_id": row["id"], "tenant_id": row["tenant_id"]})
        return _caller(row)

    def _known(self, proof: bytes) -> Caller | None:
        remembered = self._found.get(proof)
        if remembered is not None and self._clock() < remembered[0]:
            return remembered[2]
        return None

    def _remember(self, whole: bytes, prefix: str, caller: Caller) -> None:
        self._found[whole] = (self._clock() + self._cache_s, prefix, caller)
        self._found.move_to_end(whole)
        while len(self._found) > CACHE_LIMIT:
            self._found.popitem(last=False)

    async def add(
        self,
        tenant_id: TenantId,
        name: str,
        permissions: Collection[KeyPermission] = (),
        *,
        batch_only: bool = False,
        contract: KeyContract = NO_KEY_CONTRACT,
        ollama_key: bytes | None = None,
    ) -> NewKey:
        """Make a key of the tenant, with permissions beside every key's; `batch_only`: whose calls are all batch.

        `contract` is what its calls insist on, `ollama_key` a public key whose owner needs no secret.
        Raises BadInput for a public key that another one has, TenantUnknown, TenantRevoked, StoreUnavailable.
        """
        prefix, secret, text = make_key_text()
        key_id = KeyId(uuid4())
        given = {
            "key_id": key_id,
            "tenant_id": tenant_id,
            "name": name,
            "prefix": prefix,
            "secret_sha256": digest_secret(secret),
            "permissions": sorted(permissions),
            "batch_only": batch_only,
            **msgspec.structs.asdict(contract),
            "ollama_key": ollama_key,
        }
        return NewKey(
            key=text,
            id=key_id,
            tenant_id=tenant_id,
            name=name,
            prefix=prefix,
            created_at=await self._insert(tenant_id, given),
            permissions=tuple(sorted(permissions)),
            batch_only=batch_only,
            contract=contract,
            signs=ollama_key is not None,
        )

    async def _insert(self, tenant_id: TenantId, given: Mapping[str, object]) -> datetime:
        try:
            async with self._database.connection("keys.add") as conn:
                row = await (await conn.execute(INSERT_KEY, given)).fetchone()
                if row is None:
                    raise await self._why_no_key(conn, tenant_id)
        except RowExists as error:
            raise BadInput("another key has this public key; revoke that one first") from error
        created_at: datetime = row["created_at"]
        return created_at

    async def list(self, tenant_id: TenantId | None = None) -> list[ApiKey]:
        """Return the keys of one tenant, or of all, oldest first, revoked ones too."""
        async with self._database.connection("keys.list") as conn:
            rows = await (await conn.execute(LIST_KEYS, {"tenant_id": tenant_id})).fetchall()
        return [msgspec.convert(row, ApiKey) for row in rows]

    async def _why_no_key(self, conn: Connection, tenant_id: TenantId) -> TenantRevoked | TenantUnknown:
        row = await (await conn.execute(FIND_REVOKED_TENANT, {"tenant_id": tenant_id})).fetchone()
        if row is None:
            return TenantUnknown("there is no such tenant")
        since = f"{row['revoked_at']:%Y-%m-%d %H:%M} UTC"
        return TenantRevoked(f"{row['name']} is revoked since {since} and gets no key", name=row["name"])

    async def revoke(self, text: str, tenant_id: TenantId | None = None) -> str:
        """Revoke the key with this prefix, or this whole key; return the prefix.

        Other processes believe the key for up to `cache_s` more. Raises BadInput for what is neither, KeyUnknown.
        """
        prefix, secret = read_key_name(text)
        given = {
            "prefix": prefix,
            "tenant_id": tenant_id,
            "secret_sha256": None if secret is None else digest_secret(secret),
        }
        async with self._database.connection("keys.revoke") as conn:
            row = await (await conn.execute(REVOKE_KEY, given)).fetchone()
        if row is None:
            raise KeyUnknown("no key has this prefix" if secret is None else "there is no such key", prefix=prefix)
        self.forget(prefix)
        return prefix

    def forget(self, prefix: str) -> None:
        """Look at PostgreSQL when the key with `prefix` is used next."""
        for whole in [whole for whole, kept in self._found.items() if kept[1] == prefix]:
            del self._found[whole]


def _caller(row: Mapping[str, Any]) -> Caller:
    return Caller(
        tenant_id=row["tenant_id"],
        key_id=row["id"],
        tenant=row["tenant"],
        permissions=frozenset(KeyPermission(word) for word in row["permissions"]),
        batch_only=row["batch_only"],
        contract=msgspec.convert(row["contract"], KeyContract),
    )
