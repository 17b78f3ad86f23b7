"""Speaks HTTP to the stack as its clients do, one connection a request."""

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from app.conversation import StreamEvent, parse_events, read_problem

REPLY_BYTES = 4 * 1024 * 1024
REPLY_LIMIT_S = 30.0
UPLOAD_LIMIT_S = 60.0
PATIENCE_S = 2.0
"""How long to wait after a refusal that does not say."""
LONGEST_PATIENCE_S = 15.0
REFUSALS = frozenset({429, 503})

T = TypeVar("T")


class Refused(Exception):
    """The stack said `not now`; another try makes sense after `retry_after_s`."""

    def __init__(self, code: str, retry_after_s: float) -> None:
        self.code = code
        self.retry_after_s = retry_after_s
        super().__init__(code)


class Broken(Exception):
    """The request did not get its answer, and `code` says why."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class Late(Exception):
    """No answer within its limit."""


class Uploaded(msgspec.Struct, frozen=True):
    """The reply to an upload."""

    job_id: UUID
    document_id: UUID


class JobSeen(msgspec.Struct, frozen=True):
    """How far a job is: `done` and `failed` are final."""

    status: str


class Wire:
    """One key's way to one stack. Every method raises Refused, Broken, Late."""

    def __init__(self, url: str, key: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or parts.hostname is None:
            raise Broken("address_wrong")
        self._is_secure = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port
        self._prefix = parts.path.rstrip("/")
        self._key = key
        self._clock = clock

    def ask(self, body: Mapping[str, object], limit_s: float) -> Generator[StreamEvent]:
        """Ask, and yield the events of the answer as they come; all of it may take `limit_s`."""
        sent = msgspec.json.encode({**body, "stream": True})
        headers = {"content-type": "application/json", "accept": "text/event-stream"}
        with self._answer("POST", "/api/v1/chat", sent, headers, limit_s) as read_line:
            yield from parse_events(read_line)

    def ask_openai(self, question: str, limit_s: float) -> None:
        """Ask as clients of OpenAI's interface do, and read the stream to its end."""
        lines = self._lines("/v1/chat/completions", question, limit_s)
        if not any(line.strip() == b"data: [DONE]" for line in lines):
            raise Broken("stream_cut")

    def ask_ollama(self, question: str, limit_s: float) -> None:
        """Ask as clients of Ollama's interface do, and read the stream to its end."""
        *_, last = self._lines("/ollama/api/chat", question, limit_s) or [b""]
        if b'"done":true' not in last:
            raise Broken("stream_cut")

    def _lines(self, path: str, question: str, limit_s: float) -> list[bytes]:
        body = {"model": "auto", "messages": [{"role": "user", "content": question}], "stream": True}
        sent = msgspec.json.encode(body)
        with self._answer("POST", path, sent, {"content-type": "application/json"}, limit_s) as read_line:
            return list(iter(lambda: read_line(REPLY_BYTES), b""))

    def upload(self, name: str, content: bytes) -> Uploaded:
        """Upload a Markdown file."""
        mark = "switchyard-load-7f3a9c51d2"
        head = f'--{mark}\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\n'
        body = head.encode() + b"content-type: text/markdown\r\n\r\n" + content + f"\r\n--{mark}--\r\n".encode()
        headers = {"content-type": f"multipart/form-data; boundary={mark}"}
        return self._decode(self._reply("POST", "/api/v2/upload", body, headers, UPLOAD_LIMIT_S), Uploaded)

    def job(self, job_id: UUID) -> JobSeen:
        """Return how far a job is."""
        return self._decode(self._reply("GET", f"/api/v2/jobs/{job_id}"), JobSeen)

    def remove(self, document_id: UUID) -> None:
        """Remove a document."""
        self._reply("DELETE", f"/api/v1/documents/{document_id}")

    def look(self) -> None:
        """Ask for a page of documents: whether the stack is there and takes the key."""
        self._reply("GET", "/api/v1/documents?limit=1")

    def _reply(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        limit_s: float = REPLY_LIMIT_S,
    ) -> bytes:
        with self._answer(method, path, body, headers or {}, limit_s) as read_line:
            return b"".join(iter(lambda: read_line(REPLY_BYTES), b""))

    def _decode(self, content: bytes, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.MsgspecError as error:
            raise Broken("unreadable") from error

    @contextmanager
    def _answer(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], limit_s: float
    ) -> Generator[Callable[[int], bytes]]:
        """Lend a reader of the lines of a good response."""
        kind = http.client.HTTPSConnection if self._is_secure else http.client.HTTPConnection
        deadline = self._clock() + limit_s
        with _translated(), closing(kind(self._host, self._port, timeout=limit_s)) as connection:
            given = {"authorization": f"Bearer {self._key}", "user-agent": "switchyard-load", **headers}
            connection.request(method, f"{self._prefix}{path}", body=body, headers=given)
            line = connection.sock  # the response takes it away when the server closes
            with connection.getresponse() as response:
                if response.status >= http.client.BAD_REQUEST:
                    raise refusal_of(response.status, response.headers.get("retry-after"), response.read(REPLY_BYTES))
                yield lambda size: self._read(response, line, deadline, size)

    def _read(self, response: http.client.HTTPResponse, line: socket.socket, deadline: float, size: int) -> bytes:
        left_s = deadline - self._clock()
        if left_s <= 0:
            raise Late
        if line.fileno() >= 0:  # closed once the response has been read to its end
            line.settimeout(left_s)
        return response.readline(size)


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except TimeoutError as error:
        raise Late from error
    except ssl.SSLError as error:
        raise Broken("tls") from error
    except (OSError, http.client.HTTPException) as error:
        raise Broken("connection") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise Broken("unreadable") from error


def refusal_of(status: int, retry_after: str | None, body: bytes) -> Refused | Broken:
    """Return what a bad status means: 429 and 503 are refusals, all others failures."""
    return fault_of(status, retry_after, read_problem(body, status))


def fault_of(status: int, retry_after: str | None, problem: Mapping[str, Any]) -> Refused | Broken:
    """Return what a problem document means; it ends a stream too, where there is no `Retry-After`."""
    code = str(problem.get("code") or status)
    if status not in REFUSALS:
        return Broken(code)
    is_number = retry_after is not None and retry_after.strip().isdecimal()
    asked_s = float(retry_after) if retry_after is not None and is_number else PATIENCE_S
    return Refused(code, min(asked_s, LONGEST_PATIENCE_S))
