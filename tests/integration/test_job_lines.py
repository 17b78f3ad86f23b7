"""A worker's lines lead back to the request: every line inside a job carries its ids, and no other job's."""

import asyncio
from collections.abc import Generator, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import pytest
import structlog
from structlog.testing import capture_logs

from app.agents.values import OnDisconnect
from app.errors import NodeFailed
from app.ids import TenantId
from app.jobs import rows as jobs
from app.retrieval.documents import Upload
from app.retrieval.states import REINDEX, JobKind
from tests.fakes.node import FakeNode
from tests.fakes.retrieval import Retrieval
from tests.integration.platforms import CHAT, Servers, add_caller, ask, chat_of, opened, rows, settings_for, until
from tests.integration.retrieval_fixtures import retrieval as retrieval

pytestmark = pytest.mark.integration

Line: TypeAlias = MutableMapping[str, Any]
KILN = "# Kiln\n\nA kiln holds 48 plates.\n"
INSIDE = "embedding.asked"
log = structlog.get_logger(__name__)


@contextmanager
def told() -> Generator[list[Line]]:
    """Catch the lines of structlog with the ids that are bound where they are written."""
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        yield lines


def ids_of(line: Line) -> dict[str, str]:
    """Return the ids of a line."""
    return {name: line[name] for name in ("request_id", "tenant_id", "job_id", "document_id") if name in line}


def expected(tenant: TenantId, upload: Upload, request_id: str) -> dict[str, str]:
    """Return the ids that each line about an upload carries."""
    own = {"tenant_id": str(tenant), "job_id": str(upload.job_id), "document_id": str(upload.document_id)}
    return own | {"request_id": request_id}


class Telling:
    """An embedding that writes a line, as a part far from the job does; `breaks` has it fail for a tenant."""

    def __init__(self, retrieval: Retrieval) -> None:
        self._retrieval = retrieval
        self.breaks: set[TenantId] = set()

    async def embed(
        self, tenant_id: TenantId | None, kind: JobKind, model: str, texts: Sequence[str]
    ) -> Sequence[Sequence[float]]:
        """Embed."""
        await asyncio.sleep(0)
        log.info(INSIDE, texts=len(texts))
        if tenant_id in self.breaks:
            raise NodeFailed("node a broke off")
        return await self._retrieval.embedding.for_job(tenant_id, kind, model, texts)


async def test_every_line_inside_an_ingestion_carries_its_own_ids(retrieval: Retrieval) -> None:
    telling = Telling(retrieval)
    done, waits, fails = [await retrieval.tenant() for _ in range(3)]
    telling.breaks = {waits}
    uploads = {
        "ingest.done": (done, await retrieval.add(done, "kiln.md", KILN, request_id="r-1"), "r-1"),
        "job.waits": (waits, await retrieval.add(waits, "kiln.md", KILN, request_id="r-2"), "r-2"),
        "ingest.failed": (fails, await retrieval.add(fails, "blank.txt", " \n\n ", request_id="r-3"), "r-3"),
    }
    ingest = retrieval.ingest(embed=telling.embed)
    with told() as lines:
        await asyncio.gather(*(ingest.run(upload.job_id) for _, upload, _ in uploads.values()))
    by_event = {line["event"]: ids_of(line) for line in lines if line["event"] != INSIDE}
    assert by_event == {event: expected(*told_of) for event, told_of in uploads.items()}
    inside = [ids_of(line) for line in lines if line["event"] == INSIDE]
    assert sorted(inside, key=lambda ids: ids["request_id"]) == [
        expected(*uploads["ingest.done"]),
        expected(*uploads["job.waits"]),
    ]


async def test_a_later_attempt_carries_the_request_too_and_nobodys_job_none(retrieval: Retrieval) -> None:
    telling = Telling(retrieval)
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "kiln.md", KILN, request_id="r-1")
    telling.breaks = {tenant}
    await retrieval.ingest(embed=telling.embed).run(upload.job_id)
    telling.breaks = set()
    async with retrieval.database.transaction("test") as conn:
        again = await jobs.insert(conn, REINDEX, tenant, upload.document_id)
    with told() as lines:
        await retrieval.ingest(embed=telling.embed).run(upload.job_id)
        await retrieval.editions.given.forget(tenant, upload.document_id)
        await retrieval.ingest(embed=telling.embed).run(again)
    first, second = ([line for line in lines if line["job_id"] == str(job_id)] for job_id in (upload.job_id, again))
    assert [ids_of(line) for line in first] == [expected(tenant, upload, "r-1")] * 2
    ids = expected(tenant, upload, "") | {"job_id": str(again)}
    assert [ids_of(line) for line in second] == [{name: ids[name] for name in ids if name != "request_id"}] * 2


async def test_every_line_of_a_takeover_carries_the_request_that_began_the_run(
    servers: Servers, node: FakeNode
) -> None:
    node.script(model=CHAT, tokens_per_s=20.0)
    async with opened(settings_for(servers, node, replica="worker")) as (worker,):
        caller = await add_caller(worker)
        async with opened(settings_for(servers, node, replica="dying")) as (dying,):
            handle = await dying.runner.start(caller, ask(on_disconnect=OnDisconnect.CONTINUE))
            await until(lambda: chat_of(node).tokens >= 2)
        (row,) = await rows(worker, "SELECT request_id FROM runs WHERE id = %s", handle.run_id)
        with told() as lines:
            await worker.runner.resume(handle.run_id)
    ids = {
        "run_id": str(handle.run_id),
        "session_id": str(handle.session_id),
        "tenant_id": str(caller.tenant_id),
        "request_id": row["request_id"],
    }
    of_the_run = [line for line in lines if line["event"].startswith(("run.", "agent_execution"))]
    assert {line["event"] for line in of_the_run} >= {"run.taken_over", "agent_execution_started"}
    assert [{name: line.get(name) for name in ids} for line in of_the_run] == [ids] * len(of_the_run)
