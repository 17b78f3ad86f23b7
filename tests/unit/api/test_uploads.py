"""Uploads, documents and jobs."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import pytest
from litestar import Request
from litestar.types import HTTPRequestEvent

from app.api.app import TooLarge
from app.api.auth import HttpRequest
from app.api.direct.dialects import Dialect, write_in
from app.api.documents import DocumentPage, UploadView
from app.api.jobs import JobView
from app.api.problems import describe
from app.api.uploads import read_upload
from app.errors import BodyTooLarge, MediaTypeUnknown
from app.jobs.states import JobState
from app.retrieval.states import DocumentState
from tests.fakes.asgi import Client, Reply
from tests.fakes.platform import TENANT_A, TENANT_B, FakePlatform

UPLOAD = "/api/v2/upload"
MULTIPART = ("content-type", "multipart/form-data; boundary=edge")


def part(name: str, body: bytes, *, filename: str | None = None, media_type: str | None = None) -> bytes:
    """Return one part of a form."""
    head = f'--edge\r\nContent-Disposition: form-data; name="{name}"'
    if filename is not None:
        head += f'; filename="{filename}"'
    if media_type is not None:
        head += f"\r\nContent-Type: {media_type}"
    return head.encode() + b"\r\n\r\n" + body + b"\r\n"


END = b"--edge--\r\n"
FILE = part("file", b"# Returns\n", filename="handbook.md", media_type="text/markdown")


async def send(client: Client, chunks: Sequence[bytes], *headers: tuple[str, str]) -> Reply:
    """Upload a form in pieces."""
    return await client.send("POST", UPLOAD, chunks=chunks, headers=[*(headers or (MULTIPART,))])


@pytest.mark.requirement("UPL-10.takes")
async def test_an_upload_is_kept_and_its_job_can_be_asked(client: Client, platform: FakePlatform) -> None:
    reply = await send(client, [FILE + END])
    view = msgspec.json.decode(reply.body, type=UploadView)
    assert reply.status == 202
    assert view.status == "accepted"
    assert view.status_url == reply.headers["location"] == f"/api/v2/jobs/{view.job_id}"
    tenant_id, document, body = platform.documents.kept[0]
    assert (tenant_id, document.name, document.media_type, body) == (
        TENANT_A,
        "handbook.md",
        "text/markdown",
        b"# Returns\n",
    )


async def test_the_job_of_an_upload_knows_its_request(client: Client, platform: FakePlatform) -> None:
    await send(client, [FILE + END], MULTIPART, ("x-request-id", "given-1"))
    made = await send(client, [FILE + END], MULTIPART)
    assert platform.documents.requests == ["given-1", made.headers["x-request-id"]]
    assert made.headers["x-request-id"] != "given-1"


async def test_a_form_cut_anywhere_gives_the_same_file(client: Client, platform: FakePlatform) -> None:
    whole = part("set", b"aside") + FILE + part("ticker", b"too") + END
    for size in (1, 2, 7, 64):
        await send(client, [whole[at : at + size] for at in range(0, len(whole), size)])
    assert {body for _, _, body in platform.documents.kept} == {b"# Returns\n"}


async def test_a_file_is_passed_on_in_pieces_and_never_whole(client: Client, platform: FakePlatform) -> None:
    body = part("file", b"x" * 3_000_000, filename="a.txt")
    pieces = [body[at : at + 65_536] for at in range(0, len(body), 65_536)]
    assert (await send(client, [*pieces, END])).status == 202
    assert sum(platform.documents.pieces) == 3_000_000
    assert max(platform.documents.pieces) <= 65_536 + 16


@pytest.mark.parametrize("cut", [10, 60, 120, len(FILE), len(FILE) + 4])
async def test_a_form_that_ends_too_early_is_never_taken_for_a_whole_one(
    client: Client, platform: FakePlatform, cut: int
) -> None:
    reply = await send(client, [(FILE + END)[:cut]])
    assert (reply.status, reply.json()["code"]) == (422, "bad_input")
    assert platform.documents.kept == []


async def test_a_client_that_leaves_while_uploading_leaves_nothing(client: Client, platform: FakePlatform) -> None:
    upload = client.open("POST", UPLOAD, chunks=[FILE[:-4]], headers=[MULTIPART], leaves_while_sending=True)
    async with upload as (reply, _, task):
        await asyncio.wait({task})
    assert reply.status == 499
    assert platform.documents.kept == []


@pytest.mark.parametrize(
    ("chunks", "words"),
    [
        ([b""], "the multipart form ends before its last boundary"),
        ([b"hello hello"], "the multipart form is not well-formed"),
        ([FILE], "the multipart form ends before its last boundary"),
        ([END], "no part called `file`"),
        ([part("set", b"x") + END], "no part called `file`"),
        ([part("file", b"x") + END], "no file name"),
        ([FILE + FILE + END], "more than one part"),
        ([FILE, END, b"trailing"], "the multipart form is not well-formed"),
        ([b"".join(part("tags", b"x") for _ in range(20)) + FILE + END], "a form may have 16 parts"),
        ([part("x" * 10_000, b"x") + END], "8 header lines of 4096 bytes"),
        ([part("file", b"x", filename="x" * 10_000) + END], "8 header lines of 4096 bytes"),
        ([b"--edge\r\nContent-Type: text/plain\r\n\r\nx\r\n" + END], "one Content-Disposition"),
        ([b"--edge\r\nbroken\r\n\r\nx\r\n" + END], "the multipart form is not well-formed"),
        (
            [b'--edge\r\nContent-Disposition: form-data; filename="a.md"\r\n\r\nx\r\n' + END],
            "a part of the form has no name",
        ),
        ([part("file", b"x", filename="") + END], "no file name"),
    ],
)
async def test_a_form_that_is_not_one_file_is_refused(
    client: Client, platform: FakePlatform, chunks: list[bytes], words: str
) -> None:
    reply = await send(client, chunks)
    assert (reply.status, reply.json()["code"], reply.json()["field"]) == (422, "bad_input", "file")
    assert words in reply.json()["detail"]
    assert platform.documents.kept == []


async def test_a_name_in_another_alphabet_arrives_as_it_was_typed(client: Client, platform: FakePlatform) -> None:
    heads = (
        'filename="手順.md"',
        "filename*=UTF-8''%E6%89%8B%E9%A0%86.md",
        "filename=\"??.md\"; filename*=UTF-8''%E6%89%8B%E9%A0%86.md",
    )
    for head in heads:
        form = f'--edge\r\nContent-Disposition: form-data; name="file"; {head}\r\n\r\nx\r\n'.encode() + END
        assert (await send(client, [form])).status == 202
    assert [document.name for _, document, _ in platform.documents.kept] == ["手順.md"] * 3


@pytest.mark.parametrize("boundary", ["edge", '"edge"', "edge; charset=utf-8", '"edge" ;x=y'])
async def test_a_boundary_is_found_however_it_is_written(client: Client, boundary: str) -> None:
    reply = await send(
        client, [FILE + END], ("content-type", f"Multipart/Form-Data; charset=utf-8; boundary={boundary}")
    )
    assert reply.status == 202


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary=" + "x" * 71,
        "multipart/form-data; boundary=\u00e9",
        "multipart/mixed; boundary=edge",
        "text/plain",
    ],
)
async def test_only_forms_are_taken(client: Client, media_type: str) -> None:
    reply = await send(client, [FILE + END], ("content-type", media_type))
    assert (reply.status, reply.json()["code"]) == (415, "media_type_unknown")


@pytest.mark.requirement("UPL-10.refuses")
async def test_a_file_of_an_unknown_type_is_a_415(client: Client, platform: FakePlatform) -> None:
    platform.documents.refusal = MediaTypeUnknown("files ending in .exe are not taken", taken=".md, .txt")
    reply = await send(client, [part("file", b"MZ", filename="a.exe") + END])
    assert (reply.status, reply.json()["code"], reply.json()["taken"]) == (415, "media_type_unknown", ".md, .txt")


async def test_what_comes_after_a_refusal_is_dropped_up_to_a_bound() -> None:
    received, sent = 0, list[Any]()

    async def receive() -> dict[str, Any]:
        nonlocal received
        received += 1
        await asyncio.sleep(0)
        return {"type": "http.request", "body": bytes(1024 * 1024), "more_body": True}

    async def send(message: Any) -> None:  # noqa: ANN401 - an ASGI message
        sent.append(message)

    refusal = write_in(Dialect.OWN, describe(BodyTooLarge("too much", limit_bytes=1)), "r")
    await TooLarge(refusal)({}, receive, send)  # pyright: ignore[reportArgumentType]
    assert (received, sent[0]["status"], sent[-1]["more_body"]) == (64, 413, False)


async def test_a_file_too_large_is_a_413_however_its_length_is_told(client: Client, platform: FakePlatform) -> None:
    limit = platform.settings.max_upload_bytes
    declared = await send(client, [FILE], MULTIPART, ("content-length", str(limit * 2)))
    assert (declared.status, declared.json()["code"]) == (413, "body_too_large")
    megabyte = b"x" * 1_000_000
    head = part("file", b"", filename="a.txt")[:-2]
    chunked = await send(client, [head, *[megabyte] * (limit // 1_000_000 + 1), b"the rest"])
    assert (chunked.status, chunked.json()["code"]) == (413, "body_too_large")
    assert limit <= chunked.json()["limit_bytes"] < limit + 100_000
    assert platform.documents.kept == []


async def read_whole(form: bytes, limit_bytes: int) -> bytes:
    """Return the file of a form, read under a limit."""

    async def receive() -> HTTPRequestEvent:
        return {"type": "http.request", "body": form, "more_body": False}

    scope = {"type": "http", "headers": [(name.encode(), value.encode()) for name, value in (MULTIPART,)]}
    request: HttpRequest = Request(scope, receive)  # pyright: ignore
    async with read_upload(request, limit_bytes) as file:
        return b"".join([piece async for piece in file.body])


async def test_a_file_of_exactly_the_limit_is_taken_and_one_byte_more_is_not() -> None:
    assert await read_whole(part("file", b"x" * 1000, filename="a.txt") + END, 1000) == b"x" * 1000
    with pytest.raises(BodyTooLarge) as caught:
        await read_whole(part("file", b"x" * 1001, filename="a.txt") + END, 1000)
    assert caught.value.facts["limit_bytes"] == 1000


@pytest.mark.requirement("UPL-11.state", "UPL-11.progress", "UPL-11.own")
async def test_a_job_tells_how_far_it_is(client: Client, other: Client, platform: FakePlatform) -> None:
    job_id = platform.jobs.add(TENANT_A)
    reply = await client.get(f"/api/v2/jobs/{job_id}")
    view = msgspec.json.decode(reply.body, type=JobView)
    assert (view.job_id, view.status, view.step, view.progress, view.error) == (job_id, "done", "ready", 1.0, None)
    assert "tenant_id" not in reply.json()
    platform.jobs.rows[job_id] = msgspec.structs.replace(
        platform.jobs.rows[job_id], state=JobState.RUNNING, step=DocumentState.CHUNKED, progress=0.375
    )
    under_way = (await client.get(f"/api/v2/jobs/{job_id}")).json()
    assert (under_way["status"], under_way["step"], under_way["progress"]) == ("running", "chunked", 0.375)
    assert (await other.get(f"/api/v2/jobs/{job_id}")).status == 404


@pytest.mark.requirement("UPL-11.why")
async def test_a_job_that_failed_tells_why(client: Client, platform: FakePlatform) -> None:
    job_id = platform.jobs.add(TENANT_A, "no_text")
    assert (await client.get(f"/api/v2/jobs/{job_id}")).json()["error"] == {"code": "no_text", "detail": ""}


async def test_a_removal_that_a_store_does_not_finish_in_time_is_taken_on(
    client: Client, platform: FakePlatform
) -> None:
    await send(client, [FILE + END])
    document_id = (await client.get("/api/v1/documents")).json()["documents"][0]["id"]
    platform.documents.clears = False
    reply = await client.send("DELETE", f"/api/v1/documents/{document_id}")
    assert (reply.status, reply.json()) == (202, {"document_id": document_id, "status": "clearing"})
    assert (await client.send("DELETE", f"/api/v1/documents/{document_id}")).json()["code"] == "document_unknown"


async def test_documents_are_listed_page_by_page_and_removed(
    client: Client, other: Client, platform: FakePlatform
) -> None:
    for number in range(3):
        await send(client, [part("file", b"x", filename=f"{number}.txt") + END])
    await send(other, [part("file", b"x", filename="theirs.txt") + END])
    first = msgspec.json.decode((await client.get("/api/v1/documents?limit=2")).body, type=DocumentPage)
    path = f"/api/v1/documents?limit=2&cursor={first.next_cursor}"
    second = msgspec.json.decode((await client.get(path)).body, type=DocumentPage)
    assert [document.name for document in (*first.documents, *second.documents)] == ["2.txt", "1.txt", "0.txt"]
    assert second.next_cursor is None
    theirs = next(document for tenant_id, document, _ in platform.documents.kept if tenant_id == TENANT_B)
    assert (await client.send("DELETE", f"/api/v1/documents/{theirs.id}")).json()["code"] == "document_unknown"
    assert (await client.send("DELETE", f"/api/v1/documents/{first.documents[0].id}")).status == 204
    assert UUID(str(first.documents[0].id)) not in {document.id for _, document, _ in platform.documents.kept}
