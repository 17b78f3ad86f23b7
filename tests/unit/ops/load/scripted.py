"""A stack that answers from a script, on a clock that only moves when somebody waits."""

from collections.abc import Generator, Mapping
from uuid import UUID, uuid4

from app.conversation import StreamEvent
from ops.load.plan import Plan
from ops.load.wire import Broken, JobSeen, Late, Refused, Uploaded, Wire

PLAN = Plan(
    url="http://stack",
    key="key",
    users=2,
    duration_s=60.0,
    per_minute=None,
    seed=1,
    think_s=(2.0, 2.0),
    follow_ups=(2, 2),
    drain_s=1.0,
    processing_limit_s=5.0,
    out="",
)


class StillClock:
    """Time that passes only by waiting; over after `duration_s`."""

    def __init__(self, duration_s: float = 60.0) -> None:
        self.now_s = 0.0
        self.waits_s: list[float] = []
        self._duration_s = duration_s

    def now(self) -> float:
        """Return the time."""
        return self.now_s

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.waits_s.append(seconds)
        self.now_s += seconds

    def is_over(self) -> bool:
        """Say whether the run is over."""
        return self.now_s >= self._duration_s


class CutOff(BaseException):
    """What gevent raises in a user whose run has ended."""


class ScriptedWire(Wire):
    """Does what the script says, one step a request, then answers well. Each delta takes a second."""

    def __init__(
        self, clock: StillClock, *script: BaseException | None, jobs: tuple[str, ...] = (), cites: bool = True
    ) -> None:
        super().__init__("http://stack", "key")
        self.asked: list[Mapping[str, object]] = []
        self.uploads: list[str] = []
        self.removed: list[UUID] = []
        self.streams: dict[str, list[bytes]] = {
            "/v1/chat/completions": [b'data: {"choices":[]}\n', b"\n", b"data: [DONE]\n"],
            "/ollama/api/chat": [b'{"done":false}\n', b'{"done":true}\n'],
        }
        self._time = clock
        self._script = list(script)
        self._jobs = list(jobs)
        self._cites = cites

    def ask(self, body: Mapping[str, object], limit_s: float) -> Generator[StreamEvent]:  # noqa: ARG002 - the script knows who is late
        """Stream two deltas and the end, or the script's error after the first delta."""
        self.asked.append(body)
        step = self._script.pop(0) if self._script else None
        self._time.now_s += 1.0
        if isinstance(step, Refused):
            raise step
        yield StreamEvent("1", "queued", {"run_id": "r"})
        yield StreamEvent("2", "delta", {"text": "a"})
        if step is not None:
            raise step
        self._time.now_s += 1.0
        yield StreamEvent("3", "delta", {"text": "b"})
        yield StreamEvent("4", "done", self._done())

    def _done(self) -> dict[str, object]:
        call = {"kind": "chat", "tier": "simple", "model": "m", "wait_ms": 10.0, "outcome": "done"}
        named = [{"document": name} for name in self.uploads] if self._cites else []
        return {"session_id": "s-1", "metadata": {"cost_usd": 0.001, "routes": [call]}, "citations": named}

    def _lines(self, path: str, question: str, limit_s: float) -> list[bytes]:  # noqa: ARG002 - as `ask`
        """Return the lines of a whole stream of the path's dialect, or what the script says."""
        step = self._script.pop(0) if self._script else None
        self._time.now_s += 2.0
        if step is not None:
            raise step
        self.asked.append({"path": path, "message": question})
        return self.streams.get(path, [])

    def upload(self, name: str, content: bytes) -> Uploaded:
        """Keep the name, unless the script says otherwise."""
        step = self._script.pop(0) if self._script else None
        if step is not None:
            raise step
        assert content
        self.uploads.append(name)
        return Uploaded(uuid4(), uuid4())

    def job(self, job_id: UUID) -> JobSeen:  # noqa: ARG002 - there is one at a time
        """Return the next status; `done` when there are no more."""
        return JobSeen(self._jobs.pop(0) if self._jobs else "done")

    def remove(self, document_id: UUID) -> None:
        """Note what was removed."""
        self.removed.append(document_id)


BUSY = Refused("no_slot_in_time", 3.0)
BROKEN = Broken("node_failed")
LATE = Late()
