"""Webhooks by HTTP: where they may go, which were not delivered, and one more try."""

from uuid import uuid4

import pytest

from app.webhooks.rows import DeliveryState
from tests.fakes.asgi import Client
from tests.fakes.platform import TENANT_A, TENANT_B, FakePlatform

WEBHOOKS = "/api/v1/webhooks"
TASKS = "/api/v1/tasks"


@pytest.mark.parametrize("path", [TASKS, "/events"])
async def test_a_callback_is_kept_with_its_task_and_one_that_is_not_public_is_refused(
    client: Client, platform: FakePlatform, path: str
) -> None:
    url = "https://a.example/hook"
    assert (await client.post(path, {"message": "hello", "callback_url": url})).status == 202
    assert platform.runner.started[0].callback_url == url
    reply = await client.post(path, {"message": "hello", "callback_url": "http://169.254.169.254/"})
    assert (reply.status, reply.json()["code"], reply.json()["field"]) == (422, "callback_refused", "callback_url")
    assert len(platform.runner.started) == 1


async def test_dead_letters_are_listed_and_delivered_again(client: Client, platform: FakePlatform) -> None:
    dead = platform.deliveries.add(TENANT_A, DeliveryState.DEAD)
    platform.deliveries.add(TENANT_A, DeliveryState.DELIVERED)
    platform.deliveries.add(TENANT_B, DeliveryState.DEAD)
    (listed,) = (await client.get(f"{WEBHOOKS}?state=dead")).json()["webhooks"]
    assert (listed["webhook_id"], listed["last_error"], listed["next_at"]) == (str(dead.id), "status", None)
    assert (await client.get(f"{WEBHOOKS}?task_id={dead.run_id}")).json()["webhooks"] == [listed]
    again = await client.post(f"{WEBHOOKS}/{dead.id}/redeliver", {})
    assert (again.status, again.json()["state"], again.json()["attempts"]) == (202, "pending", 0)
    assert (await client.get(f"{WEBHOOKS}?state=dead")).json()["webhooks"] == []


async def test_another_tenants_delivery_is_unknown(client: Client, platform: FakePlatform) -> None:
    theirs = platform.deliveries.add(TENANT_B, DeliveryState.DEAD)
    for named in (theirs.id, uuid4(), "never"):
        reply = await client.post(f"{WEBHOOKS}/{named}/redeliver", {})
        assert (reply.status, reply.json()["code"]) == (404, "delivery_unknown")
    for query in ("state=lost", "task_id=never"):
        assert (await client.get(f"{WEBHOOKS}?{query}")).status == 422


async def test_operators_see_how_many_workers_the_tasks_ask_for(client: Client, operator: Client) -> None:
    load = (await operator.get(f"{TASKS}/load")).json()
    assert load == {
        "waiting": {"scheduler": 7},
        "running": {"scheduler": 5},
        "oldest_s": 12.5,
        "workers": 3,
        "workers_wanted": 10,
    }
    assert (await client.get(f"{TASKS}/load")).status == 403


async def test_a_time_before_all_time_and_a_team_that_no_store_can_hold_are_refused(client: Client) -> None:
    for asked in ("created_after=0001-01-01T00:00:00%2B14:00", "team=%00"):
        reply = await client.get(f"{TASKS}?{asked}")
        assert (reply.status, reply.json()["code"]) == (422, "bad_input"), asked
