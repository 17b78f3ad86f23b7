"""Downloads from a publisher: resumed, bounded, and given up quietly."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from ops.local.models.catalogue import File
from ops.local.models.publisher import PATIENCE_S, Publisher
from ops.local.problems import SourceFailed

CONTENT = bytes(range(200)) * 10
FILE = File("f.gguf", "a" * 64, len(CONTENT), "https://publisher.test/f.gguf", ())


def publisher(answer: Callable[[httpx.Request], httpx.Response]) -> Publisher:
    return Publisher(lambda: httpx.Client(transport=httpx.MockTransport(answer), follow_redirects=True))


def serve(request: httpx.Request) -> httpx.Response:
    start = int(request.headers["range"].removeprefix("bytes=").removesuffix("-"))
    return httpx.Response(206, content=CONTENT[start:])


def test_a_download_tells_its_bytes_and_is_whole(tmp_path: Path) -> None:
    told: list[int] = []
    path = publisher(serve).fetch(FILE, tmp_path / "part", told.append)
    assert path.read_bytes() == CONTENT
    assert told[-1] == len(CONTENT)


def test_a_cut_download_goes_on_where_it_stopped(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["range"])
        return serve(request)

    partial = tmp_path / "part"
    partial.write_bytes(CONTENT[:700])
    assert publisher(answer).fetch(FILE, partial, lambda _: None).read_bytes() == CONTENT
    assert asked == ["bytes=700-"]


def test_a_server_that_cannot_resume_starts_again(tmp_path: Path) -> None:
    partial = tmp_path / "part"
    partial.write_bytes(b"x" * 700)
    whole = publisher(lambda _: httpx.Response(200, content=CONTENT)).fetch(FILE, partial, lambda _: None)
    assert whole.read_bytes() == CONTENT


def test_a_silent_host_is_asked_once(tmp_path: Path) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        raise httpx.ConnectTimeout("no answer")

    silent = publisher(answer)
    for _ in range(3):
        with pytest.raises(SourceFailed, match=r"publisher\.test"):
            silent.fetch(FILE, tmp_path / "part", lambda _: None)
    assert len(asked) == 1


def test_a_short_answer_is_a_failure_that_keeps_its_bytes(tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match="100 of 2000"):
        publisher(lambda _: httpx.Response(206, content=CONTENT[:100])).fetch(FILE, tmp_path / "part", lambda _: None)
    assert (tmp_path / "part").stat().st_size == 100


def test_more_bytes_than_the_file_has_end_the_download(tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match="more bytes"):
        publisher(lambda _: httpx.Response(200, content=CONTENT + b"!")).fetch(FILE, tmp_path / "part", lambda _: None)


def test_another_file_under_the_address_is_noticed_before_its_bytes(tmp_path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/f.gguf":
            headers = {"location": "https://publisher.test/elsewhere", "x-linked-etag": f'"{"b" * 64}"'}
            return httpx.Response(302, headers=headers)
        return httpx.Response(200, content=CONTENT)

    with pytest.raises(SourceFailed, match="another file"):
        publisher(answer).fetch(FILE, tmp_path / "part", lambda _: None)
    assert not (tmp_path / "part").exists()


def test_a_crawling_publisher_is_left(tmp_path: Path) -> None:
    times = iter([0.0, PATIENCE_S + 1])
    slow = Publisher(lambda: httpx.Client(transport=httpx.MockTransport(serve)), clock=lambda: next(times))
    with pytest.raises(SourceFailed, match="too slow"):
        slow.fetch(FILE, tmp_path / "part", lambda _: None)


def test_a_missing_file_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match="404"):
        publisher(lambda _: httpx.Response(404)).fetch(FILE, tmp_path / "part", lambda _: None)
