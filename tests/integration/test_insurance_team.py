"""The insurance team over HTTP, on rows of a tenant of its own: facts come from rows, whatever the model says."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.agents.insurance import seed_rows
from app.api.app import create_app
from app.ids import Caller, KeyId, RunId, TenantId
from app.wiring import Platform
from tests.fakes.asgi import Client
from tests.fakes.node import FakeNode
from tests.integration.platforms import CHAT, END_S, Servers, opened, settings_for

pytestmark = pytest.mark.integration

PATH = "/api/v1/chat"
KNOWN = {"customer_id": "CUST00001", "policy_number": "POL000004"}
PREMIUM = "Your auto insurance premium is $197.88."
UPDATE = "UPDATE policies SET premium_usd_micro = 201000000 WHERE tenant_id = %s AND policy_number = 'POL000004'"


@asynccontextmanager
async def insured(servers: Servers, node: FakeNode) -> AsyncGenerator[tuple[Platform, Client, TenantId]]:
    """Open a platform, and a client of a new tenant with the rows of five customers."""
    async with opened(settings_for(servers, node)) as (platform,):
        tenant = await platform.tenants.add(f"tenant-{uuid4()}")
        await seed_rows.seed(platform.database, tenant.id, 5)
        yield platform, Client(create_app(platform), (await platform.keys.add(tenant.id, "x")).key), tenant.id


async def ask(client: Client, message: str, **more: object) -> dict[str, Any]:
    """Return the reply to a question."""
    reply = await client.post(PATH, {"message": message, "team": "insurance", **more})
    assert reply.status == 200, reply.json()
    return reply.json()


@pytest.mark.requirement("INS-70.status", "INS-70.premium", "INS-70.database", "INS-70.models", "INS-12.premium")
async def test_a_premium_is_told_as_its_row_says(servers: Servers, node: FakeNode) -> None:
    async with insured(servers, node) as (platform, client, tenant_id):
        node.script(model=CHAT, text=PREMIUM)
        reply = await ask(client, "What is my auto insurance premium?", context=KNOWN)
        assert (reply["message"], reply["agent_used"]) == (PREMIUM, "billing_agent")
        assert (reply["requires_clarification"], reply["conversation_complete"]) == (False, True)
        async with platform.database.connection("test") as conn:
            await conn.execute(UPDATE, (tenant_id,))
        # The model says what was so.
        node.script(model=CHAT, text=PREMIUM)
        reply = await ask(client, "What is my auto insurance premium?", session_id=reply["session_id"])
        assert reply["message"] == (
            "Here is what your records say: Your auto insurance premium is $201.00. "
            "It is billed monthly under policy POL000004."
        )


@pytest.mark.requirement("INS-18.goes-on")
async def test_the_number_that_was_asked_for_answers_the_first_question(servers: Servers, node: FakeNode) -> None:
    async with insured(servers, node) as (_, client, _):
        first = await ask(client, "What is my auto insurance premium?")
        assert (first["requires_clarification"], first["metadata"]["output_tokens"]) == (True, 0)
        node.script(model=CHAT, text=PREMIUM)
        then = await ask(client, "POL000004", session_id=first["session_id"])
        assert (then["message"], then["agent_used"]) == (PREMIUM, "billing_agent")


async def test_a_tenant_without_the_row_is_told_that_there_is_none(servers: Servers, node: FakeNode) -> None:
    async with insured(servers, node) as (platform, _, _):
        stranger = await platform.tenants.add(f"tenant-{uuid4()}")
        client = Client(create_app(platform), (await platform.keys.add(stranger.id, "x")).key)
        reply = await ask(client, "What is my auto insurance premium?", context=KNOWN)
    assert reply["message"].startswith("I find no POL000004 among your records.")


async def test_a_call_is_filed_once(servers: Servers, node: FakeNode) -> None:
    async with insured(servers, node) as (platform, client, tenant_id):
        reply = await ask(client, "Please call me back about my bill.", context=KNOWN)
        assert reply["agent_used"] == "human_escalation"
        async with platform.database.connection("test") as conn:
            rows = await (await conn.execute("SELECT * FROM escalations WHERE tenant_id = %s", (tenant_id,))).fetchall()
    (row,) = rows
    assert (row["kind"], row["customer_id"], row["policy_number"]) == ("callback", "CUST00001", "POL000004")
    assert row["id"].hex[:8].upper() in reply["message"]


@pytest.mark.requirement("INS-15.handed", "INS-15.says")
async def test_a_customer_who_wants_a_person_waits_for_one_and_is_filed_once(servers: Servers, node: FakeNode) -> None:
    async with insured(servers, node) as (platform, client, tenant_id):
        waiting = await ask(client, "Let me talk to a person about the fee.", context=KNOWN)
        assert waiting["state"] == "waiting"
        assert waiting["message"].startswith("A person takes over this request on POL000004, under ")
        run_id = waiting["metadata"]["run_id"]
        reply = await client.post(f"/api/v1/runs/{run_id}/resume", {"answer": "The fee is waived."})
        assert reply.status in {200, 202}, reply.json()
        result = await platform.runner.result(Caller(tenant_id, KeyId(uuid4()), "tenant"), RunId(UUID(run_id)), END_S)
        async with platform.database.connection("test") as conn:
            rows = await (
                await conn.execute("SELECT kind, policy_number FROM escalations WHERE tenant_id = %s", (tenant_id,))
            ).fetchall()
    assert result.agent_used == "human_escalation"
    assert result.message.startswith("A person has taken this over, under ")
    assert result.message.endswith("and answers: The fee is waived.")
    assert rows == [{"kind": "escalation", "policy_number": "POL000004"}]
