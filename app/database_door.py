"""Whether PostgreSQL lets this process in, and what stands in the way: told when it changes, without credentials."""

from time import monotonic

import psycopg
import structlog

from app.causes import Finding
from app.errors import StoreMisconfigured
from app.sqlstates import Fault, describe, fact_of, fault_of, finding_of
from app.telemetry.logs import plain_text

log = structlog.get_logger(__name__)

TELL_AGAIN_S = 600.0


class Door:
    """Whether connections can be made, and why not; a change is logged once."""

    def __init__(self, name: str, address: str) -> None:
        """`address` holds no credentials."""
        self.fault: Fault | None = None
        self.finding: Finding | None = None
        """The fault, told nearer."""
        self.address = address
        self._name = name
        self._tell_again_at: dict[Fault, float] = {}

    def opened(self) -> None:
        """Note a connection that was made."""
        if self.fault is not None:
            log.warning("postgres.connects_again", pool=self._name, address=self.address, after=self.fault.value)
        self.fault = self.finding = None

    def refused(self, error: psycopg.Error) -> None:
        """Note one that was not."""
        fault = fault_of(error)
        self.finding = finding_of(fault, error)
        if fault is not self.fault:
            log.warning(
                "postgres.cannot_connect",
                pool=self._name,
                address=self.address,
                reason=fault.value,
                cause=self.finding.cause.value,
                detail=self.finding.text,
                remedy=self.finding.advice,
                error=plain_text(error),
            )
        self.fault = fault

    def answered(self, error: psycopg.Error) -> None:
        """Note what a statement met. What an operator must mend is told once in a while, whoever met it."""
        fault, now = fault_of(error), monotonic()
        if not isinstance(fact_of(fault), StoreMisconfigured) or now < self._tell_again_at.get(fault, now):
            return
        self._tell_again_at[fault] = now + TELL_AGAIN_S
        log.error("postgres.misconfigured", reason=fault.value, sqlstate=error.sqlstate, remedy=describe(fault))
