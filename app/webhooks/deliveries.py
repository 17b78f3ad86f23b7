"""Deliveries of webhooks: tried with longer and longer pauses, then dead letters until somebody looks at them."""

import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import LiteralString
from uuid import UUID

import msgspec
import structlog

from app.callback_urls import CallbackRefused, read_callback
from app.ids import RunId, TenantId
from app.jobs.errands import send
from app.postgres import Database
from app.telemetry.metrics import Metrics
from app.webhook_client import LIMIT_S, Answered, Lapse, WebhookClient
from app.webhooks import rows
from app.webhooks.rows import Delivery, DeliveryState, DeliveryUnknown, Due, delivery_of, errand_of
from app.webhooks.secrets import valid
from app.webhooks.signatures import signatures

log = structlog.get_logger(__name__)

PAUSES_S = (5, 30, 120, 600, 1800, 3600, 10_800, 21_600, 36_000)
"""After each failed attempt: ten attempts within about 21 hours, less than the day for which an ended task is kept."""
SPREAD = 0.15
"""A pause is so much longer or shorter, by chance: receivers that come back are not asked by all at once."""
LEASE_S = 3 * LIMIT_S
"""Whoever tries a delivery has it for so long; then another process may."""
TENANT_AT_ONCE = 4
"""A process tries so many of a tenant's deliveries at a time: receivers that are slow hold back their own tenant's."""
DELIVERED = "delivered"
"""The outcome of an attempt that came through."""
AGENT = "Switchyard-Webhooks/1"

TellEnd = Callable[[TenantId, RunId], Awaitable[bytes | None]]
"""Returns the body that tells how a task ended; None while it goes on, and when it is gone."""


def pause_s(attempts: int, answered: Answered, chance: float) -> float | None:
    """Return the pause after so many attempts, None after the last; `chance` is from 0 to 1."""
    if answered.lapse in {Lapse.GONE, Lapse.BEGUN_AGAIN} or attempts > len(PAUSES_S):
        return None
    usual_s = PAUSES_S[attempts - 1] * (1 + SPREAD * (2 * chance - 1))
    return max(usual_s, answered.wait_s)


class Wanted(msgspec.Struct, frozen=True):
    """Which deliveries a list has: in one of `states` (any, if there are none), of one task or of any."""

    states: tuple[DeliveryState, ...] = ()
    run_id: RunId | None = None


class Deliveries:
    """The deliveries of every tenant. A row is written with the end that it tells (alembic: 0028)."""

    def __init__(
        self,
        database: Database,
        client: WebhookClient,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._client = client
        self._metrics = metrics
        self._clock = clock
        self._chance = chance
        self._under_way: Counter[TenantId] = Counter()

    def close(self) -> None:
        """Look no more names up."""
        self._client.close()

    async def check(self, tenant_id: TenantId, url: str) -> None:
        """Return if a webhook of the tenant may go there, as far as can be told before its name is looked up.

        Raises CallbackRefused, StoreUnavailable.
        """
        read_callback(url, self._client.allowed)
        async with self._database.connection("webhooks.check") as conn:
            if not await valid(conn, tenant_id):
                detail = "this tenant has no webhook secret; `switchyard tenants webhook-secret` makes one"
                raise CallbackRefused(detail, field="callback_url")

    async def list(
        self, tenant_id: TenantId, wanted: Wanted, *, limit: int, place: tuple[datetime, UUID] | None = None
    ) -> Sequence[Delivery]:
        """Return up to `limit` deliveries, newest first, those before `place`. Raises StoreUnavailable."""
        given = {
            "tenant_id": tenant_id,
            "states": [state.value for state in wanted.states],
            "run_id": wanted.run_id,
            "limit": limit,
            "place": None if place is None else place[0],
            "place_id": None if place is None else place[1],
        }
        async with self._database.connection("webhooks.list") as conn:
            return [delivery_of(row) async for row in await conn.execute(rows.LIST, given)]

    async def redeliver(self, tenant_id: TenantId, delivery_id: UUID) -> Delivery:
        """Have a delivery tried from the beginning, whatever became of it. Raises DeliveryUnknown, StoreUnavailable."""
        async with self._database.transaction("webhooks.redeliver") as conn:
            row = await (await conn.execute(rows.REDELIVER, {"id": delivery_id, "tenant_id": tenant_id})).fetchone()
            if row is None:
                raise DeliveryUnknown("no such delivery")
            await conn.execute(rows.HASTEN, {"id": delivery_id})
            await send(conn, errand_of(delivery_id))
        return delivery_of(row)

    async def deliver(self, delivery_id: UUID, tell: TellEnd) -> None:
        """Try a delivery, once, if it is due; what comes of it, and the errand of the next try, are one commit.

        One whose tenant has as many under way here as it may is left: it has its errand when one of those is over.
        Raises StoreUnavailable; then another process tries it later.
        """
        async with self._database.connection("webhooks.due") as conn:
            row = await (await conn.execute(rows.SELECT_DUE, {"id": delivery_id})).fetchone()
        tenant_id = None if row is None else TenantId(row["tenant_id"])
        if tenant_id is None or self._under_way[tenant_id] >= TENANT_AT_ONCE:
            return
        with self._place(tenant_id):
            await self._deliver(delivery_id, tell)
        await self._queue_next(tenant_id)

    async def _deliver(self, delivery_id: UUID, tell: TellEnd) -> None:
        async with self._database.connection("webhooks.claim") as conn:
            given = {"id": delivery_id, "lease_s": LEASE_S}
            row = await (await conn.execute(rows.CLAIM, given)).fetchone()
            keys = [] if row is None else await valid(conn, TenantId(row["tenant_id"]))
        if row is None:
            return
        due = msgspec.convert(row, Due)
        await self._keep(due, await self._try(due, keys, tell))

    async def queue_overdue(self, limit: int = 100) -> None:
        """Send an errand for every delivery whose own was lost. Raises StoreUnavailable."""
        async with self._database.transaction("webhooks.overdue") as conn:
            given = {"limit": limit, "each": TENANT_AT_ONCE}
            overdue = [row["id"] async for row in await conn.execute(rows.OVERDUE, given)]
            for delivery_id in overdue:
                await send(conn, errand_of(delivery_id))

    async def _queue_next(self, tenant_id: TenantId) -> None:
        async with self._database.transaction("webhooks.next") as conn:
            row = await (await conn.execute(rows.NEXT, {"tenant_id": tenant_id})).fetchone()
            if row is not None:
                await send(conn, errand_of(row["id"]))

    @contextmanager
    def _place(self, tenant_id: TenantId) -> Generator[None]:
        self._under_way[tenant_id] += 1
        try:
            yield
        finally:
            self._under_way[tenant_id] -= 1
            if not self._under_way[tenant_id]:
                del self._under_way[tenant_id]

    async def _try(self, due: Due, keys: Sequence[str], tell: TellEnd) -> Answered:
        if not keys:
            return Answered(Lapse.UNSIGNED)
        body = await tell(due.tenant_id, due.run_id)
        if body is None:
            return Answered(Lapse.BEGUN_AGAIN)
        at = int(self._clock())
        headers = {
            "content-type": "application/json",
            "user-agent": AGENT,
            "webhook-id": str(due.id),
            "webhook-timestamp": str(at),
            "webhook-signature": signatures(keys, str(due.id), at, body),
        }
        return await self._client.post(due.url, body, headers, owner=str(due.tenant_id))

    async def _keep(self, due: Due, answered: Answered) -> None:
        attempt = due.attempts + 1
        lapse = answered.lapse
        wait_s = None if lapse is None else pause_s(attempt, answered, self._chance())
        state = DeliveryState.DELIVERED if lapse is None else DeliveryState.DEAD if wait_s is None else None
        given = msgspec.structs.asdict(due) | {
            "status": answered.status,
            "lapse": None if lapse is None else lapse.value,
            "wait_s": wait_s,
            "state": None if state is None else state.value,
        }
        async with self._database.transaction("webhooks.keep") as conn:
            kept = await (await conn.execute(_noting(lapse, state), given)).fetchone()
            if kept is not None and wait_s is not None:
                await send(conn, errand_of(due.id), wait_s=wait_s)
        if kept is None:
            return
        self._metrics.webhooks.labels(DELIVERED if lapse is None else lapse.value).inc()
        if state is DeliveryState.DEAD and lapse is not Lapse.BEGUN_AGAIN:
            self._metrics.webhooks_dead.inc()
        tell = log.info if lapse in {None, Lapse.BEGUN_AGAIN} else log.warning
        tell(
            "webhook.tried",
            delivery_id=str(due.id),
            run_id=str(due.run_id),
            attempt=attempt,
            reason=None if lapse is None else lapse.value,
            status=answered.status,
            state=(state or DeliveryState.PENDING).value,
        )


def _noting(lapse: Lapse | None, state: DeliveryState | None) -> LiteralString:
    """Return what notes an attempt that came to this."""
    if lapse is Lapse.BEGUN_AGAIN:
        return rows.SUPERSEDE
    return rows.AGAIN if state is None else rows.END
