"""Originals on disk."""

from pathlib import Path
from uuid import uuid4

import pytest

from app.blob_directory import DirectoryBlobs
from app.blobs import Staged
from app.errors import BodyTooLarge, StoreUnavailable
from app.ids import TenantId
from tests.fakes.retrieval import Frozen, pieces

TENANT = TenantId(uuid4())


def files(directory: Path) -> list[Path]:
    """Every file of the store."""
    return [path for path in directory.rglob("*") if path.is_file()]


@pytest.mark.requirement("UPL-07.originals")
async def test_a_kept_blob_reads_as_it_was_written(tmp_path: Path) -> None:
    blobs = DirectoryBlobs(tmp_path)
    content = bytes(range(256)) * 10_000
    staged = await blobs.put(TENANT, pieces(content, 64_000), limit_bytes=len(content))
    assert staged.size_bytes == len(content)
    await blobs.keep(staged)
    async with blobs.open(TENANT, staged.sha256) as file:
        assert file.read() == content


async def test_a_blob_counts_only_when_it_is_kept(tmp_path: Path) -> None:
    blobs = DirectoryBlobs(tmp_path)
    staged = await blobs.put(TENANT, pieces(b"text"), limit_bytes=4)
    with pytest.raises(FileNotFoundError):
        async with blobs.open(TENANT, staged.sha256):
            pass
    await blobs.drop(staged)
    assert files(tmp_path) == []


async def test_another_tenant_cannot_tell_that_a_blob_exists(tmp_path: Path) -> None:
    blobs = DirectoryBlobs(tmp_path)
    staged = await blobs.put(TENANT, pieces(b"text"), limit_bytes=4)
    await blobs.keep(staged)
    with pytest.raises(FileNotFoundError):
        async with blobs.open(TenantId(uuid4()), staged.sha256):
            pass


@pytest.mark.requirement("UPL-47.deduplicated")
async def test_the_same_content_twice_is_one_file_and_dropping_it_later_does_no_harm(tmp_path: Path) -> None:
    blobs = DirectoryBlobs(tmp_path)
    for _ in range(2):
        staged = await blobs.put(TENANT, pieces(b"text"), limit_bytes=4)
        await blobs.keep(staged)
        await blobs.drop(staged)
    assert len(files(tmp_path)) == 1


async def test_a_body_over_the_limit_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(BodyTooLarge):
        await DirectoryBlobs(tmp_path).put(TENANT, pieces(b"a" * 10_001), limit_bytes=10_000)
    assert files(tmp_path) == []


async def test_removing_twice_is_the_same_as_once(tmp_path: Path) -> None:
    blobs = DirectoryBlobs(tmp_path)
    staged = await blobs.put(TENANT, pieces(b"text"), limit_bytes=4)
    await blobs.keep(staged)
    await blobs.remove(TENANT, staged.sha256)
    await blobs.remove(TENANT, staged.sha256)
    assert files(tmp_path) == []


async def test_a_directory_that_cannot_be_written_is_a_store_that_is_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailable) as caught:
        await DirectoryBlobs(tmp_path / "file").put(TENANT, pieces(b"text"), limit_bytes=4)
    assert caught.value.facts["store"] == "blobs"


async def test_a_file_system_that_hangs_is_a_store_that_is_away_and_holds_nobody(tmp_path: Path) -> None:
    blobs = DirectoryBlobs(tmp_path, threads=Frozen(), answer_s=0.01)
    kept = Staged(TENANT, str(tmp_path / "staged"), b"0" * 32, 4)
    for act in (
        lambda: blobs.put(TENANT, pieces(b"text"), limit_bytes=4),
        lambda: blobs.keep(kept),
        lambda: blobs.drop(kept),
        lambda: blobs.remove_staged(older_than_s=0),
        lambda: blobs.list_old(0, older_than_s=0),
        lambda: blobs.open(TENANT, b"0" * 32).__aenter__(),
    ):
        with pytest.raises(StoreUnavailable) as caught:
            await act()
        assert caught.value.facts["store"] == "blobs"
