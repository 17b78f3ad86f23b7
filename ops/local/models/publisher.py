"""Files from their publisher, over HTTP, resumed where a cut download stopped."""

import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from ops.local.models.catalogue import File
from ops.local.problems import SourceFailed

CONNECT_S = 3.0
READ_S = 15.0
# Slower than this after a while and the package index, which is usually nearby, is the better source.
SLOWEST_BYTES_PER_S = 200_000
PATIENCE_S = 20.0


class Publisher:
    """Downloads from publishers. A host that did not answer once is not asked again by this object."""

    def __init__(self, connect: Callable[[], httpx.Client], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._connect = connect
        self._clock = clock
        self._silent: set[str] = set()

    def fetch(self, file: File, partial: Path, on_bytes: Callable[[int], None]) -> Path:
        """Download into `partial`, going on where it ends; returns it. `on_bytes` gets the bytes done so far.

        Raises SourceFailed. The digest is not checked here.
        """
        host = urlsplit(file.publisher).netloc
        if host in self._silent:
            raise SourceFailed(f"{host} did not answer")
        try:
            self._download(file, partial, on_bytes)
        except (httpx.HTTPError, OSError) as error:
            self._silent.add(host)
            raise SourceFailed(f"{host}: {type(error).__name__} {error}".strip()) from error
        if partial.stat().st_size != file.size_bytes:
            raise SourceFailed(f"{host} sent {partial.stat().st_size} of {file.size_bytes} bytes")
        return partial

    def _download(self, file: File, partial: Path, on_bytes: Callable[[int], None]) -> None:
        done = partial.stat().st_size if partial.is_file() else 0
        if done >= file.size_bytes:
            partial.unlink()
            done = 0
        headers = {"range": f"bytes={done}-"}
        with self._connect() as client, client.stream("GET", file.publisher, headers=headers) as response:
            _check(response, file)
            mode = "ab" if response.status_code == HTTPStatus.PARTIAL_CONTENT else "wb"
            done = done if mode == "ab" else 0
            with partial.open(mode) as target:
                self._copy(response, target.write, done, file.size_bytes, on_bytes)

    def _copy(
        self,
        response: httpx.Response,
        write: Callable[[bytes], int],
        done: int,
        limit: int,
        on_bytes: Callable[[int], None],
    ) -> None:
        started, start_bytes = self._clock(), done
        for block in response.iter_bytes(1 << 20):
            write(block)
            done += len(block)
            on_bytes(done)
            if done > limit:
                raise SourceFailed("the publisher sent more bytes than the file has")
            passed_s = self._clock() - started
            if passed_s > PATIENCE_S and (done - start_bytes) / passed_s < SLOWEST_BYTES_PER_S:
                raise SourceFailed(f"{response.url.host} is too slow")


def _check(response: httpx.Response, file: File) -> None:
    response.raise_for_status()
    # Hugging Face tells the SHA-256 of a large file before its first byte.
    for hop in (*response.history, response):
        told = hop.headers.get("x-linked-etag", "").strip('"')
        if len(told) == len(file.sha256) and told != file.sha256:
            raise SourceFailed(f"{response.url.host} has another file under that address")


def open_client() -> httpx.Client:
    """Return a client with the short time limits of this module."""
    limits = httpx.Timeout(READ_S, connect=CONNECT_S)
    return httpx.Client(timeout=limits, follow_redirects=True)
