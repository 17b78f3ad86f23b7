"""Deliveries beside one another: of several tenants, of one that is asked for anew, and after their process died."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
import pytest
from aiohttp import web

from app.ids import Caller, RunId, TenantId
from app.webhooks.deliveries import TENANT_AT_ONCE, TellEnd, Wanted
from app.webhooks.rows import Delivery, DeliveryState
from app.webhooks.secrets import WebhookSecrets
from app.wiring import Platform
from tests.fakes.node import FakeNode
from tests.fakes.receiver import Receiver, receiving
from tests.integration.platforms import END_S, Servers, add_caller, ask, opened, rows, settings_for, until, worked

pytestmark = pytest.mark.integration

LATE = """
    UPDATE webhook_deliveries SET next_at = now() - interval '11 seconds' WHERE tenant_id = %s RETURNING id
"""
NO_ERRANDS = """
    DELETE FROM procrastinate_jobs WHERE queueing_lock IN
        (SELECT 'webhook:' || id FROM webhook_deliveries WHERE tenant_id = %s) RETURNING id
"""
ERRANDS = """
    SELECT count(*) AS errands FROM procrastinate_jobs WHERE status = 'todo' AND queueing_lock IN
        (SELECT 'webhook:' || id FROM webhook_deliveries WHERE tenant_id = %s)
"""


@dataclass
class Slow(Receiver):
    """A receiver that answers nobody until it is let."""

    let: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        """Take a webhook, and answer once that is let."""
        taken = await super().take(request)
        await self.let.wait()
        return taken


async def with_secret(platform: Platform) -> Caller:
    caller = await add_caller(platform)
    await WebhookSecrets(platform.database).make(caller.tenant_id, rotate=False)
    return caller


async def ended_tasks(platform: Platform, caller: Caller, url: str, number: int) -> None:
    """Leave so many deliveries of a tenant."""
    for _ in range(number):
        handle = await platform.runner.submit(caller, msgspec.structs.replace(ask(), callback_url=url))
        await platform.runner.cancel(caller, handle.run_id)


async def states(platform: Platform, tenant_id: TenantId) -> set[DeliveryState]:
    return {one.state for one in await platform.deliveries.list(tenant_id, Wanted(), limit=50)}


async def all_delivered(platform: Platform, tenant_id: TenantId) -> None:
    async with asyncio.timeout(END_S):
        while await states(platform, tenant_id) != {DeliveryState.DELIVERED}:  # noqa: ASYNC110 - rows
            await asyncio.sleep(0.05)


async def test_a_receiver_that_is_slow_holds_back_no_other_tenants_webhooks_and_loses_none_of_its_own(
    servers: Servers, node: FakeNode
) -> None:
    settings, slow, quick = settings_for(servers, node, webhook_allow="127.0.0.1"), Slow(), Receiver()
    async with receiving(slow), receiving(quick), opened(settings) as (platform,):
        first, second = await with_secret(platform), await with_secret(platform)
        await ended_tasks(platform, first, slow.url(), 12)
        await ended_tasks(platform, second, quick.url(), 1)
        async with worked(platform):
            await until(lambda: bool(quick.taken))
            await all_delivered(platform, second.tenant_id)
            assert len(slow.taken) <= TENANT_AT_ONCE
            slow.let.set()
            await all_delivered(platform, first.tenant_id)
        assert len(slow.taken) == 12


async def test_lost_errands_of_one_tenant_hide_none_of_anothers(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        many, one = await with_secret(platform), await with_secret(platform)
        await ended_tasks(platform, many, "https://a.example/", 6)
        await ended_tasks(platform, one, "https://b.example/", 1)
        for caller in (many, one):
            await rows(platform, NO_ERRANDS, RunId(caller.tenant_id))
            await rows(platform, LATE, RunId(caller.tenant_id))
        await platform.deliveries.queue_overdue()
        found = [(await rows(platform, ERRANDS, RunId(caller.tenant_id)))[0]["errands"] for caller in (many, one)]
        assert found == [TENANT_AT_ONCE, 1]


def telling(begun: asyncio.Event, let: asyncio.Event) -> TellEnd:
    """Return what tells an end once it is let."""

    async def tell(_tenant: TenantId, _run: RunId) -> bytes | None:
        begun.set()
        await let.wait()
        return b"{}"

    return tell


async def only(platform: Platform, caller: Caller) -> Delivery:
    (found,) = await platform.deliveries.list(caller.tenant_id, Wanted(), limit=5)
    return found


async def test_an_attempt_that_was_under_way_when_another_was_asked_for_says_nothing_of_that_one(
    servers: Servers, node: FakeNode
) -> None:
    settings = settings_for(servers, node, webhook_allow="127.0.0.1")
    async with receiving(Receiver(statuses=[410, 204])) as receiver, opened(settings) as (platform,):
        caller = await with_secret(platform)
        await ended_tasks(platform, caller, receiver.url(), 1)
        one = await only(platform, caller)
        events: Mapping[str, asyncio.Event] = {name: asyncio.Event() for name in ("a", "b", "let a", "let b")}
        older = asyncio.create_task(platform.deliveries.deliver(one.id, telling(events["a"], events["let a"])))
        await events["a"].wait()
        await platform.deliveries.redeliver(caller.tenant_id, one.id)
        newer = asyncio.create_task(platform.deliveries.deliver(one.id, telling(events["b"], events["let b"])))
        await events["b"].wait()
        events["let a"].set()
        await older
        assert (await only(platform, caller)).state is DeliveryState.PENDING
        events["let b"].set()
        await newer
        assert ((await only(platform, caller)).state, len(receiver.taken)) == (DeliveryState.DELIVERED, 2)


async def test_an_attempt_whose_process_died_counts_as_none(servers: Servers, node: FakeNode) -> None:
    settings = settings_for(servers, node, webhook_allow="127.0.0.1")
    async with receiving(Receiver()) as receiver, opened(settings) as (platform,):
        caller = await with_secret(platform)
        await ended_tasks(platform, caller, receiver.url(), 1)
        one, begun, let = await only(platform, caller), asyncio.Event(), asyncio.Event()
        dying = asyncio.create_task(platform.deliveries.deliver(one.id, telling(begun, let)))
        await begun.wait()
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        assert (await only(platform, caller)).attempts == 0
        await rows(platform, LATE, RunId(caller.tenant_id))
        let.set()
        await platform.deliveries.deliver(one.id, telling(begun, let))
        one = await only(platform, caller)
        assert (one.state, one.attempts) == (DeliveryState.DELIVERED, 1)
