"""The end of a task is told, once it is stored, until somebody takes it."""

import asyncio
import base64
import hashlib
import hmac
import json
from uuid import UUID

import msgspec
import pytest

from app.agents.life import RunState
from app.agents.values import RunHandle
from app.callback_urls import CallbackRefused, allowed_of
from app.ids import Caller, RunId, TenantId
from app.webhook_client import WebhookClient
from app.webhooks.deliveries import Deliveries, Wanted
from app.webhooks.rows import Delivery, DeliveryState, DeliveryUnknown
from app.webhooks.secrets import WebhookSecrets
from app.wiring import Platform
from app.worker import told_end
from tests.fakes.node import FakeNode
from tests.fakes.receiver import Receiver, receiving
from tests.integration.platforms import END_S, Servers, add_caller, ask, opened, rows, settings_for, until, worked

pytestmark = pytest.mark.integration

LATER = """
    UPDATE procrastinate_jobs SET scheduled_at = now() + interval '1 hour'
    WHERE queueing_lock = 'webhook:' || %s::uuid AND status = 'todo' RETURNING id
"""
NEXT = "SELECT scheduled_at FROM procrastinate_jobs WHERE queueing_lock = 'webhook:' || %s::uuid AND status = 'todo'"

# A sequence counts on, though what counted is rolled back.
NO_END = (
    "CREATE SEQUENCE refused_ends",
    "CREATE FUNCTION no_end() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN PERFORM nextval(''refused_ends''); RAISE EXCEPTION ''not now'' USING ERRCODE = ''57P01''; END'",
    "CREATE TRIGGER no_end BEFORE INSERT ON webhook_deliveries FOR EACH ROW EXECUTE FUNCTION no_end()",
)
REFUSED = "SELECT is_called FROM refused_ends WHERE %s::uuid IS NOT NULL"
ENDS_AGAIN = ("DROP FUNCTION no_end CASCADE", "DROP SEQUENCE refused_ends")
ERRANDS = """
    SELECT count(*) AS errands FROM procrastinate_jobs
    WHERE queueing_lock = (SELECT 'webhook:' || id FROM webhook_deliveries WHERE run_id = %s) AND status = 'todo'
"""
# As a worker that is at it leaves none.
TAKEN = "DELETE FROM procrastinate_jobs WHERE queueing_lock = 'webhook:' || %s::uuid AND status = 'todo' RETURNING id"
DUE = "UPDATE webhook_deliveries SET next_at = now() WHERE run_id = %s RETURNING id"
LOST = """
    WITH lost AS (
        DELETE FROM procrastinate_jobs j USING webhook_deliveries d
        WHERE d.run_id = %s AND j.queueing_lock = 'webhook:' || d.id RETURNING d.id
    )
    UPDATE webhook_deliveries d SET next_at = now() - interval '11 seconds' FROM lost
    WHERE d.id = lost.id RETURNING d.id
"""


async def submitted(platform: Platform, url: str) -> tuple[Caller, RunHandle, str]:
    """Submit a task of a new tenant that has a secret."""
    caller = await add_caller(platform)
    secret = await WebhookSecrets(platform.database).make(caller.tenant_id, rotate=False)
    handle = await platform.runner.submit(caller, msgspec.structs.replace(ask(), callback_url=url))
    return caller, handle, secret


async def delivery(platform: Platform, tenant_id: TenantId) -> Delivery:
    """Return the tenant's only delivery."""
    (found,) = await platform.deliveries.list(tenant_id, Wanted(), limit=5)
    return found


async def ended(platform: Platform, tenant_id: TenantId) -> Delivery:
    """Return the tenant's only delivery once it is over."""
    async with asyncio.timeout(END_S):
        while True:
            one = await delivery(platform, tenant_id)
            if one.state is not DeliveryState.PENDING:
                return one
            await asyncio.sleep(0.05)


async def tried(platform: Platform, one: Delivery) -> Delivery:
    """Have a delivery that is due tried now; return it as it stands then."""
    await rows(platform, DUE, one.run_id)
    await rows(platform, TAKEN, RunId(one.id))
    await platform.deliveries.deliver(one.id, lambda tenant, run: told_end(platform, tenant, run))
    return await delivery(platform, one.tenant_id)


def verified(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Whether one part of the signature is of this secret."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}" in headers["webhook-signature"].split(" ")


@pytest.mark.requirement("FAM-04.webhook")
async def test_the_end_of_a_task_is_told_signed_once(servers: Servers, node: FakeNode) -> None:
    settings = settings_for(servers, node, webhook_allow="127.0.0.1")
    async with receiving(Receiver()) as receiver, opened(settings) as (platform,), worked(platform):
        caller, handle, secret = await submitted(platform, receiver.url())
        await until(lambda: bool(receiver.taken))
        ((_, headers, body),) = receiver.taken
        lowered = {name.lower(): value for name, value in headers.items()}
        assert verified(secret, lowered, body)
        assert not verified(secret, lowered, body + b" ")
        told = json.loads(body)
        assert (told["type"], told["status"], told["task_id"]) == ("task.complete", "complete", str(handle.run_id))
        assert told["result"]["message"] == (await platform.runs.get(caller.tenant_id, handle.run_id)).message
        one = await ended(platform, caller.tenant_id)
        assert (str(one.id), one.attempts, one.last_status) == (lowered["webhook-id"], 1, 200)
        assert platform.metrics.registry.get_sample_value("switchyard_webhooks_total", {"outcome": "delivered"}) == 1


async def test_the_delivery_is_written_with_the_end_whatever_ends_the_task(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller, handle, _ = await submitted(platform, "https://a.example/")
        assert await platform.deliveries.list(caller.tenant_id, Wanted(), limit=5) == []
        await platform.runner.cancel(caller, handle.run_id)
        one = await delivery(platform, caller.tenant_id)
        assert (one.state, one.attempts, one.run_id) == (DeliveryState.PENDING, 0, handle.run_id)
        assert (await rows(platform, ERRANDS, handle.run_id))[0]["errands"] == 1


async def test_an_end_whose_delivery_cannot_be_written_is_not_written_either(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller, handle, _ = await submitted(platform, "https://a.example/")
        async with platform.database.connection("test") as conn:
            for statement in NO_END:
                await conn.execute(statement.encode())
        try:
            working = asyncio.create_task(platform.runner.resume(handle.run_id))
            async with asyncio.timeout(END_S):
                while not (await rows(platform, REFUSED, handle.run_id))[0]["is_called"]:  # noqa: ASYNC110 - a row's
                    await asyncio.sleep(0.02)
            assert (await platform.runs.get(caller.tenant_id, handle.run_id)).state is RunState.RUNNING
            assert await platform.deliveries.list(caller.tenant_id, Wanted(), limit=5) == []
        finally:
            async with platform.database.connection("test") as conn:
                for statement in ENDS_AGAIN:
                    await conn.execute(statement.encode())
        async with asyncio.timeout(END_S):
            result = await working
        assert result is not None
        assert result.state is RunState.DONE
        assert (await delivery(platform, caller.tenant_id)).state is DeliveryState.PENDING


async def test_what_is_not_taken_is_tried_again_and_becomes_a_dead_letter_that_can_be_delivered(
    servers: Servers, node: FakeNode
) -> None:
    settings = settings_for(servers, node, webhook_allow="127.0.0.1")
    async with receiving(Receiver(statuses=[500])) as receiver, opened(settings) as (platform,):
        caller, handle, _ = await submitted(platform, receiver.url())
        await platform.runner.cancel(caller, handle.run_id)
        one = await delivery(platform, caller.tenant_id)
        for attempt in range(1, 11):
            before = one
            one = await tried(platform, one)
            assert (one.attempts, one.last_status, one.last_error) == (attempt, 500, "status")
            if attempt < 10:
                assert one.next_at > before.next_at
                assert (await rows(platform, ERRANDS, handle.run_id))[0]["errands"] == 1
        assert one.state is DeliveryState.DEAD
        assert [
            d.id
            for d in await platform.deliveries.list(caller.tenant_id, Wanted(states=(DeliveryState.DEAD,)), limit=5)
        ] == [one.id]
        assert len({headers.get("webhook-id", headers.get("Webhook-Id")) for _, headers, _ in receiver.taken}) == 1
        # A dead one is not tried.
        assert (await tried(platform, one)).attempts == 10
        receiver.statuses = [204]
        with pytest.raises(DeliveryUnknown):
            await platform.deliveries.redeliver((await add_caller(platform)).tenant_id, one.id)
        await platform.deliveries.redeliver(caller.tenant_id, one.id)
        one = await tried(platform, one)
        assert (one.state, one.attempts, one.last_error) == (DeliveryState.DELIVERED, 1, None)


async def test_one_that_waits_for_its_next_try_is_tried_at_once_where_that_is_asked_for(
    servers: Servers, node: FakeNode
) -> None:
    settings = settings_for(servers, node, webhook_allow="127.0.0.1")
    async with receiving(Receiver(statuses=[500])) as receiver, opened(settings) as (platform,):
        caller, handle, _ = await submitted(platform, receiver.url())
        await platform.runner.cancel(caller, handle.run_id)
        one = await tried(platform, await delivery(platform, caller.tenant_id))
        assert len(await rows(platform, LATER, RunId(one.id))) == 1
        await platform.deliveries.redeliver(caller.tenant_id, one.id)
        assert [row["scheduled_at"] for row in await rows(platform, NEXT, RunId(one.id))] == [None]


async def test_two_workers_do_not_try_one_delivery_at_once_and_a_lost_errand_is_sent_again(
    servers: Servers, node: FakeNode
) -> None:
    settings = settings_for(servers, node, webhook_allow="127.0.0.1")
    async with receiving(Receiver()) as receiver, opened(settings) as (platform,):
        caller, handle, _ = await submitted(platform, receiver.url())
        await platform.runner.cancel(caller, handle.run_id)
        assert await rows(platform, LOST, handle.run_id)
        await platform.deliveries.queue_overdue()
        assert (await rows(platform, ERRANDS, handle.run_id))[0]["errands"] == 1
        one = await delivery(platform, caller.tenant_id)
        await asyncio.gather(
            *(platform.deliveries.deliver(one.id, lambda t, r: told_end(platform, t, r)) for _ in range(4))
        )
        assert len(receiver.taken) == 1


async def test_a_tenant_without_a_secret_gets_no_callback_and_while_one_is_replaced_both_sign(
    servers: Servers, node: FakeNode
) -> None:
    settings = settings_for(servers, node, webhook_allow="127.0.0.1")
    async with receiving(Receiver()) as receiver, opened(settings) as (platform,):
        stranger = await add_caller(platform)
        with pytest.raises(CallbackRefused):
            await platform.deliveries.check(stranger.tenant_id, "https://a.example/")
        caller, handle, first = await submitted(platform, receiver.url())
        await platform.deliveries.check(caller.tenant_id, "https://a.example/")
        second = await WebhookSecrets(platform.database).make(caller.tenant_id, rotate=True)
        await platform.runner.cancel(caller, handle.run_id)
        await tried(platform, await delivery(platform, caller.tenant_id))
        ((_, headers, body),) = receiver.taken
        lowered = {name.lower(): value for name, value in headers.items()}
        assert verified(first, lowered, body)
        assert verified(second, lowered, body)


async def test_a_task_that_is_begun_again_before_its_end_was_told_tells_its_next_end(
    servers: Servers, node: FakeNode
) -> None:
    settings = settings_for(servers, node, webhook_allow="127.0.0.1")
    async with receiving(Receiver()) as receiver, opened(settings) as (platform,):
        caller, handle, _ = await submitted(platform, receiver.url())
        await rows(
            platform,
            "UPDATE runs SET state = 'dead', error_code = 'run_failed' WHERE id = %s RETURNING id",
            handle.run_id,
        )
        one = await delivery(platform, caller.tenant_id)
        await platform.tasks.requeue(caller.tenant_id, handle.run_id, request_id="again")
        await rows(platform, DUE, one.run_id)
        await platform.deliveries.deliver(one.id, lambda tenant, run: told_end(platform, tenant, run))
        # It is no dead letter: its task has not ended.
        assert await platform.deliveries.list(caller.tenant_id, Wanted(), limit=5) == []
        assert platform.metrics.registry.get_sample_value("switchyard_webhooks_dead_total") == 0
        assert await platform.runner.resume(handle.run_id) is not None
        assert (await delivery(platform, caller.tenant_id)).state is DeliveryState.PENDING
        assert not receiver.taken


async def test_a_session_that_is_removed_takes_its_deliveries_along(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller, handle, _ = await submitted(platform, "https://a.example/")
        await platform.runner.cancel(caller, handle.run_id)
        one = await delivery(platform, caller.tenant_id)
        await platform.sessions.remove(caller.tenant_id, handle.session_id)
        assert await platform.deliveries.list(caller.tenant_id, Wanted(), limit=5) == []
        client = Deliveries(platform.database, WebhookClient(allowed_of([])), platform.metrics)
        await client.deliver(UUID(str(one.id)), lambda t, r: told_end(platform, t, r))
