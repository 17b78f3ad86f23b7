"""Talks to a running stack over HTTP, and takes up a stream where the connection dropped."""

import http.client
import json
import ssl
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec

from app.asking_again import WAIT_LIMIT_S, read_retry_after
from app.causes import find_network_cause

ANSWER_LIMIT_S = 60.0
TRIES = 12
LONGEST_WAIT_S = 5.0
LINE_BYTES = 4 * 1024 * 1024
REPLY_BYTES = 4 * 1024 * 1024
PROXY_RETRYABLE = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
"""What a proxy says for "not now" (RFC 6585, 4; RFC 9110, 15.6.4), which brings no problem document."""


class StackAway(Exception):
    """The stack cannot be reached, or the connection dropped and would not come back."""


class StackRefused(Exception):
    """The stack answered with a problem document; `retry_after_s` is when it wants to be asked again, if it says so."""

    def __init__(self, problem: Mapping[str, Any], retry_after_s: float | None = None) -> None:
        self.problem = problem
        self.retry_after_s = retry_after_s
        super().__init__(f"{problem.get('code', 'error')}: {problem.get('detail', '')}")


class StreamEvent(msgspec.Struct, frozen=True):
    """One server-sent event."""

    id: str
    kind: str
    body: dict[str, Any]


class Stack:
    """One running stack, with the key to use."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        wait: Callable[[float], None] = time.sleep,
        wait_limit_s: float = WAIT_LIMIT_S,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`told` gets a line for each wait for a stack that does not answer.

        `wait_limit_s` bounds those before it has taken the question; an answer that has begun is not given up for it.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or parts.hostname is None:
            raise StackAway(f"{url} is not an http or https address")
        self._secure = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port
        self._prefix = parts.path.rstrip("/")
        self._name = f"the stack at {url}"
        self._key = key
        self._wait = wait
        self._wait_limit_s = wait_limit_s
        self._told = told

    def ask(self, body: Mapping[str, object], key: str | None = None) -> Generator[StreamEvent]:
        """Ask, and yield the events of the answer, each once, until `done` or `error`.

        After an `interrupt` the run waits: whoever goes on reading has answered it.

        The request has an idempotency key, so the run goes on when the connection drops, and asking again finds it;
        with the `key` of an earlier try its run makes its next attempt. Raises StackAway, StackRefused.
        """
        asked = msgspec.json.encode({**body, "stream": True})
        headers = {"content-type": "application/json", "idempotency-key": key or str(uuid4())}
        run_id, last_id, tries = "", "", 0
        while True:
            try:
                if run_id:
                    resumed = {"last-event-id": last_id} if last_id else {}
                    events = self._events("GET", f"/api/v1/runs/{run_id}/events", None, resumed)
                else:
                    events = self._events("POST", "/api/v1/chat", asked, headers)
                is_asked = False
                with closing(events):
                    for event in events:
                        tries, is_asked = 0, event.kind == "interrupt"
                        last_id = event.id or last_id
                        run_id = str(event.body.get("run_id", run_id)) if event.kind == "queued" else run_id
                        yield event
                        if event.kind in {"done", "error"}:
                            return
            except (OSError, http.client.HTTPException, ValueError) as error:  # the last: an event that cannot be read
                tries = self._try_again(tries, error, has_begun=bool(run_id))
            else:
                tries = 0 if is_asked else self._try_again(tries, None, has_begun=bool(run_id))

    def resume(self, run_id: str, interrupt_id: str, answer: str) -> None:
        """Answer what a run asks. Raises StackAway, StackRefused."""
        self.post(f"/api/v1/runs/{run_id}/resume", {"interrupt_id": interrupt_id, "answer": answer})

    def cancel(self, run_id: str) -> None:
        """Stop a run. Raises StackAway, StackRefused."""
        self._send("POST", f"/api/v1/runs/{run_id}/cancel", b"", {})

    def follow(self, path: str) -> Generator[StreamEvent]:
        """Yield the events of a job until its `end`, each once, also where the connection drops meanwhile.

        Raises StackAway, StackRefused.
        """
        last_id, tries = "", 0
        while True:
            error: Exception | None = None
            try:
                with closing(self._events("GET", path, None, {"last-event-id": last_id} if last_id else {})) as events:
                    for event in events:
                        tries, last_id = 0, event.id or last_id
                        yield event
                        if event.kind == "end":
                            return
            except (OSError, http.client.HTTPException, ValueError) as broken:
                error = broken
            tries = self._try_again(tries, error, has_begun=True)

    def send(self, path: str, media_type: str, size_bytes: int, pieces: Iterable[bytes]) -> Mapping[str, Any]:
        """Post a body of that size piece by piece; return the JSON that answers. Raises StackAway, StackRefused."""
        headers = {"content-type": media_type, "content-length": str(size_bytes)}
        return msgspec.json.decode(self._send("POST", path, pieces, headers), type=dict[str, Any])

    def delete(self, path: str) -> None:
        """Remove what is at a path. Raises StackAway, StackRefused."""
        self._send("DELETE", path, b"", {})

    def post(self, path: str, body: Mapping[str, object]) -> Mapping[str, Any]:
        """Return the JSON that answers a request, which is sent once. Raises StackAway, StackRefused."""
        reply = self._send("POST", path, msgspec.json.encode(body), {"content-type": "application/json"})
        return msgspec.json.decode(reply, type=dict[str, Any])

    def get(self, path: str) -> Mapping[str, Any]:
        """Return the JSON at a path. Raises StackAway, StackRefused."""
        return msgspec.json.decode(self._send("GET", path, b"", {}), type=dict[str, Any])

    def _send(self, method: str, path: str, body: bytes | Iterable[bytes], headers: Mapping[str, str]) -> bytes:
        try:
            opened = self._open(method, path, body, headers)
            with closing(opened) as connection, connection.getresponse() as response:
                reply = response.read(REPLY_BYTES)
                if response.status >= 400:
                    retry_after_s = read_retry_after(response.headers.get("retry-after"), datetime.now(UTC))
                    raise StackRefused(read_problem(reply, response.status), retry_after_s)
                return reply
        except (OSError, http.client.HTTPException) as error:
            raise StackAway(f"{self._name} does not answer: {_why(error)}") from error

    def _try_again(self, tries: int, error: Exception | None, *, has_begun: bool) -> int:
        why = "the stream ended too early" if error is None else _why(error)
        *waited, wait_s = (min(LONGEST_WAIT_S, 0.25 * 2**number) for number in range(tries + 1))
        is_over = not has_begun and sum(waited) + wait_s > self._wait_limit_s
        if tries >= TRIES or is_over or isinstance(error, ssl.SSLError):  # a certificate is the same the next time
            raise StackAway(f"{self._name} does not answer: {why}") from error
        self._told(f"{self._name} does not answer ({why}); again in {wait_s:g} s")
        self._wait(wait_s)
        return tries + 1

    def _events(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Generator[StreamEvent]:
        # The response keeps its socket when the server said `connection: close`, so both are closed.
        with closing(self._open(method, path, body, headers)) as connection, connection.getresponse() as response:
            is_ours = response.headers.get_content_type() == "application/problem+json"
            if response.status == 502 or (response.status == 504 and not is_ours):
                # The proxy lost the replica; another one goes on.
                raise http.client.HTTPException(f"status {response.status}")
            if response.status != 200:
                retry_after_s = read_retry_after(response.headers.get("retry-after"), datetime.now(UTC))
                raise StackRefused(read_problem(response.read(REPLY_BYTES), response.status), retry_after_s)
            yield from parse_events(response.readline)

    def _open(
        self, method: str, path: str, body: bytes | Iterable[bytes] | None, headers: Mapping[str, str]
    ) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=ANSWER_LIMIT_S)
        given = {"authorization": f"Bearer {self._key}", "user-agent": "switchyard-cli", **headers}
        try:
            connection.request(method, f"{self._prefix}{path}", body=body, headers=given)
        except (BrokenPipeError, ConnectionResetError):
            # Who refuses a long body may answer before its end; the answer can still be read.
            if body is None or isinstance(body, bytes):
                raise
        return connection


def _why(error: Exception) -> str:
    found = find_network_cause(error)
    if found is not None:
        return found.text
    if isinstance(error, http.client.BadStatusLine):
        # Its own words are what came.
        is_cut = "HTTP/".startswith(str(error)[:5])
        return "the connection broke off" if is_cut else "what answers there does not speak HTTP"
    return str(error)


def read_problem(body: bytes, status: int) -> Mapping[str, Any]:
    """Return the problem document, or one made up when a proxy answered."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError:
        detail = f"the stack answered {status} without a problem document"
        return {"code": "unreadable", "detail": detail, "retryable": status in PROXY_RETRYABLE}


def parse_events(read_line: Callable[[int], bytes]) -> Generator[StreamEvent]:
    """Yield the events of a `text/event-stream` (WHATWG HTML, 9.2.6), as far as our server writes them."""
    fields: dict[str, str] = {}
    while line := read_line(LINE_BYTES):
        text = line.decode("utf-8").rstrip("\r\n")
        if text:
            name, _, value = text.partition(":")
            fields[name] = value.removeprefix(" ")
            continue
        if "data" in fields and "event" in fields:
            yield StreamEvent(
                fields.get("id", ""), fields["event"], msgspec.convert(json.loads(fields["data"]), dict[str, Any])
            )
        fields = {}
