"""A client of one run, in a thread of its own: it asks, comes back wherever it can, and answers what the run asks."""

import threading
import time
from collections.abc import Callable, Sequence
from uuid import uuid4

import httpx

from ops.drill.client import Reader, ask, come_back, submit
from ops.drill.steps.scenarios import Scenario
from ops.drill.target import DrillFailed

END_S = 90.0
PAUSE_S = 0.1
READS = 5
PATIENT_S, QUICK_S = 60.0, 1.0
"""How long a client waits for the next event before it turns to another replica."""


class Conversation:
    """The client. `doors` are the replicas that it may go to, the first one first."""

    def __init__(
        self,
        doors: Callable[[], Sequence[str]],
        key: str,
        scenario: Scenario,
        *,
        is_patient: bool,
        reader: Reader | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        """With a `reader` it goes on where that stands."""
        self.reader = reader or Reader()
        self.idempotency_key = idempotency_key or str(uuid4())
        self.door = ""
        """The replica that it talks to."""
        self._doors = doors
        self._key = key
        self._scenario = scenario
        self._quiet_s = PATIENT_S if is_patient else QUICK_S
        self._failure = ""
        self._thread = threading.Thread(target=self._run, name="conversation", daemon=True)
        self._end_at = time.monotonic() + END_S

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Whether it has its end, or gave up."""
        return not self._thread.is_alive()

    def join(self) -> Reader:
        """Wait for the end and return what the client has. Raises DrillFailed."""
        self._thread.join(END_S + PATIENT_S)
        if self._failure or self._thread.is_alive():
            raise DrillFailed(self._failure or "the client hangs")
        return self.reader

    def _run(self) -> None:
        try:
            if not self.reader.run_id:
                self._insist(self._ask)
            self._insist(self._follow)
            if self.reader.end == "interrupt" and self._scenario.answer:
                asked = str(self.reader.final["interrupts"][0]["interrupt_id"])
                self._insist(lambda door: self._answer(door, asked))
                self.reader.end = ""
                self._insist(self._follow)
        except DrillFailed as failure:
            self._failure = str(failure)
        except (httpx.HTTPError, LookupError, ValueError) as error:
            self._failure = f"the client met {error!r}"

    def _insist(self, act: Callable[[str], bool]) -> None:
        """Try one replica after the other until it is done."""
        turn = 0
        while time.monotonic() < self._end_at:
            doors = self._doors()
            if doors:
                self.door = doors[turn % len(doors)]
                if self._tried(act):
                    return
                turn += 1
            time.sleep(PAUSE_S)
        raise DrillFailed(f"run {self.reader.run_id}: its client has no end after {END_S:g} s: {self.reader}")

    def _tried(self, act: Callable[[str], bool]) -> bool:
        try:
            return act(self.door)
        except httpx.HTTPStatusError as error:
            # Whatever is the client's own fault must not happen here.
            if error.response.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                raise DrillFailed(f"{error.request.url}: {error.response.status_code} {error.response.text}") from error
        except httpx.TransportError:
            return False
        return False

    def _ask(self, door: str) -> bool:
        if self._scenario.is_task:
            self.reader.run_id = submit(door, self._key, self._scenario.body, self.idempotency_key, self._quiet_s)
            return True
        ask(
            door,
            self._key,
            self._scenario.body,
            self.reader,
            idempotency_key=self.idempotency_key,
            quiet_s=self._quiet_s,
        )
        return bool(self.reader.run_id)

    def _follow(self, door: str) -> bool:
        if not self.reader.end:
            come_back(door, self._key, self.reader, quiet_s=self._quiet_s)
        return bool(self.reader.end)

    def _answer(self, door: str, asked: str) -> bool:
        headers = {"Authorization": f"Bearer {self._key}"}
        given = {"answer": self._scenario.answer, "interrupt_id": asked}
        with httpx.Client(timeout=self._quiet_s, trust_env=False, headers=headers) as client:
            client.post(f"{door}/api/v1/runs/{self.reader.run_id}/resume", json=given).raise_for_status()
        return True


def read_whole(door: str, key: str, run_id: str) -> Reader:
    """Return what a client is told that comes after the end and reads from the beginning. Raises DrillFailed."""
    reader = Reader(run_id=run_id)
    try:
        for _ in range(READS):
            # What the run asked is told in the middle of all that came of it.
            reader.end = ""
            come_back(door, key, reader)
            if reader.end in {"done", "error"}:
                break
    except httpx.HTTPError as error:
        raise DrillFailed(f"run {run_id} cannot be read again: {error!r}") from error
    return reader
