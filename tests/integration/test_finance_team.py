"""The finance team over HTTP, on filings of a tenant of its own: figures come from rows, whatever a model says."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from structlog.testing import capture_logs

from app.agents.life import RunState
from app.agents.values import OnDisconnect
from app.api.app import create_app
from app.degradation import Degradation
from app.ids import Caller, KeyId
from app.wiring import Platform
from tests.fakes.asgi import Client
from tests.fakes.finance import BALANCE, BOEING, CYCLES, INCOME
from tests.fakes.node import FakeNode
from tests.integration.platforms import (
    CHAT,
    DIED,
    EMBED,
    END_S,
    Servers,
    answered,
    ask,
    opened,
    rows,
    settings_for,
    worked,
)

pytestmark = pytest.mark.integration

PATH = "/api/v2/query-multi-agent"
MULTIPART = ("content-type", "multipart/form-data; boundary=edge")
FILINGS = {
    "BESTBUY_2024Q2_10Q.md": BALANCE,
    "AMCOR_2023_10K.md": INCOME,
    "BOEING_2022_10K.md": f"{BOEING}\n{CYCLES}\n",
}
CASH = "Was there any drop in cash and cash equivalents of Best Buy between FY2023 and Q2 of FY2024?"
TWO = "Compare the revenue of Amcor with that of Boeing in FY2022."
EFFECTS = "SELECT step_key, fence FROM effects WHERE run_id = %s ORDER BY step_key"


async def file(client: Client, name: str, text: str, fields: Mapping[str, str] = {}) -> None:
    """Upload a filing, and return once questions find it."""
    said = "".join(
        f'--edge\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields.items()
    )
    head = f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    form = f"{said}{head}{text}\r\n--edge--\r\n".encode()
    accepted = await client.send("POST", "/api/v2/upload", body=form, headers=[MULTIPART])
    assert accepted.status == 202, accepted.json()
    async with asyncio.timeout(END_S):
        while (job := (await client.get(accepted.json()["status_url"])).json())["status"] != "done":
            assert job["error"] is None
            await asyncio.sleep(0.05)


@asynccontextmanager
async def filed(servers: Servers, node: FakeNode) -> AsyncGenerator[tuple[Platform, Client, Caller]]:
    """Open a platform, and a client of a new tenant with three filings."""
    async with opened(settings_for(servers, node)) as (platform,), worked(platform):
        tenant = await platform.tenants.add(f"tenant-{uuid4()}")
        client = Client(create_app(platform), (await platform.keys.add(tenant.id, "x")).key)
        for name, text in FILINGS.items():
            await file(client, name, text)
        yield platform, client, Caller(tenant.id, KeyId(uuid4()), "tenant")


async def query(client: Client, question: str, **more: object) -> dict[str, Any]:
    """Return the reply to a question."""
    reply = await client.post(PATH, {"query": question, **more})
    assert reply.status == 200, reply.json()
    return reply.json()


async def tickers_of(servers: Servers, caller: Caller) -> list[str]:
    """Return the tickers of the tenant's points."""
    own = {"must": [{"key": "tenant_id", "match": {"value": str(caller.tenant_id)}}]}
    asked = {"filter": own, "limit": 100, "with_payload": ["ticker"]}
    async with httpx.AsyncClient(base_url=servers.qdrant_urls[0]) as qdrant:
        known = (await qdrant.get("/aliases")).json()["result"]["aliases"]
        alias = next(one["alias_name"] for one in known if one["alias_name"].startswith(servers.collections))
        found = await qdrant.post(f"/collections/{alias}/points/scroll", json=asked)
    points = found.raise_for_status().json()["result"]["points"]
    return sorted({point["payload"]["ticker"] for point in points if point.get("payload")})


@pytest.mark.requirement("FIN-10.takes", "FIN-10.type", "FIN-10.tokens", "FIN-11.hands", "FIN-11.joins")
async def test_a_question_is_planned_researched_computed_and_cited_and_follows_its_document(
    servers: Servers, node: FakeNode
) -> None:
    async with filed(servers, node) as (_, client, _):
        reply = await query(client, CASH)
        assert "declined by 41.68 %" in reply["answer"]
        assert reply["answer"].startswith(
            "Here is what the filings say: Cash and cash equivalents of BESTBUY in FY2023"
        )
        assert [agent["name"] for agent in reply["agents"]] == ["lead_agent", "researcher", "judge"]
        assert reply["query_type"] in {"simple", "medium", "complex"}
        used = reply["token_usage"]
        assert used["total"] == used["prompt"] + used["completion"] > 0
        assert reply["quality"]["groundedness"] == 1.0
        (citation,) = reply["citations"]
        assert citation["quote"] == "| Cash and cash equivalents | $ 1,093 | $ 1,874 | $ 840 |"
        assert citation["document"] == "BESTBUY_2024Q2_10Q.md"
        await file(client, "BESTBUY_2024Q2_10Q.md", BALANCE.replace("1,093", "1,500"))
        assert "declined by 19.96 %" in (await query(client, CASH))["answer"]


@pytest.mark.requirement("FIN-12.company")
async def test_a_search_for_a_ticker_brings_passages_of_its_filings_only(servers: Servers, node: FakeNode) -> None:
    async with filed(servers, node) as (_, client, caller):
        tagged = {"set": "sec_filings", "ticker": "ZZZ", "tags": "form:10-K"}
        await file(client, "zeta.md", INCOME.replace("14,694", "99,999"), tagged | {"tags": "form:10-K"})
        reply = await query(client, "Is the business of ZZZ subject to cyclicality?")
        assert {part["ticker"] for part in reply["details"]["plan"]["parts"]} == {"ZZZ"}
        assert {citation["document"] for citation in reply["citations"]} <= {"zeta.md"}
        assert await tickers_of(servers, caller) == ["ZZZ"]
        reply = await query(client, "Is Boeing's business subject to cyclicality?")
        assert {part["document"] for part in reply["details"]["plan"]["parts"]} == {"BOEING_2022_10K.md"}


async def test_another_tenants_filings_are_none(servers: Servers, node: FakeNode) -> None:
    async with filed(servers, node) as (platform, _, _):
        stranger = await platform.tenants.add(f"tenant-{uuid4()}")
        client = Client(create_app(platform), (await platform.keys.add(stranger.id, "x")).key)
        reply = await query(client, CASH)
    assert reply["answer"].startswith("None of your documents is a filing")
    assert reply["citations"] == []


@pytest.mark.requirement("FIN-61.agent", "FIN-76.agent")
async def test_each_agent_that_worked_is_measured_and_told_by_its_name(servers: Servers, node: FakeNode) -> None:
    async with filed(servers, node) as (platform, client, _):
        node.script(model=CHAT, text="Boeing is cyclical.", times=1)
        with capture_logs() as lines:
            await query(client, "Is Boeing's business subject to cyclicality?")
        value = platform.metrics.registry.get_sample_value
        for agent in ("lead_agent", "researcher", "judge"):
            told = [line for line in lines if line["event"] == "agent_execution_started" and line["agent"] == agent]
            counts = [
                value("agent_execution_duration_seconds_count", {"agent_name": agent, "query_type": tier}) or 0
                for tier in ("simple", "medium", "complex")
            ]
            assert sum(counts) == 1, agent
            assert told or agent == "lead_agent"
        assert value("tool_calls_total", {"tool_name": "sec_search", "success": "true"}) == 1
        assert value("tool_calls_total", {"tool_name": "list_filings", "success": "true"}) == 1


@pytest.mark.requirement("FIN-12.retries", "FIN-12.log", "FIN-76.ticker", "FIN-76.retries")
async def test_a_search_that_fails_is_made_again_and_the_log_counts(servers: Servers, node: FakeNode) -> None:
    async with filed(servers, node) as (platform, client, caller):
        await file(client, "zeta.md", CYCLES, {"set": "sec_filings", "ticker": "ZZZ"})
        node.script(model=EMBED, status=500, times=-1, asks="ZZZ")
        asked = msgspec.structs.replace(ask("Is the business of ZZZ subject to cyclicality?"), team="finance")
        with capture_logs() as lines:
            result = await answered(platform, caller, asked)
        failed = [line for line in lines if line["event"] == "tool_execution_failed"]
        assert [(line["tool"], line["ticker"], line["retry_count"]) for line in failed] == [
            ("sec_search", "ZZZ", 0),
            ("sec_search", "ZZZ", 1),
            ("sec_search", "ZZZ", 2),
        ]
        assert result.degraded == (Degradation.RETRIEVAL,)


@pytest.mark.requirement("FAM-12.run")
async def test_a_run_whose_owner_dies_between_two_researchers_ends_as_if_nothing_had_happened(
    servers: Servers, node: FakeNode
) -> None:
    async with filed(servers, node) as (platform, client, caller):
        # The second researcher's first search never comes back; the first one's are kept meanwhile. Nobody has asked
        # before: a vector that is kept is not asked for.
        node.script(model=EMBED, hang_after=0, times=1, asks="BOEING consolidated")
        start = msgspec.structs.replace(ask(TWO, on_disconnect=OnDisconnect.CONTINUE), team="finance")
        async with opened(settings_for(servers, node, replica="dying", qdrant_collection=_collection(platform))) as (
            dying,
        ):
            handle = await dying.runner.start(caller, start)
            kept: list[dict[str, object]] = []
            async with asyncio.timeout(END_S):
                while not any("together:0[0]" in str(row["step_key"]) for row in kept):
                    kept = await rows(dying, EFFECTS, handle.run_id)
                    await asyncio.sleep(0.05)
            await dying.runner.close(drain_s=0)
        kept = await rows(platform, EFFECTS, handle.run_id)
        assert not any("together:0[1]" in str(row["step_key"]) for row in kept)
        await rows(platform, DIED, handle.run_id)
        result = await platform.runner.result(caller, handle.run_id, END_S)
        undisturbed = await query(client, TWO)
        assert (result.state, result.message, result.attempt) == (RunState.DONE, undisturbed["answer"], 2)
        after = await rows(platform, EFFECTS, handle.run_id)
        # What was done is not done again, and each researcher has places of its own.
        assert [row for row in after if row["fence"] == 1] == kept
        keys = [str(row["step_key"]) for row in after]
        assert len(keys) == len(set(keys))
        assert {"[0]", "[1]"} <= {key[key.index("[") : key.index("]") + 1] for key in keys if "[" in key}


def _collection(platform: Platform) -> str:
    return platform.settings.qdrant_collection
