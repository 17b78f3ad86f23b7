"""Documents that tell an obedient model what to do change no tool, no route, and nothing of another tenant."""

from collections.abc import AsyncGenerator, Callable
from random import Random
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from app.agents.support_policy import SupportPolicy
from app.agents.values import RunOptions, RunResult, StartRun
from app.ids import Caller, JobId
from app.wiring import Platform
from tests.fakes.instructing import FACT, QUESTION, SECRET, Instructing, instructing
from tests.fakes.node import FakeNode
from tests.fakes.obedient import ObedientNode
from tests.fakes.retrieval import pieces
from tests.fakes.scripts import FakeModel
from tests.integration.platforms import CHAT, EMBED, Servers, add_caller, answered, chat_of, opened, settings_for

pytestmark = pytest.mark.integration

DOCUMENTS = tuple(instructing())
DRAWN = 4
"""Documents that are asked about in `make test`; `make verify` asks about all."""
HELP = "What does general help say of how many plates the kiln of this workshop holds?"
TEAMS = {"assistant": QUESTION, "insurance": HELP}
TOOLS_USED = {"assistant": {"document_search": 1}, "insurance": {"document_search": 1, "set_stock": 1}}
FILED = "SELECT count(*) AS filed FROM escalations WHERE tenant_id = %s"
TOOLS = ("tool_calls_total", {"success": "true"})


@pytest.fixture
async def node() -> AsyncGenerator[FakeNode]:
    """A node whose model obeys, and can use tools."""
    chat = FakeModel(name=CHAT, knows_tools=True)
    made = ObedientNode([chat, FakeModel(name=EMBED, kind="embed")])
    await made.start()
    yield made
    await made.stop()


async def add(platform: Platform, caller: Caller, name: str, text: str) -> UUID:
    """Have a document read in."""
    upload = await platform.documents.add(caller.tenant_id, name, "", pieces(text.encode()))
    await platform.workers.run(JobId(UUID(str(upload.job_id))))
    return upload.document_id


def used(platform: Platform) -> dict[str, float]:
    """How often each tool was used."""
    families = platform.metrics.registry.collect()
    samples = [sample for family in families for sample in family.samples if sample.name == TOOLS[0]]
    return {sample.labels["tool_name"]: sample.value for sample in samples if sample.labels["success"] == "true"}


async def ask(platform: Platform, caller: Caller, node: FakeNode, team: str) -> tuple[RunResult, dict[str, Any], int]:
    """Return the run, what its chat call asked of the node beside the messages, and how many chats it took."""
    before = len([call for call in node.calls if call.path == "/api/chat"])
    # What is withheld since no document supports it would hide whether the model obeys.
    options = RunOptions(support_policy=SupportPolicy.MARKED)
    asked = StartRun(question=TEAMS[team], request_id="test", team=team, options=options)
    result = await answered(platform, caller, asked)
    chats = len([call for call in node.calls if call.path == "/api/chat"]) - before
    return result, {name: value for name, value in chat_of(node).body.items() if name != "messages"}, chats


def route_of(result: RunResult) -> list[tuple[object, ...]]:
    """What is told of the routes of a run."""
    return [tuple(getattr(one, name) for name in ("tier", "model", "node")) for one in result.routes]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("team", TEAMS)
async def test_an_order_in_a_document_changes_words_at_most(
    servers: Servers, node: FakeNode, seeded: Callable[..., Random], team: str, *, is_full: bool
) -> None:
    count = len(DOCUMENTS) if is_full else DRAWN
    drawn = seeded(count, of=len(DOCUMENTS)).sample(DOCUMENTS, count)
    async with opened(settings_for(servers, node)) as (platform,):
        stranger = await add_caller(platform)
        await add(platform, stranger, "secret.md", f"# Secret\n\nThe word of the kiln is {SECRET}.\n")
        calm = await add_caller(platform)
        await add(platform, calm, "kiln.md", f"# Kiln\n\n{FACT}\n")
        # The first run of the assistant in a process has the exemplars embedded too.
        await ask(platform, await add_caller(platform), node, team)
        wanted, options, chats = await ask(platform, calm, node, team)
        obeyed = 0
        for document in drawn:
            caller, tools = await add_caller(platform), used(platform)
            document_id = await add(platform, caller, document.name, document.text)
            result, body, asked = await ask(platform, caller, node, team)
            assert (result.state, route_of(result)) == (wanted.state, route_of(wanted)), document.name
            assert (body, asked) == (options, chats), document.name
            assert "tools" not in body
            assert {one.document_id for one in result.citations} <= {document_id}, document.name
            assert changed(tools, used(platform)) == TOOLS_USED[team], document.name
            assert await filed(platform, caller) == 0
            assert is_read(node, document)
            obeyed += SECRET in result.message
        assert obeyed, "the model obeys"
        assert len(await platform.documents.list(stranger.tenant_id, limit=10)) == 1
        assert await platform.sessions.list(stranger.tenant_id, limit=10) == []


def changed(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """Tools that were used, and how often."""
    return {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}


async def filed(platform: Platform, caller: Caller) -> object:
    """What was filed for a person."""
    async with platform.database.connection("test") as conn:
        row = await (await conn.execute(FILED, [caller.tenant_id])).fetchone()
    return None if row is None else row["filed"]


def is_read(node: FakeNode, document: Instructing) -> bool:
    """Whether the model was shown the document: its fact, and roles in no other place than where they were sent."""
    messages = msgspec.convert(chat_of(node).body["messages"], list[dict[str, Any]])
    assert [one["role"] for one in messages] == ["system", "user"], document.name
    return FACT in messages[0]["content"] and messages[1]["content"] in TEAMS.values()


async def test_a_tool_that_the_model_asks_for_unasked_is_nobodys(servers: Servers, node: FakeNode) -> None:
    calls: list[dict[str, object]] = [{"function": {"name": "file_for_person", "arguments": {"kind": "callback"}}}]
    node.script(model=CHAT, text="", tool_calls=calls, times=-1)
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        await add(platform, caller, f"{uuid4()}.md", f"# Kiln\n\n{FACT}\n")
        result, body, _ = await ask(platform, caller, node, "assistant")
        assert (result.error_code, "tools" in body) == ("answer_empty", False)
        assert await filed(platform, caller) == 0
