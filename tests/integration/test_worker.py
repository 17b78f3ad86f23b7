"""What a worker does by itself: it reads in what was uploaded, and goes on with runs whose process died."""

import asyncio
from typing import Any
from urllib.parse import quote

import pytest

from app.agents.life import RunState
from app.agents.values import OnDisconnect
from app.api.app import create_app
from tests.fakes.asgi import Client
from tests.fakes.node import FakeNode
from tests.integration.platforms import (
    CHAT,
    DIED,
    END_S,
    Servers,
    add_caller,
    ask,
    chat_of,
    opened,
    rows,
    settings_for,
    until,
    worked,
)

pytestmark = pytest.mark.integration

MULTIPART = ("content-type", "multipart/form-data; boundary=edge")
QUESTION = "How many litres does the tank hold?"


async def read_in(client: Client, text: str) -> None:
    """Upload `tank.md`, and return once its job says that it was read in."""
    head = '--edge\r\nContent-Disposition: form-data; name="file"; filename="tank.md"\r\n\r\n'
    form = f"{head}{text}\r\n--edge--\r\n".encode()
    accepted = await client.send("POST", "/api/v2/upload", body=form, headers=[MULTIPART])
    assert accepted.status == 202
    async with asyncio.timeout(END_S):
        while (job := (await client.get(accepted.json()["status_url"])).json())["status"] != "done":
            assert job["error"] is None
            await asyncio.sleep(0.1)
    assert (job["step"], job["progress"]) == ("ready", 1.0)


async def asked(client: Client) -> dict[str, Any]:
    """Return the answer to the question about the tank."""
    reply = await client.post("/api/v1/chat", {"message": QUESTION})
    assert reply.status == 200
    return reply.json()


@pytest.mark.requirement("UPL-12.documents")
@pytest.mark.requirement("ORC-10.documents", "UPL-15.uploads", "UPL-15.answers", "UPL-48.uploads")
async def test_an_answer_says_and_cites_what_an_uploaded_document_says_now(servers: Servers, node: FakeNode) -> None:
    # The node answers with the first sentence that it was given.
    node.quotes = True
    async with opened(settings_for(servers, node)) as (platform,), worked(platform):
        tenant = await platform.tenants.add(f"readers-{id(platform)}")
        client = Client(create_app(platform), (await platform.keys.add(tenant.id, "reader")).key)
        for litres, other in ((68, 81), (81, 68)):
            await read_in(client, f"# Tank\n\nThe clean water tank holds {litres} litres of water.\n")
            answer = await asked(client)
            assert f"holds {litres} litres" in answer["message"]
            assert str(other) not in answer["message"]
            (citation,) = answer["citations"]
            assert (citation["document"], citation["heading"]) == ("tank.md", "Tank")
            assert citation["quote"] == f"The clean water tank holds {litres} litres of water."
            found = (await client.get(f"/api/v1/search?question={quote(QUESTION)}")).json()
            assert [passage["text"].count(f"{litres} litres") for passage in found["passages"]] == [1]


@pytest.mark.requirement("FAM-08.any-worker", "FAM-12.run")
async def test_a_run_whose_process_died_is_gone_on_with_without_anybodys_asking(
    servers: Servers, node: FakeNode
) -> None:
    node.script(model=CHAT, tokens_per_s=10.0)
    async with opened(settings_for(servers, node, replica="dying")) as (dying,):
        caller = await add_caller(dying)
        handle = await dying.runner.start(caller, ask(on_disconnect=OnDisconnect.CONTINUE))
        await until(lambda: chat_of(node).tokens >= 3)
        await dying.runner.close(drain_s=0)
    async with opened(settings_for(servers, node, replica="worker")) as (worker,):
        await rows(worker, DIED, handle.run_id)
        async with worked(worker):
            result = await worker.runner.result(caller, handle.run_id, END_S)
            assert (result.state, result.attempt) == (RunState.DONE, 2)
