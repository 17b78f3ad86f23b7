"""A file in the cache is the right one, or it is not there."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

from ops.local.models.cache import Cache, cache_directory, place

CONTENT = b"weights"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


def test_an_adopted_file_is_found(cache: Cache, file: Path) -> None:
    cache.adopt(file, DIGEST, keep=True)
    found = cache.find(DIGEST)
    assert found is not None
    assert found.read_bytes() == CONTENT
    assert file.exists()


def test_a_file_that_is_not_kept_is_moved(cache: Cache, file: Path) -> None:
    cache.adopt(file, DIGEST, keep=False)
    assert not file.exists()
    assert cache.find(DIGEST) is not None


def test_a_file_with_another_digest_is_not_adopted(cache: Cache, file: Path) -> None:
    file.write_bytes(b"other")
    assert cache.adopt(file, DIGEST, keep=False) is None
    assert cache.find(DIGEST) is None


def test_a_damaged_file_is_removed_instead_of_found(cache: Cache, file: Path) -> None:
    path = cache.adopt(file, DIGEST, keep=False)
    assert path is not None
    path.write_bytes(b"weightx and more")
    assert cache.find(DIGEST) is None
    assert not path.exists()


def test_a_file_that_was_put_there_by_hand_is_verified_first(cache: Cache) -> None:
    cache.blob(DIGEST).write_bytes(b"not it")
    assert cache.find(DIGEST) is None
    cache.blob(DIGEST).write_bytes(CONTENT)
    assert cache.find(DIGEST) == cache.blob(DIGEST)


def test_a_removed_file_is_gone_with_its_stamp(cache: Cache, file: Path) -> None:
    cache.adopt(file, DIGEST, keep=False)
    cache.remove(DIGEST)
    assert list((cache.root / "blobs").iterdir()) == []


def test_a_second_maker_waits_and_is_told_so(tmp_path: Path) -> None:
    times = iter([0.0, 0.0, 8000.0])
    waits: list[int] = []
    other = Cache(tmp_path / "cache", clock=lambda: next(times))
    with Cache(tmp_path / "cache").lock(DIGEST, lambda: None):
        with pytest.raises(TimeoutError), other.lock(DIGEST, lambda: waits.append(1)):
            pytest.fail("two makers at once")
    assert waits == [1]


def test_the_lock_is_free_after_its_block(cache: Cache) -> None:
    for _ in range(2):
        with cache.lock(DIGEST, lambda: pytest.fail("nobody else has it")):
            pass


def test_a_placed_file_shares_its_bytes_with_the_original(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "folder" / "target"
    place(file, target, os.symlink)
    assert not target.is_symlink()
    assert target.stat().st_ino == file.stat().st_ino


def test_a_file_that_cannot_be_linked_is_placed_the_other_way(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "another file system")

    monkeypatch.setattr("os.link", refuse)
    place(file, tmp_path / "target", os.symlink)
    assert (tmp_path / "target").readlink() == file


def test_the_cache_is_where_the_user_keeps_caches() -> None:
    assert cache_directory({"XDG_CACHE_HOME": "/x"}) == Path("/x/switchyard/models")
    assert cache_directory({"HOME": "/home/u"}) == Path("/home/u/.cache/switchyard/models")
    assert cache_directory({"HOME": "/home/u", "XDG_CACHE_HOME": "relative"}) == Path(
        "/home/u/.cache/switchyard/models"
    )
