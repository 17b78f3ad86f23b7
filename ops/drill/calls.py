"""What a client asks of an installation in a drill."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from ops.drill.client import Reader, ask
from ops.drill.target import DrillFailed

LIMIT_S = 60.0
EVERY_S = 0.2

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Calls:
    """A client with a key. Every method raises DrillFailed when it is refused, httpx.HTTPError when nobody answers."""

    url: str
    key: str

    def get(self, path: str) -> Json:
        """Return what a path shows."""
        return self._asked("GET", path)

    def messages(self, session_id: str) -> list[tuple[str, str]]:
        """Return role and text of a session's messages, oldest first."""
        session = self.get(f"/api/v1/sessions/{session_id}")
        return [(str(one["role"]), str(one["content"])) for one in session["messages"]]

    def answer(
        self,
        question: str,
        *,
        session_id: str | None = None,
        max_tokens: int = 12,
        seen: Callable[[Reader], None] = lambda _: None,
    ) -> Reader:
        """Ask and read the stream to its end; `seen` is told after every event."""
        body: Json = {"message": question, "max_tokens": max_tokens}
        if session_id is not None:
            body["session_id"] = session_id
        reader = Reader()

        def look(reader: Reader) -> bool:
            seen(reader)
            return False

        ask(self.url, self.key, body, reader, until=look)
        if reader.end != "done":
            raise DrillFailed(f"{question!r} was not answered: {reader.final or 'the stream broke'}")
        return reader

    def upload(self, name: str, content: str | bytes, media_type: str = "text/markdown") -> Json:
        """Upload a document and return its job."""
        whole = content.encode() if isinstance(content, str) else content
        return self._asked("POST", "/api/v2/upload", files={"file": (name, whole, media_type)})

    def job(self, job_id: str) -> Json:
        """Return a job."""
        return self.get(f"/api/v2/jobs/{job_id}")

    def await_job(self, job_id: str, statuses: Sequence[str], *, limit_s: float = LIMIT_S) -> Json:
        """Return a job once it has one of the statuses and, where that is `accepted`, has waited once."""
        until = time.monotonic() + limit_s
        while True:
            job = self.job(job_id)
            if job["status"] in statuses and (job["status"] != "accepted" or job["error"]):
                return job
            if job["status"] == "failed" or time.monotonic() > until:
                raise DrillFailed(f"job {job_id} is {job['status']} ({job['error']}), not {' or '.join(statuses)}")
            time.sleep(EVERY_S)

    def _asked(self, method: str, path: str, **more: Any) -> Json:  # noqa: ANN401 - httpx's own arguments
        headers = {"authorization": f"Bearer {self.key}"}
        with httpx.Client(base_url=self.url, headers=headers, timeout=LIMIT_S, trust_env=False) as client:
            reply = client.request(method, path, **more)
        if reply.is_error:
            raise DrillFailed(f"{method} {path}: {reply.status_code} {reply.text[:300]}")
        return reply.json()
