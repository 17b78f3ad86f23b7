"""What agents do beside the one that replies: measured, counted and told of, as whole runs are."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import structlog

from app.errors import SwitchyardError
from app.inference.words.tiers import Tier
from app.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)


class Executions:
    """The executions of one attempt at a run; `query_type` is the tier of its question."""

    def __init__(self, metrics: Metrics, query_type: Callable[[], Tier], clock: Callable[[], float]) -> None:
        self._metrics = metrics
        self._query_type = query_type
        self._clock = clock

    @asynccontextmanager
    async def of(self, agent: str) -> AsyncGenerator[None]:
        """Measure what an agent does in the block, and count how it fails."""
        started, query_type = self._clock(), self._query_type().value
        log.info("agent_execution_started", agent=agent, query_type=query_type)
        self._metrics.agent_invocations.labels(agent).inc()
        try:
            yield
        except SwitchyardError as error:
            self._metrics.agent_errors.labels(agent, error.code).inc()
            raise
        finally:
            self._metrics.agent_execution_duration.labels(agent, query_type).observe(self._clock() - started)
