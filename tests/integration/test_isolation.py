"""Two tenants with the same file see nothing of each other, and cost the same, at every endpoint that reads documents.

The endpoints come from the application: one without a case here fails.
"""

import math
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from app.accounts.keys import Keys
from app.api.app import create_app
from app.api.openapi import operations_of
from app.ids import JobId, TenantId
from app.wiring import Platform
from tests.fakes.asgi import Client, Reply
from tests.fakes.node import FakeNode
from tests.fakes.platform import FakePlatform
from tests.integration.costs import Cost, counted, metered
from tests.integration.platforms import Servers, opened, settings_for

pytestmark = pytest.mark.integration

KILN = b"# Kiln\n\nA kiln holds 48 plates.\n\n## Prices\n\nOne firing costs 19 euros.\n"
QUESTION = "How many plates does a kiln hold?"
FORM = ("content-type", "multipart/form-data; boundary=edge")
UNREAD = frozenset(
    (
        *("keys", "models", "nodes", "operations", "routes", "sessions"),
        *("chat", "runs", "tasks", "events", "ollama", "openai"),
    )
)
"""Tags of endpoints that read no document. A new tag belongs here or has cases."""
_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_AT = re.compile(r"(?<=\nid: )\d+|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")


class Side(msgspec.Struct, frozen=True):
    """A tenant with its client, and the ids that a case asks for: its own, another's, or nobody's."""

    tenant_id: TenantId
    client: Client
    document_id: UUID
    job_id: UUID

    def asking_for(self, other: "Side") -> "Side":
        """This tenant with the other's ids."""
        return Side(self.tenant_id, self.client, other.document_id, other.job_id)

    def asking_for_none(self) -> "Side":
        """This tenant with ids that nobody has."""
        return Side(self.tenant_id, self.client, uuid4(), uuid4())


Case = Callable[[Side], Awaitable[Reply]]


async def upload(client: Client, name: str = "kiln.md", content: bytes = KILN) -> Reply:
    """Upload a file."""
    head = f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    return await client.send("POST", "/api/v2/upload", body=head + content + b"\r\n--edge--\r\n", headers=[FORM])


def _get(path: str) -> Case:
    return lambda side: side.client.get(path.format(document_id=side.document_id, job_id=side.job_id))


def _send(method: str, path: str, value: object = None) -> Case:
    async def case(side: Side) -> Reply:
        filled = path.format(document_id=side.document_id, job_id=side.job_id)
        body = b"" if value is None else msgspec.json.encode(value)
        headers = [] if value is None else [("content-type", "application/json")]
        return await side.client.send(method, filled, body=body, headers=headers)

    return case


CASES: Mapping[tuple[str, str], Case] = {
    ("POST", "/api/v2/upload"): lambda side: upload(side.client),
    ("GET", "/api/v2/jobs"): _get("/api/v2/jobs"),
    ("GET", "/api/v2/jobs/{job_id}"): _get("/api/v2/jobs/{job_id}"),
    ("GET", "/api/v2/jobs/{job_id}/events"): _get("/api/v2/jobs/{job_id}/events"),
    ("POST", "/api/v2/jobs/{job_id}/cancel"): _send("POST", "/api/v2/jobs/{job_id}/cancel"),
    ("GET", "/api/v1/search"): _get("/api/v1/search?question=plates&document={document_id}"),
    ("POST", "/api/v1/search"): lambda side: side.client.post(
        "/api/v1/search", {"question": "plates", "filters": {"documents": [str(side.document_id)]}}
    ),
    ("GET", "/api/v1/documents"): _get("/api/v1/documents"),
    ("GET", "/api/v1/documents/{document_id}"): _get("/api/v1/documents/{document_id}"),
    ("GET", "/api/v1/documents/{document_id}/original"): _get("/api/v1/documents/{document_id}/original"),
    ("PATCH", "/api/v1/documents/{document_id}"): _send("PATCH", "/api/v1/documents/{document_id}", {"set": "kilns"}),
    ("GET", "/api/v1/document-sets"): _get("/api/v1/document-sets"),
    ("POST", "/api/v1/documents/{document_id}/reprocess"): _send("POST", "/api/v1/documents/{document_id}/reprocess"),
    ("GET", "/api/v1/documents/{document_id}/text"): _get("/api/v1/documents/{document_id}/text?start=3&end=9"),
    ("POST", "/api/v1/documents/{document_id}/restore"): _send("POST", "/api/v1/documents/{document_id}/restore"),
    # The last one: nothing is left to ask for.
    ("DELETE", "/api/v1/documents/{document_id}"): _send("DELETE", "/api/v1/documents/{document_id}"),
}

ENDINGS = {("POST", "/api/v2/jobs/{job_id}/cancel"): {409}}
"""Of what is refused, for the job has ended."""


def masked(reply: Reply) -> tuple[int, object, str]:
    """What of a reply may be compared: status, headers and body without ids and times."""
    headers = {name: value for name, value in reply.headers.items() if name not in {"x-request-id", "date"}}
    text = f"{sorted(headers.items())}\n{reply.body.decode()}"
    return reply.status, _AT.sub("AT", _ID.sub("ID", text)), ""


def plain(cost: Cost) -> tuple[list[str], list[object]]:
    """What of a cost may be compared: statements, and requests without ids and numbers of vectors."""
    asked = [(one.method, one.path, _ID.sub("ID", msgspec.json.encode(one.body).decode())) for one in cost.asked]
    return cost.statements, list[object](asked)


async def asked(case: Case, side: Side) -> tuple[Reply, Cost]:
    """A request and what it cost; whatever it asks of Qdrant names its tenant."""
    with counted() as cost:
        reply = await case(side)
    assert cost.unowned(side.tenant_id) == []
    return reply, cost


def shows(reply: Reply, other: Side) -> list[str]:
    """Whatever of another tenant's stands in a reply."""
    return shows_text(f"{reply.headers}{reply.body.decode()}", other)


def shows_text(said: object, other: Side) -> list[str]:
    """Whatever of another tenant's stands in what was said."""
    return [str(one) for one in (other.tenant_id, other.document_id, other.job_id) if str(one) in str(said)]


class Two(msgspec.Struct, frozen=True):
    """A platform with two tenants that have the same file."""

    platform: Platform
    first: Side
    second: Side


async def _tenant(platform: Platform, app: Any) -> tuple[TenantId, Client]:  # noqa: ANN401 - Litestar's class
    tenant = await platform.tenants.add(f"tenant-{uuid4()}")
    return tenant.id, Client(app, (await platform.keys.add(tenant.id, "x")).key)


@pytest.fixture
async def two(servers: Servers, node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Two]:
    """Two tenants, whose uploads and ingestions have cost the same."""
    metered(monkeypatch)
    # Whoever asks when what is known is looked up again would pay for it.
    monkeypatch.setattr("app.retrieval.editions.editions.LOOK_EVERY_S", math.inf)
    node.quotes = True
    async with opened(settings_for(servers, node)) as (platform,):
        platform = replace(platform, keys=Keys(platform.database, cache_s=math.inf))
        app = create_app(platform)
        sides: list[Side] = []
        costs: list[object] = []
        for _ in range(2):
            tenant_id, client = await _tenant(platform, app)
            await client.get("/api/v1/documents")  # its key is known from here on
            with counted() as taking:
                view = (await upload(client)).json()
            with counted() as ingesting:
                await platform.workers.run(JobId(UUID(view["job_id"])))
            assert ingesting.unowned(tenant_id) == []
            assert ingesting.asked
            sides.append(Side(tenant_id, client, UUID(view["document_id"]), UUID(view["job_id"])))
            costs.append((plain(taking), plain(ingesting)))
        assert costs[0] == costs[1]
        yield Two(platform, *sides)


def test_every_endpoint_that_reads_documents_has_a_case() -> None:
    documented = operations_of(create_app(FakePlatform()))
    assert {(one.method, one.path) for one in documented if one.doc.tag not in UNREAD} == set(CASES)


async def test_two_tenants_with_the_same_file_see_their_own_alone_and_cost_the_same(two: Two) -> None:
    for endpoint, case in CASES.items():
        mine, my_cost = await asked(case, two.first)
        other, other_cost = await asked(case, two.second)
        assert mine.status in ENDINGS.get(endpoint, {200, 202, 204}), (endpoint, mine.json())
        assert masked(mine) == masked(other), endpoint
        assert plain(my_cost) == plain(other_cost), endpoint
        assert shows(mine, two.second) == shows(other, two.first) == [], endpoint


async def test_anothers_id_is_told_and_costs_exactly_what_an_unknown_one_does(two: Two) -> None:
    before = masked(await two.first.client.get("/api/v1/documents"))
    for endpoint, case in CASES.items():
        if "{" not in endpoint[1]:
            continue
        foreign, foreign_cost = await asked(case, two.second.asking_for(two.first))
        unknown, unknown_cost = await asked(case, two.second.asking_for_none())
        assert foreign.status == 404, endpoint
        assert masked(foreign) == masked(unknown), endpoint
        assert plain(foreign_cost) == plain(unknown_cost), endpoint
        assert foreign_cost.statements, endpoint
    assert masked(await two.first.client.get("/api/v1/documents")) == before, "nothing happened to it"


async def test_a_question_finds_the_askers_documents_alone_whatever_the_other_adds(two: Two) -> None:
    await _send("POST", "/api/v1/chat", {"message": "What does one firing cost?"})(two.first)
    first, my_cost = await question(two.first)
    second, other_cost = await question(two.second)
    assert plain(my_cost)[1] == plain(other_cost)[1] != []
    assert sorted(my_cost.statements) == sorted(other_cost.statements)
    assert shows(first, two.second) == shows(second, two.first) == []
    reading = {endpoint: case for endpoint, case in CASES.items() if endpoint[0] == "GET"}
    before = {endpoint: masked(await case(two.second)) for endpoint, case in reading.items()}
    for number in range(3):
        view = (await upload(two.first.client, f"{number}.md", b"A kiln holds %d plates." % number)).json()
        await two.platform.workers.run(JobId(UUID(view["job_id"])))
    assert {endpoint: masked(await case(two.second)) for endpoint, case in reading.items()} == before
    again, _ = await question(two.second)
    assert again.json()["citations"] == second.json()["citations"]


async def question(side: Side) -> tuple[Reply, Cost]:
    """A question that the tenant's own document answers, and what it cost."""
    reply, cost = await asked(_send("POST", "/api/v1/chat", {"message": QUESTION}), side)
    assert [one["document_id"] for one in reply.json()["citations"]] == [str(side.document_id)]
    return reply, cost
