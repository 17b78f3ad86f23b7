"""How each store stands, told once a change: where it is, why it does not work, and what to do."""

import time
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

import structlog

from app.causes import Cause, Finding
from app.errors import StoreUnavailable
from app.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

TELLS = 6
"""So many changes are told at once; after that one in TELL_EVERY_S, so that a store that flaps floods no log."""
TELL_EVERY_S = 60.0
LATE_IN_A_ROW = 2
LOOK = "look"
"""The operation that stands for all: what health asks of a store."""
PARTIAL = frozenset(
    {
        *(Cause.RIGHTS, Cause.SCHEMA, Cause.MISSING, Cause.READ_ONLY, Cause.DISK_FULL, Cause.OUT_OF_MEMORY),
        *(Cause.API_KEY, Cause.BUSY),
    }
)
"""Causes that keep some requests from being done, and not all."""


def located(fact: StoreUnavailable, address: str, finding: Finding | None) -> StoreUnavailable:
    """Return `fact` as whoever operates is told it: why, where the store is (no credentials), and what to do."""
    said = fact.detail
    why, what = ("", "") if finding is None else (finding.text, finding.advice)
    why = f": {why}" if why not in said else ""
    what = f"; {what}" if what not in said else ""
    return type(fact)(f"{said}{why} ({address}){what}", **fact.facts)


class Tells:
    """How often one thing's changes are told: some at once, then one in a while."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._credit = float(TELLS)
        self._credited_at = clock()

    def may_tell(self) -> bool:
        """Whether a change may be told now; it counts as told then."""
        now = self._clock()
        self._credit = min(float(TELLS), self._credit + (now - self._credited_at) / TELL_EVERY_S)
        self._credited_at = now
        if self._credit < 1.0:
            return False
        self._credit -= 1.0
        return True


class Standing:
    """One store, or one peer of one, as this process last met it. Each request says how it went."""

    def __init__(
        self,
        store: str,
        address: str,
        *,
        show: Callable[[bool], None] = lambda _: None,
        tells: Collection[Cause] = frozenset(Cause),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`address` holds no credentials; `show` sets a gauge. Of causes not in `tells` another module logs."""
        self.store = store
        self.address = address
        self.finding: Finding | None = None
        """What is wrong, as far as this process knows; None: nothing, or nothing yet."""
        self._show = show
        self._tells_of = tells
        self._tells = Tells(clock)
        self._told: Cause | None = None
        self._untold = 0
        self._late = 0
        self._operation = LOOK
        show(True)

    def answered(self, operation: str = LOOK) -> None:
        """Note a request that went well. What was wrong with one operation, another one's success does not mend."""
        self._late = 0
        is_partial = self.finding is not None and self.finding.cause in PARTIAL
        if is_partial and operation not in (self._operation, LOOK):
            return
        if self.finding is not None or self._told is not None:
            self._become(None)

    def failed(self, finding: Finding, operation: str = LOOK) -> None:
        """Note a request that did not, and why. One late answer is no change: two in a row are."""
        self._operation = operation
        self._late = self._late + 1 if finding.cause is Cause.NO_ANSWER else LATE_IN_A_ROW
        if self._late >= LATE_IN_A_ROW or self.finding is not None:
            self._become(finding)

    def _become(self, finding: Finding | None) -> None:
        before, now = self.finding.cause if self.finding else None, finding.cause if finding else None
        self.finding = finding
        if before is not now:
            self._untold += 1
            self._show(finding is None)
        if now is not self._told and self._tells.may_tell():
            self._tell(finding)

    def _tell(self, finding: Finding | None) -> None:
        changes, self._untold = self._untold, 0
        before, self._told = self._told, finding.cause if finding else None
        if (self._told or before) not in self._tells_of:
            return
        # Of what was not told while it flapped, only the number is.
        more = {"changes": changes} if changes > 1 else {}
        if finding is None:
            log.warning("store.up", store=self.store, address=self.address, **more)
            return
        log.warning(
            "store.down",
            store=self.store,
            address=self.address,
            cause=finding.cause.value,
            detail=finding.text,
            remedy=finding.advice,
            **more,
        )


def standing_of(store: str, address: str, metrics: Metrics, *, tells: Collection[Cause] = frozenset(Cause)) -> Standing:
    """Return the standing of a store, with its gauge; `address` may hold credentials, which are left out."""
    gauge = metrics.store_up.labels(store)
    return Standing(store, place_of(address), show=lambda is_up: gauge.set(int(is_up)), tells=tells)


def place_of(address: str) -> str:
    """Return scheme, host, port and path of an address: no credentials, no query. A path or a name stays as it is."""
    if "://" not in address:
        return address
    try:
        parts = urlsplit(address)
    except ValueError:
        return "unknown"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
