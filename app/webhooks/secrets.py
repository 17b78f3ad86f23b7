"""The secrets that tenants' webhooks are signed with."""

from typing import LiteralString

from app.errors import BadInput
from app.ids import TenantId
from app.postgres import Connection, Database
from app.webhooks.signatures import new_secret

ROTATION_S = 86_400
"""So long both the new secret and the one before it sign."""

INSERT: LiteralString = """
    INSERT INTO webhook_secrets (tenant_id, secret)
    SELECT %(tenant_id)s, %(secret)s
    WHERE %(rotate)s OR NOT EXISTS (
        SELECT 1 FROM webhook_secrets
        WHERE tenant_id = %(tenant_id)s AND (expires_at IS NULL OR expires_at > now())
    )
    RETURNING id
"""
RETIRE: LiteralString = """
    UPDATE webhook_secrets SET expires_at = least(expires_at, now() + make_interval(secs => %(rotation_s)s))
    WHERE tenant_id = %(tenant_id)s AND id <> %(id)s
"""
SELECT_VALID: LiteralString = """
    SELECT secret FROM webhook_secrets
    WHERE tenant_id = %(tenant_id)s AND (expires_at IS NULL OR expires_at > now()) ORDER BY id DESC LIMIT 2
"""


async def valid(conn: Connection, tenant_id: TenantId) -> list[str]:
    """Return the secrets that sign now, the newest first; two for a while after a rotation."""
    rows = await conn.execute(SELECT_VALID, {"tenant_id": tenant_id})
    return [str(row["secret"]) async for row in rows]


class WebhookSecrets:
    """Makes secrets; each is shown when it is made, and never again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def make(self, tenant_id: TenantId, *, rotate: bool) -> str:
        """Return a new secret; with `rotate` the one before goes on for a day. Raises BadInput, StoreUnavailable."""
        secret = new_secret()
        given = {"tenant_id": tenant_id, "secret": secret, "rotate": rotate, "rotation_s": ROTATION_S}
        async with self._database.transaction("webhooks.secret") as conn:
            row = await (await conn.execute(INSERT, given)).fetchone()
            if row is None:
                raise BadInput("this tenant has a webhook secret; --rotate makes another", field="rotate")
            await conn.execute(RETIRE, given | {"id": row["id"]})
        return secret
