"""A client that does what a stream's events say, breaks, and comes back for the rest."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx

STREAM_LIMIT_S = 60.0


class Event(NamedTuple):
    """One event as it came."""

    id: str
    kind: str
    body: dict[str, Any]


@dataclass(slots=True)
class Reader:
    """What a client knows of one run: its text so far, and the last event id."""

    text: str = ""
    run_id: str = ""
    last_id: str = ""
    restarts: int = 0
    end: str = ""
    """The kind of the event that ended the stream."""
    seen: list[Event] = field(default_factory=list[Event])
    final: dict[str, Any] = field(default_factory=dict[str, Any])

    def see(self, event: Event) -> None:
        """Apply one event."""
        self.seen.append(event)
        self.last_id = event.id or self.last_id
        match event.kind:
            case "queued":
                self.run_id = event.body["run_id"]
            case "delta":
                self.text += event.body["text"]
            case "restart":
                self.text = self.text[: event.body["offset"]]
                self.restarts += 1
            case "done" | "error" | "interrupt":
                self.end, self.final = event.kind, event.body
            case _:
                pass


def ask(
    url: str,
    key: str,
    body: dict[str, Any],
    reader: Reader,
    *,
    until: Callable[[Reader], bool] = lambda _: False,
    idempotency_key: str | None = None,
    quiet_s: float = STREAM_LIMIT_S,
) -> None:
    """Ask and read the stream to its end, or until it breaks, says nothing for `quiet_s`, or `until` says so.

    Raises httpx.HTTPStatusError, and httpx.TransportError where no stream begins.
    """
    headers = {"Authorization": f"Bearer {key}", "Accept": "text/event-stream"}
    headers |= {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
    with httpx.Client(timeout=quiet_s, trust_env=False) as client:
        with client.stream("POST", f"{url}/api/v1/chat", json=body | {"stream": True}, headers=headers) as reply:
            _raise_for(reply)
            _read(reply, reader, until)


def submit(url: str, key: str, body: dict[str, Any], idempotency_key: str, limit_s: float = STREAM_LIMIT_S) -> str:
    """Have a task accepted, and return its id. Raises httpx.HTTPStatusError, httpx.TransportError."""
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": idempotency_key}
    with httpx.Client(timeout=limit_s, trust_env=False, headers=headers) as client:
        reply = client.post(f"{url}/api/v1/tasks", json=body)
    _raise_for(reply)
    return str(reply.json()["task_id"])


def come_back(
    url: str,
    key: str,
    reader: Reader,
    *,
    until: Callable[[Reader], bool] = lambda _: False,
    quiet_s: float = STREAM_LIMIT_S,
) -> None:
    """Read the rest of the run's events, as far as `ask` does. Raises as `ask` does."""
    headers = {"Authorization": f"Bearer {key}", "Last-Event-ID": reader.last_id}
    with httpx.Client(timeout=quiet_s, trust_env=False) as client:
        with client.stream("GET", f"{url}/api/v1/runs/{reader.run_id}/events", headers=headers) as reply:
            _raise_for(reply)
            _read(reply, reader, until)


def _raise_for(reply: httpx.Response) -> None:
    if reply.status_code >= httpx.codes.BAD_REQUEST:
        reply.read()
        reply.raise_for_status()


def _read(reply: httpx.Response, reader: Reader, until: Callable[[Reader], bool]) -> None:
    try:
        for event in _events(reply.iter_lines()):
            reader.see(event)
            if reader.end or until(reader):
                return
    except (httpx.ReadError, httpx.ReadTimeout, httpx.RemoteProtocolError):
        return


def _events(lines: Iterator[str]) -> Iterator[Event]:
    event_id, kind, content = "", "", ""
    for line in lines:
        name, _, value = line.partition(": ")
        match name:
            case "id":
                event_id = value
            case "event":
                kind = value
            case "data":
                content = value
            case "" if content:
                yield Event(event_id, kind, json.loads(content))
                event_id, kind, content = "", "", ""
            case _:
                pass
