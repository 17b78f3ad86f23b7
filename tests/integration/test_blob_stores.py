"""What every store of originals does alike, and what a bucket does besides.

SWITCHYARD_TEST_S3_URL names a bucket of a real server; SWITCHYARD_TEST_S3_KEY_ID, _KEY and _REGION are its key.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import pytest
import structlog
from aiohttp import web

from app.blob_bucket import BucketBlobs
from app.blob_directory import DirectoryBlobs
from app.blobs import STORE, Blobs, Staged
from app.errors import BodyTooLarge, StoreUnavailable
from app.ids import TenantId
from app.s3 import TRIES, Bucket, open_bucket
from app.signing import Signer
from app.standing import Standing
from tests.fakes import s3
from tests.fakes.retrieval import pieces

pytestmark = pytest.mark.integration

TENANT = TenantId(uuid4())
PART_BYTES = 5 << 20
CONTENT = bytes(range(251)) * 50_000
"""Twelve megabytes, of three parts."""
SIGNER = Signer(
    os.environ.get("SWITCHYARD_TEST_S3_KEY_ID", s3.KEY_ID),
    os.environ.get("SWITCHYARD_TEST_S3_KEY", s3.KEY),
    os.environ.get("SWITCHYARD_TEST_S3_REGION", s3.REGION),
)


def of_bucket(bucket: Bucket, directory: Path) -> BucketBlobs:
    """The store in that bucket."""
    return BucketBlobs(bucket, directory, standing=Standing(STORE, "bucket"), part_bytes=PART_BYTES)


@pytest.fixture
async def fake() -> AsyncGenerator[tuple[s3.FakeS3, str]]:
    """A server, and the address of its bucket."""
    async with s3.serving() as served:
        yield served


@pytest.fixture
async def bucket(fake: tuple[s3.FakeS3, str], tmp_path: Path) -> AsyncGenerator[BucketBlobs]:
    """The store in the fake server's bucket."""
    async with open_bucket(fake[1], SIGNER, answer_s=5.0, tls_ca=None) as opened:
        yield of_bucket(opened, tmp_path)


@pytest.fixture(params=["directory", "bucket", "folder of a bucket"])
async def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Blobs]:
    """Each store."""
    async with AsyncExitStack() as stack:
        if request.param == "directory":
            yield DirectoryBlobs(tmp_path)
            return
        address = os.environ.get("SWITCHYARD_TEST_S3_URL") or (await stack.enter_async_context(s3.serving()))[1]
        address = f"{address}/{uuid4()}" if request.param != "bucket" else address
        opened = await stack.enter_async_context(open_bucket(address, SIGNER, answer_s=5.0, tls_ca=None))
        yield of_bucket(opened, tmp_path)


async def kept(blobs: Blobs, content: bytes = b"text", tenant_id: TenantId = TENANT) -> Staged:
    """What became of content that was put and kept."""
    staged = await blobs.put(tenant_id, pieces(content, 300_000), limit_bytes=len(content))
    await blobs.keep(staged)
    await blobs.drop(staged)
    return staged


async def content_of(blobs: Blobs, tenant_id: TenantId, sha256: bytes) -> bytes | None:
    """The blob; None where there is none."""
    try:
        async with blobs.open(tenant_id, sha256) as file:
            assert os.fstat(file.fileno()).st_size >= 0, "a process that is started can read it"
            return file.read()
    except FileNotFoundError:
        return None


@pytest.mark.parametrize("content", [b"t", b"text" * 1_000, CONTENT, CONTENT[: 2 * PART_BYTES]])
async def test_a_blob_that_is_kept_reads_as_it_was_written(blobs: Blobs, content: bytes) -> None:
    staged = await kept(blobs, content)
    assert (staged.size_bytes, staged.sha256) == (len(content), hashlib.sha256(content).digest())
    assert await content_of(blobs, TENANT, staged.sha256) == content
    read = [piece async for piece in blobs.read(TENANT, staged.sha256)]
    assert b"".join(read) == content
    assert max(map(len, read)) <= 1 << 20
    part = range(len(content) // 3, 2 * len(content) // 3 + 1)
    read = [piece async for piece in blobs.read(TENANT, staged.sha256, part)]
    assert b"".join(read) == content[part.start : part.stop]
    assert max(map(len, read)) <= 1 << 20
    assert await content_of(blobs, TenantId(uuid4()), staged.sha256) is None, "another tenant's does not count"
    await kept(blobs, content)
    assert await content_of(blobs, TENANT, staged.sha256) == content


async def test_a_blob_counts_only_when_it_is_kept_and_is_gone_when_it_is_removed(blobs: Blobs) -> None:
    content = uuid4().bytes
    staged = await blobs.put(TENANT, pieces(content), limit_bytes=100)
    assert await content_of(blobs, TENANT, staged.sha256) is None
    await blobs.keep(staged)
    await blobs.drop(staged)
    await blobs.drop(staged)
    assert await content_of(blobs, TENANT, staged.sha256) == content
    for _ in range(2):
        await blobs.remove(TENANT, staged.sha256)
        assert await content_of(blobs, TENANT, staged.sha256) is None


async def test_too_much_is_refused_and_a_look_is_taken(blobs: Blobs) -> None:
    with pytest.raises(BodyTooLarge):
        await blobs.put(TENANT, pieces(CONTENT, 300_000), limit_bytes=len(CONTENT) - 1)
    await blobs.look()
    await blobs.look()


async def test_old_blobs_are_listed_by_their_first_byte_and_old_staged_bytes_are_removed(blobs: Blobs) -> None:
    staged = await kept(blobs, b"of old")
    first = staged.sha256[0]
    assert (TENANT, staged.sha256) in await blobs.list_old(first, older_than_s=-60)
    assert (TENANT, staged.sha256) not in await blobs.list_old(first, older_than_s=60)
    assert (TENANT, staged.sha256) not in await blobs.list_old(first ^ 1, older_than_s=-60)
    left = await blobs.put(TENANT, pieces(b"left"), limit_bytes=4)
    assert await blobs.remove_staged(older_than_s=60) == 0
    assert await blobs.remove_staged(older_than_s=-60) >= 1
    with pytest.raises((StoreUnavailable, FileNotFoundError)):
        await blobs.keep(left)


async def test_an_upload_is_never_held_in_memory_whole(fake: tuple[s3.FakeS3, str], bucket: BucketBlobs) -> None:
    server, _ = fake
    taken, most = 0, 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken, most
        for _ in range(50):
            most = max(most, taken - sum(len(part) for one in server.uploads.values() for part in one.parts.values()))
            taken += 1 << 20
            yield bytes(1 << 20)

    staged = await bucket.put(TENANT, endless(), limit_bytes=50 << 20)
    assert most <= PART_BYTES + (1 << 20), "what was taken and not yet stored"
    assert server.largest_body <= PART_BYTES
    assert len(server.objects[staged.place][0]) == 50 << 20


async def test_an_upload_that_breaks_off_leaves_nothing(fake: tuple[s3.FakeS3, str], bucket: BucketBlobs) -> None:
    server, _ = fake

    async def broken() -> AsyncIterator[bytes]:
        yield CONTENT
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await bucket.put(TENANT, broken(), limit_bytes=len(CONTENT))
    assert (server.objects, server.uploads) == ({}, {})


async def test_parts_of_an_upload_whose_process_died_are_removed(
    fake: tuple[s3.FakeS3, str], bucket: BucketBlobs
) -> None:
    server, _ = fake
    server.uploads["left"] = s3.Upload("staging/left", s3.datetime.now(s3.UTC))
    assert await bucket.remove_staged(older_than_s=3600) == 0
    server.age(7200)
    assert await bucket.remove_staged(older_than_s=3600) == 1
    assert server.uploads == {}


async def test_a_list_of_several_pages_is_read_to_its_end(fake: tuple[s3.FakeS3, str], bucket: BucketBlobs) -> None:
    server, _ = fake
    server.page = 2
    names = {f"{n:064x}" for n in range(5)}
    at = s3.datetime.now(s3.UTC)
    server.objects = {f"blobs/00/{TENANT}/{name}": (b"", at) for name in names}
    assert {sha256.hex() for _, sha256 in await bucket.list_old(0, older_than_s=-60)} == names


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_a_server_in_trouble_is_asked_again_so_often_and_no_more(
    fake: tuple[s3.FakeS3, str], bucket: BucketBlobs, status: int
) -> None:
    server, _ = fake
    server.trouble = [lambda _: web.Response(status=status)] * (TRIES - 1)
    await bucket.look()
    server.trouble = [lambda _: web.Response(status=status)] * TRIES
    server.asked.clear()
    with pytest.raises(StoreUnavailable) as caught:
        await bucket.look()
    assert (caught.value.facts["store"], len(server.asked)) == ("blobs", TRIES)


async def test_trouble_that_goes_on_uses_up_what_may_be_asked_again(
    fake: tuple[s3.FakeS3, str], bucket: BucketBlobs
) -> None:
    server, _ = fake
    server.trouble = [lambda _: web.Response(status=500)] * 200
    for _ in range(20):
        with pytest.raises(StoreUnavailable):
            await bucket.look()
    assert len(server.asked) == 20 + 10


async def test_completing_that_was_done_and_not_heard_of_counts(fake: tuple[s3.FakeS3, str], tmp_path: Path) -> None:
    server, _ = fake
    plain = server.answer
    lost = [True]

    async def forgetful(request: web.Request) -> web.StreamResponse:
        answer = await plain(request)
        is_completing = request.method == "POST" and "uploadId" in request.query
        return web.Response(status=500) if is_completing and lost and lost.pop() else answer

    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", forgetful)
    async with s3.TestServer(app) as again:
        address = f"http://{again.host}:{again.port}/{s3.BUCKET}"
        async with open_bucket(address, SIGNER, answer_s=5.0, tls_ca=None) as opened:
            staged = await of_bucket(opened, tmp_path).put(TENANT, pieces(CONTENT), limit_bytes=len(CONTENT))
    assert server.objects[staged.place][0] == CONTENT


async def test_content_that_changed_in_the_bucket_is_not_lent(fake: tuple[s3.FakeS3, str], bucket: BucketBlobs) -> None:
    server, _ = fake
    staged = await kept(bucket)
    (key,) = server.objects
    server.objects[key] = (b"other", server.objects[key][1])
    with pytest.raises(StoreUnavailable):
        await content_of(bucket, TENANT, staged.sha256)


@pytest.mark.parametrize(
    ("key_id", "key", "region", "name", "reason"),
    [
        ("other", s3.KEY, s3.REGION, s3.BUCKET, "api_key"),
        (s3.KEY_ID, "other", s3.REGION, s3.BUCKET, "api_key"),
        (s3.KEY_ID, s3.KEY, "mars-1", s3.BUCKET, "api_key"),
        (s3.KEY_ID, s3.KEY, s3.REGION, "nowhere", "missing"),
    ],
)
async def test_what_is_wrong_with_key_region_or_bucket_is_told_and_no_key_is(
    fake: tuple[s3.FakeS3, str], tmp_path: Path, key_id: str, key: str, region: str, name: str, reason: str
) -> None:
    address = fake[1].replace(s3.BUCKET, name)
    with structlog.testing.capture_logs() as logs:
        async with open_bucket(address, Signer(key_id, key, region), answer_s=5.0, tls_ca=None) as opened:
            with pytest.raises(StoreUnavailable) as caught:
                await of_bucket(opened, tmp_path).look()
    assert caught.value.facts["reason"] == reason
    assert key not in f"{caught.value!r} {caught.value.detail} {logs}"


async def test_a_server_that_hangs_is_a_store_that_is_away(tmp_path: Path) -> None:
    hold = asyncio.Event()

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hold.wait()
        writer.close()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with open_bucket(f"http://127.0.0.1:{port}/b", SIGNER, answer_s=0.05, tls_ca=None) as opened:
            blobs = BucketBlobs(opened, tmp_path, standing=Standing(STORE, "b"), answer_s=0.05)
            with pytest.raises(StoreUnavailable) as caught:
                await blobs.look()
        hold.set()
    assert caught.value.facts["reason"] == "no_answer"
