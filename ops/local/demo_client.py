"""What the demonstration asks the HTTP surface for: documents in, stored runs and routes out."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import httpx
import msgspec

from app.agents.evidence import Citation
from app.agents.values import RouteSummary
from app.inference.words.route import Route
from ops.local.problems import LocalProblem

REPLY_LIMIT_S = 30.0

T = TypeVar("T")


class Uploaded(msgspec.Struct, frozen=True):
    """The reply to an upload. Not `is_new` when the newest version has this very content."""

    job_id: UUID
    version: int
    is_new: bool


class JobProblem(msgspec.Struct, frozen=True):
    """Why a job failed, or what it waits for."""

    code: str
    detail: str


class JobSeen(msgspec.Struct, frozen=True):
    """How far the reading of a document is."""

    status: str
    step: str
    error: JobProblem | None


class Took(msgspec.Struct, frozen=True):
    """What a run took, over all its calls."""

    input_tokens: int
    output_tokens: int
    processing_time_ms: int
    first_token_ms: float | None
    gpu_seconds: float
    cost_usd: float
    routes: tuple[RouteSummary, ...]


class StoredAnswer(msgspec.Struct, frozen=True):
    """The answer of a stored run."""

    message: str
    citations: tuple[Citation, ...]
    degraded: tuple[str, ...]


class StoredRun(msgspec.Struct, frozen=True):
    """A run that is done, as the database has it."""

    run_id: UUID
    metadata: Took
    answer: StoredAnswer


class DemoClient:
    """One key's view of a running stack. Every method raises LocalProblem."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    @classmethod
    @contextmanager
    def open(cls, url: str, key: str) -> Generator["DemoClient"]:
        """Open a client of the stack at `url`, and close it."""
        headers = {"authorization": f"Bearer {key}"}
        with httpx.Client(base_url=url, headers=headers, timeout=REPLY_LIMIT_S, trust_env=False) as http:
            yield cls(http)

    def upload(self, path: Path) -> Uploaded:
        """Upload a file under its own name."""
        file = {"file": (path.name, path.read_bytes(), "application/octet-stream")}
        return self._decode(self._send(self._http.build_request("POST", "/api/v2/upload", files=file)), Uploaded)

    def job(self, job_id: UUID) -> JobSeen:
        """Return how far a job is."""
        return self._get(f"/api/v2/jobs/{job_id}", JobSeen)

    def run(self, run_id: str) -> StoredRun:
        """Return a run that is done."""
        return self._get(f"/api/v1/runs/{run_id}", StoredRun)

    def route(self, route_id: UUID) -> Route:
        """Return why a call went where it went."""
        return self._get(f"/api/v1/routes/{route_id}", Route)

    def _get(self, path: str, kind: type[T]) -> T:
        return self._decode(self._send(self._http.build_request("GET", path)), kind)

    def _send(self, request: httpx.Request) -> httpx.Response:
        what = f"{request.method} {request.url.path}"
        try:
            response = self._http.send(request)
        except httpx.HTTPError as error:
            raise LocalProblem(
                f"{what}: the stack does not answer ({error}); see `python -m ops.local status`"
            ) from error
        if response.is_error:
            raise LocalProblem(f"{what} was answered with {response.status_code}: {response.text[:300]}")
        return response

    def _decode(self, response: httpx.Response, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(response.content, type=kind)
        except msgspec.MsgspecError as error:
            raise LocalProblem(f"{response.request.url.path} gave what this demo cannot read: {error}") from error
