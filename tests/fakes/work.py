"""One attempt at a run without a store or a node: what a step is handed, and what it did."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from prometheus_client import CollectorRegistry

from app.agents.calling import CallLimits
from app.agents.deadline import deadline_of
from app.agents.event_log import Told
from app.agents.live import LiveRun
from app.agents.means import Doors, Means, means_of
from app.agents.prompts import FrontMatter, Prompt
from app.agents.tally import Tally
from app.agents.values import Claim, Turn
from app.agents.work import Work
from app.inference.calls.dispatcher import Dispatcher
from app.postgres import Database
from app.retrieval.search import Search
from app.telemetry.metrics import Metrics
from tests.fakes.runs import CLAIM, KeptEffects, KeptLog

NOTHING = Told()
LIMITS = CallLimits(max_output_tokens=64, temperature=0.0)
PLAIN = Prompt(FrontMatter("p", 1), "Be brief.")


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What a test looks at."""

    claim: Claim
    live: LiveRun
    log: KeptLog
    effects: KeptEffects
    tally: Tally
    metrics: Metrics
    means: Means

    def work(self, prompts: Mapping[str, Prompt] | None = None, turns: tuple[Turn, ...] = ()) -> Work:
        """Return what a step is handed; every prompt is `PLAIN` unless said otherwise."""
        return Work(self.claim, turns, prompts or AnyPrompt(), self.means)


class AnyPrompt(dict[str, Prompt]):
    """Prompts of any name."""

    def __missing__(self, name: str) -> Prompt:
        return PLAIN


def attempt(
    dispatcher: object = None,
    search: object = None,
    *,
    claim: Claim = CLAIM,
    told: Told = NOTHING,
    effects: KeptEffects | None = None,
    clock: Callable[[], float] | None = None,
    path: Callable[[], str] = lambda: "respond",
    database: object = None,
    limits: CallLimits = LIMITS,
) -> Attempt:
    """Return an attempt that goes through these doors; with the `effects` of an earlier one it goes on from those."""
    metrics = Metrics(CollectorRegistry())
    effects = effects or KeptEffects()
    log = KeptLog()
    live = LiveRun(claim, log, told=told)
    tally = Tally(live, effects)
    deadline = deadline_of(claim, 300.0) if clock is None else deadline_of(claim, 300.0, clock)
    doors = Doors(
        database=cast("Database", database),
        dispatcher=cast("Dispatcher", dispatcher),
        search=cast("Search", search),
        limits=limits,
        metrics=metrics,
    )
    means: Any = means_of(doors, live, effects, tally, deadline, path)
    return Attempt(claim=claim, live=live, log=log, effects=effects, tally=tally, metrics=metrics, means=means)
