"""A model's bytes come from the first source that has the right ones."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec
import pytest

from ops.local.models.assemble import Assembler
from ops.local.models.cache import Cache
from ops.local.models.catalogue import File, Model, read_catalogue
from ops.local.models.index import Index
from ops.local.models.progress import Phase, Progress
from ops.local.models.publisher import Publisher
from ops.local.problems import SourceFailed, WeightsUnavailable

CONTENT = b"the right bytes"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
FILE = File("m.gguf", DIGEST, len(CONTENT), "https://publisher.test/m.gguf", ())
MODEL = msgspec.structs.replace(
    read_catalogue().get("smollm2:135m"), sha256=DIGEST, size_bytes=len(CONTENT), files=(FILE,)
)


class FakePublisher(Publisher):
    """Gives the bytes that it was made with, or nothing."""

    def __init__(self, content: bytes | None = None) -> None:
        super().__init__(httpx.Client)
        self._content = content

    def fetch(self, file: File, partial: Path, on_bytes: Callable[[int], None]) -> Path:
        if self._content is None:
            raise SourceFailed("publisher.test did not answer")
        on_bytes(file.size_bytes)
        partial.write_bytes(self._content)
        return partial


class FakeIndex(Index):
    """Gives the bytes that it was made with, or nothing."""

    def __init__(self, content: bytes | None = None) -> None:
        super().__init__(Path("/nonexistent"))
        self._content = content

    def fetch(self, file: File, target: Path, on_bytes: Callable[[int], None], on_assembly: Callable[[], None]) -> Path:
        if self._content is None:
            raise SourceFailed("no matching distribution")
        on_bytes(file.size_bytes)
        on_assembly()
        target.write_bytes(self._content)
        return target


class Stage:
    """An assembler with its cache, and what it reported."""

    def __init__(
        self, folder: Path, *, published: bytes | None = None, indexed: bytes | None = None, given: Path | None = None
    ) -> None:
        self.cache = Cache(folder / "cache")
        self.reports: list[Progress] = []
        environ = {"HOME": str(folder / "home")}
        if given is not None:
            environ["SWITCHYARD_LOCAL_WEIGHTS"] = str(given)
        self._assembler = Assembler(self.cache, FakePublisher(published), FakeIndex(indexed), environ)

    def bring(self, model: Model = MODEL) -> Path:
        return self._assembler.bring(model, self.reports.append)

    def sources(self) -> list[str]:
        return [report.source for report in self.reports if report.phase in (Phase.DOWNLOADING, Phase.ASSEMBLING)]


def test_the_users_own_file_is_taken_before_any_download(tmp_path: Path) -> None:
    given = tmp_path / "weights" / "deep"
    given.mkdir(parents=True)
    (given / "same-size.gguf").write_bytes(b"x" * len(CONTENT))
    (given / "whatever.gguf").write_bytes(CONTENT)
    stage = Stage(tmp_path, published=b"never asked", given=tmp_path / "weights")
    assert stage.bring().read_bytes() == CONTENT
    assert all("SWITCHYARD_LOCAL_WEIGHTS" in source for source in stage.sources())


def test_a_blob_of_a_local_ollama_is_taken_before_any_download(tmp_path: Path) -> None:
    blobs = tmp_path / "home" / ".ollama" / "models" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"sha256-{DIGEST}").write_bytes(CONTENT)
    stage = Stage(tmp_path)
    assert stage.bring().read_bytes() == CONTENT
    assert "Ollama's store" in stage.sources()[0]


def test_the_publisher_is_asked_before_the_index(tmp_path: Path) -> None:
    stage = Stage(tmp_path, published=CONTENT, indexed=CONTENT)
    stage.bring()
    assert stage.sources() == ["its publisher"]


def test_a_silent_publisher_is_passed_over_without_a_word(tmp_path: Path) -> None:
    stage = Stage(tmp_path, indexed=CONTENT)
    assert stage.bring().read_bytes() == CONTENT
    assert stage.sources() == ["the package index", "from its parts"]


def test_wrong_bytes_of_one_source_send_it_to_the_next(tmp_path: Path) -> None:
    stage = Stage(tmp_path, published=b"an error page!!", indexed=CONTENT)
    assert stage.bring().read_bytes() == CONTENT


def test_without_any_source_every_reason_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailable) as caught:
        Stage(tmp_path, published=b"wrong").bring()
    assert caught.value.model == "smollm2:135m"
    assert len(caught.value.reasons) == 2
    assert "another digest" in str(caught.value)
    assert "no matching distribution" in str(caught.value)


def test_a_cached_model_is_ready_at_once(tmp_path: Path) -> None:
    Stage(tmp_path, published=CONTENT).bring()
    again = Stage(tmp_path)
    again.bring()
    assert [report.phase for report in again.reports] == [Phase.READY]


def test_nothing_unfinished_stays_behind(tmp_path: Path) -> None:
    stage = Stage(tmp_path, published=CONTENT)
    stage.bring()
    assert list((stage.cache.root / "partial").iterdir()) == []
