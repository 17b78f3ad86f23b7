"""A document is asked back from cold storage."""

from uuid import uuid4

import msgspec

from app.api.cold_documents import RestoreView
from tests.fakes.asgi import Client
from tests.fakes.platform import TENANT_A, FakePlatform


def path_of(document_id: object) -> str:
    """Where a document is restored."""
    return f"/api/v1/documents/{document_id}/restore"


async def test_a_restored_document_names_the_job_to_ask_and_the_same_one_again(
    client: Client, platform: FakePlatform
) -> None:
    document_id = platform.documents.keep(TENANT_A, "kiln.md", b"48 plates")
    first = await client.send("POST", path_of(document_id))
    again = await client.send("POST", path_of(document_id))
    views = [msgspec.json.decode(reply.body, type=RestoreView) for reply in (first, again)]
    assert [(first.status, views[0].is_new), (again.status, views[1].is_new)] == [(202, True), (200, False)]
    assert {view.job_id for view in views} == {platform.cold.cold[document_id]}
    assert first.headers["location"] == views[0].status_url == f"/api/v2/jobs/{views[0].job_id}"


async def test_anothers_document_an_unknown_one_and_none_are_refused_alike(
    client: Client, other: Client, platform: FakePlatform
) -> None:
    document_id = platform.documents.keep(TENANT_A, "kiln.md", b"48 plates")
    for who, asked in ((other, document_id), (client, uuid4()), (client, "kiln")):
        reply = await who.send("POST", path_of(asked))
        assert (reply.status, msgspec.json.decode(reply.body)["code"]) == (404, "document_unknown")
    assert platform.cold.cold == {}
