"""The process in which Locust runs: `python -m ops.load.swarm`, a plan on standard input, what was seen in a file.

Locust replaces Python's sockets, threads and `time.sleep` by gevent's as soon as it is imported, so that each user is a
light thread. Nobody else imports this module.
"""

import sys
import threading
from pathlib import Path

# First of all that is not of Python itself: what is imported later finds the replaced sockets.
from locust import User, task  # isort: split

import msgspec
from locust.env import Environment
from locust.exception import StopUser
from locust.html import get_html_report  # pyright: ignore[reportUnknownVariableType] - Locust says no types here
from locust.stats import stats_history

from ops.load.arrivals import schedule
from ops.load.clock import RunClock
from ops.load.personas import Visitor
from ops.load.places import Arrivals, Turns
from ops.load.plan import HTML_REPORT, Plan
from ops.load.progress import Tally
from ops.load.questions import read_questions
from ops.load.samples import ANSWERED, LocustEntry, Sample, Seen
from ops.load.wire import Wire
from ops.local.ports import HOST

RAMP_S = 10.0
"""How long it takes until all who take turns are there; never more than a quarter of the run."""
PROGRESS_EVERY_S = 10.0


class Unwell(Exception):
    """An operation did not end well; the text is its code. Locust counts it under it."""


class Swarm:
    """One run: the users, what they take part in, and what they saw."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._samples: list[Sample] = []
        self._problems: list[str] = []
        self._is_short = False
        self._tally = Tally()
        self._environment = Environment(user_classes=[self._user_class()], host=plan.url)
        self._runner = self._environment.create_local_runner()
        self._environment.events.user_error.add_listener(self._broke)
        self._environment.events.cpu_warning.add_listener(self._ran_short)
        self._clock = RunClock(plan.duration_s)
        self._visitor = Visitor(plan, Wire(plan.url, plan.key), read_questions(), self._clock, self._record)
        visits = [] if plan.per_minute is None else schedule(plan.per_minute, plan.duration_s, plan.seed)
        self._arrivals = Arrivals(visits, plan.users, self._clock, self._record)
        self._places = Turns(plan, self._clock) if plan.per_minute is None else self._arrivals

    def run(self) -> Seen:
        """Make the run; returns when all visits have ended or were cut off."""
        runner = self._runner
        ramp_s = min(RAMP_S, self._plan.duration_s / 4)
        is_open = self._plan.per_minute is not None
        threading.Thread(target=self._show_progress, daemon=True).start()
        threading.Thread(target=stats_history, args=(runner,), daemon=True).start()
        runner.start(self._plan.users, spawn_rate=self._plan.users if is_open else max(self._plan.users / ramp_s, 1.0))
        if is_open:
            threading.Thread(target=self._arrivals.feed, daemon=True).start()
        self._clock.wait(max(self._plan.duration_s - self._clock.now(), 0.0))
        runner.user_greenlets.join(timeout=self._plan.drain_s)
        runner.quit()  # whoever is still inside is cut off, and says so
        return Seen(
            started_at_s=self._clock.started_at_s,
            wall_s=self._clock.now(),
            samples=tuple(self._samples),
            locust=self._entries(),
            latest_start_s=self._arrivals.latest_s,
            is_generator_short=self._is_short,
            problems=tuple(self._problems),
        )

    def serve(self, port: int) -> None:
        """Offer Locust's web interface to this machine, where people are let in and sent away; goes on for ever."""
        threading.Thread(target=stats_history, args=(self._runner,), daemon=True).start()
        serving = self._environment.create_web_ui(HOST, port).greenlet  # pyright: ignore[reportUnknownVariableType]
        if serving is not None:
            serving.join()

    def html(self) -> str:
        """Return Locust's own report of the run: its charts, and its rounded figures."""
        return get_html_report(self._environment, show_download_link=False)

    def _user_class(self) -> type[User]:
        """Return Locust's user: it makes one visit after the other until there are no more."""
        swarm = self

        class Guest(User):
            @task
            def visit(self) -> None:
                swarm.visit()

        return Guest

    def visit(self) -> None:
        """Make the next visit. Raises StopUser when there are no more."""
        visit = None if self._problems else self._places.take()
        if visit is None:
            raise StopUser
        try:
            self._visitor.visit(visit)
        finally:
            self._places.leave()

    def _record(self, sample: Sample) -> None:
        if self._plan.web_port is None:
            self._samples.append(sample)
        self._tally.see(sample)
        self._environment.events.request.fire(
            request_type=sample.tier or "-",
            name=sample.entry.value,
            response_time=sample.seconds * 1000,
            response_length=0,
            exception=None if sample.outcome in ANSWERED else Unwell(sample.code),
            context={},
        )

    def _broke(self, exception: BaseException, **_: object) -> None:
        self._problems.append(f"{type(exception).__name__}: {exception}")

    def _ran_short(self, **_: object) -> None:
        self._is_short = True

    def _show_progress(self) -> None:
        while True:
            self._clock.wait(PROGRESS_EVERY_S)
            sys.stderr.write(f"{self._clock.now():5.0f} s  {self._tally.line()}\n")

    def _entries(self) -> tuple[LocustEntry, ...]:
        found = self._environment.stats.entries.values()
        return tuple(
            LocustEntry(str(entry.method), str(entry.name), int(entry.num_requests), int(entry.num_failures))
            for entry in sorted(found, key=lambda entry: (str(entry.name), str(entry.method)))
        )


def main() -> int:
    """Make the run that standard input describes, or let a browser make it; returns the exit status."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    swarm = Swarm(plan)
    if plan.web_port is not None:
        swarm.serve(plan.web_port)
        return 1
    seen = swarm.run()
    Path(plan.out).write_bytes(msgspec.json.encode(seen))
    Path(plan.out).with_name(HTML_REPORT).write_text(swarm.html(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
