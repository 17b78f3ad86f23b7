"""Documents: looked at, filtered, changed, handed out, read in again, and their sets."""

from hashlib import sha256

import pytest

from app.api.downloads import file_headers
from app.retrieval.filters import DocumentFilter
from app.retrieval.states import DocumentState
from tests.fakes.asgi import Client
from tests.fakes.platform import TENANT_A, TENANT_B, FakePlatform

JSON = [("content-type", "application/json")]
DOCUMENTS = "/api/v1/documents"
EVERY_DOOR = (
    ("GET", ""),
    ("PATCH", ""),
    ("DELETE", ""),
    ("GET", "/text"),
    ("GET", "/original"),
    ("POST", "/reprocess"),
)


async def test_a_document_tells_what_is_said_of_it(client: Client, platform: FakePlatform) -> None:
    document_id = platform.documents.keep(TENANT_A, "a.txt", b"text")
    body = b'{"set": "filings", "metadata": {"ticker": "aapl", "tags": ["10-K"], "company": "Apple"}}'
    changed = await client.send("PATCH", f"{DOCUMENTS}/{document_id}", chunks=[body], headers=JSON)
    assert changed.status == 200
    shown = (await client.get(f"{DOCUMENTS}/{document_id}")).json()
    listed = (await client.get(DOCUMENTS)).json()["documents"][0]
    for document in (changed.json(), shown, listed):
        assert document["set"] == "filings"
        assert document["metadata"] == {"ticker": "AAPL", "tags": ["10-K"], "company": "Apple"}
    body = b'{"set": null, "metadata": {"ticker": null}}'
    document = (await client.send("PATCH", f"{DOCUMENTS}/{document_id}", chunks=[body], headers=JSON)).json()
    assert (document["set"], document["metadata"]) == (None, {"tags": ["10-K"], "company": "Apple"})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"name": "b.txt"}', "name"),
        (b'{"set": ""}', "set"),
        (b'{"set": 7}', "set"),
        (b'{"metadata": {"date": "2024-02-30"}}', "date"),
        (b'{"metadata": {"tags": "10-K"}}', "tags"),
        (b'{"metadata": {"Company": "Apple"}}', "metadata"),
    ],
)
async def test_what_cannot_be_said_of_a_document_is_refused(
    client: Client, platform: FakePlatform, body: bytes, field: str
) -> None:
    document_id = platform.documents.keep(TENANT_A, "a.txt", b"text")
    reply = await client.send("PATCH", f"{DOCUMENTS}/{document_id}", chunks=[body], headers=JSON)
    assert (reply.status, reply.json()["code"], reply.json()["field"]) == (422, "bad_input", field)


async def test_a_list_asks_for_what_the_query_says(client: Client, platform: FakePlatform) -> None:
    query = "set=filings&ticker=aapl&tag=10-K&tag=annual&date_from=2024-01-01&date_to=2024-12-31&name=Report"
    assert (await client.get(f"{DOCUMENTS}?{query}&state=ready&state=failed")).status == 200
    assert platform.documents.asked == [
        DocumentFilter(
            set_name="filings",
            ticker="AAPL",
            tags=("10-K", "annual"),
            date_from="2024-01-01",
            date_to="2024-12-31",
            name="Report",
            states=(DocumentState.READY, DocumentState.FAILED),
        )
    ]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("set=", "set"),
        ("ticker=%20", "ticker"),
        ("tag=a,b", "tags"),
        ("date_from=2024", "date_from"),
        ("date_to=x", "date_to"),
        ("name=", "name"),
        ("state=deleted", "state"),
        ("state=ready,failed", "state"),
    ],
)
async def test_a_query_that_means_nothing_is_refused(client: Client, query: str, field: str) -> None:
    reply = await client.get(f"{DOCUMENTS}?{query}")
    assert (reply.status, reply.json()["code"], reply.json()["field"]) == (422, "bad_input", field)


async def test_sets_are_listed_by_name_page_by_page(client: Client, platform: FakePlatform) -> None:
    for number, name in enumerate(("b", "a", "c", "a")):
        document_id = platform.documents.keep(TENANT_A, f"{number}.txt", b"text")
        body = f'{{"set": "{name}"}}'.encode()
        await client.send("PATCH", f"{DOCUMENTS}/{document_id}", chunks=[body], headers=JSON)
    first = (await client.get("/api/v1/document-sets?limit=2")).json()
    second = (await client.get(f"/api/v1/document-sets?limit=2&cursor={first['next_cursor']}")).json()
    assert [(one["name"], one["documents"]) for one in (*first["sets"], *second["sets"])] == [
        ("a", 2),
        ("b", 1),
        ("c", 1),
    ]
    assert second["next_cursor"] is None


async def test_the_original_comes_as_a_file_that_no_browser_shows_or_guesses_at(
    client: Client, platform: FakePlatform
) -> None:
    body = b"<script>alert(1)</script>"
    document_id = platform.documents.keep(TENANT_A, 'a"b\\ 手順.html', body)
    reply = await client.get(f"{DOCUMENTS}/{document_id}/original")
    assert (reply.status, reply.body, reply.headers["content-length"]) == (200, body, str(len(body)))
    assert reply.headers["content-disposition"] == (
        "attachment; filename=\"a_b_ .html\"; filename*=UTF-8''a%22b%5C%20%E6%89%8B%E9%A0%86.html"
    )
    assert reply.all("x-content-type-options") == ["nosniff"]
    assert reply.headers["content-security-policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize(
    ("name", "plain"), [("Über.pdf", "Uber.pdf"), ("手順", "document"), ("../x", "_x"), ("a\r\nb: c", "a__b_ c")]
)
def test_the_plain_name_of_a_file_ends_no_header(name: str, plain: str) -> None:
    disposition = file_headers(name, "text/plain", 1, "00")["content-disposition"]
    assert f'filename="{plain}"' in disposition
    assert disposition.isascii()
    assert disposition.isprintable()


async def test_a_part_of_the_original_comes_for_its_range(client: Client, platform: FakePlatform) -> None:
    document_id = platform.documents.keep(TENANT_A, "a.txt", b"0123456789")
    path = f"{DOCUMENTS}/{document_id}/original"
    whole = await client.get(path)
    etag = whole.headers["etag"]
    assert (etag.strip('"'), whole.headers["accept-ranges"]) == (sha256(b"0123456789").hexdigest(), "bytes")
    for asked, body, span in (
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=8-", b"89", "bytes 8-9/10"),
        ("bytes=5-99", b"56789", "bytes 5-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
    ):
        for headers in ([("range", asked)], [("range", asked), ("if-range", etag)]):
            part = await client.send("GET", path, headers=headers)
            assert (part.status, part.body, part.headers["content-range"]) == (206, body, span)
            assert (part.headers["content-length"], part.headers["etag"]) == (str(len(body)), etag)


@pytest.mark.parametrize(
    "headers",
    [
        [("range", "bytes=4-3")],
        [("range", "bytes=0-1,4-5")],
        [("range", "lines=0-1")],
        [("range", "bytes=a-b")],
        [("range", f"bytes={'9' * 40}-")],
        [("range", "bytes=0-1"), ("if-range", '"another"')],
        [("range", "bytes=0-1"), ("if-range", "Mon, 30 Nov 2026 08:00:00 GMT")],
    ],
)
async def test_what_is_no_range_of_this_file_brings_the_whole(
    client: Client, platform: FakePlatform, headers: list[tuple[str, str]]
) -> None:
    document_id = platform.documents.keep(TENANT_A, "a.txt", b"0123456789")
    reply = await client.send("GET", f"{DOCUMENTS}/{document_id}/original", headers=headers)
    assert (reply.status, reply.body, "content-range" in reply.headers) == (200, b"0123456789", False)


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=99-100", "bytes=-0"])
async def test_a_range_behind_the_end_is_refused_with_the_size(
    client: Client, platform: FakePlatform, asked: str
) -> None:
    document_id = platform.documents.keep(TENANT_A, "a.txt", b"0123456789")
    reply = await client.send("GET", f"{DOCUMENTS}/{document_id}/original", headers=[("range", asked)])
    assert (reply.status, reply.json()["code"]) == (416, "range_unsatisfiable")
    assert reply.headers["content-range"] == "bytes */10"


async def test_a_head_of_the_original_passes_a_range_over(client: Client, platform: FakePlatform) -> None:
    document_id = platform.documents.keep(TENANT_A, "a.txt", b"text")
    reply = await client.send("HEAD", f"{DOCUMENTS}/{document_id}/original", headers=[("range", "bytes=0-1")])
    assert (reply.status, reply.headers["content-length"]) == (200, "4")


async def test_a_head_of_the_original_sends_no_byte_of_it(client: Client, platform: FakePlatform) -> None:
    document_id = platform.documents.keep(TENANT_A, "a.txt", b"text")
    reply = await client.send("HEAD", f"{DOCUMENTS}/{document_id}/original")
    assert (reply.status, reply.body, reply.headers["content-length"]) == (200, b"", "4")


async def test_a_document_is_read_in_again_as_its_next_version(client: Client, platform: FakePlatform) -> None:
    document_id = platform.documents.keep(TENANT_A, "a.txt", b"text")
    path = f"{DOCUMENTS}/{document_id}/reprocess"
    reply = await client.send("POST", path, headers=[("x-request-id", "given-1")])
    view = reply.json()
    assert (reply.status, view["version"], view["is_new"]) == (202, 2, True)
    assert view["status_url"] == reply.headers["location"] == f"/api/v2/jobs/{view['job_id']}"
    assert platform.documents.requests == ["given-1"]


@pytest.mark.parametrize(("method", "path"), EVERY_DOOR)
async def test_a_document_of_another_tenant_is_not_there(
    client: Client, platform: FakePlatform, method: str, path: str
) -> None:
    theirs = platform.documents.keep(TENANT_B, "a.txt", b"text")
    before = list(platform.documents.kept)
    for one in (theirs, "no-id", "00000000-0000-4000-8000-000000000000"):
        reply = await client.send(method, f"{DOCUMENTS}/{one}{path}", chunks=[b'{"set": "x"}'], headers=JSON)
        assert (reply.status, reply.json()["code"]) == (404, "document_unknown")
        assert reply.json()["detail"] in {"there is no such document", "no such document"}
    assert platform.documents.kept == before
