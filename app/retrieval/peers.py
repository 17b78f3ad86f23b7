"""Which Qdrant peer is asked next, from how the last calls went."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Generic, TypeVar

from app.breaker import Breaker, BreakerState
from app.causes import Cause, Finding
from app.errors import StoreMisconfigured, StoreUnavailable, SwitchyardError
from app.standing import Standing
from app.telemetry.metrics import Metrics

ATTEMPTS = 2
# A peer is left alone after this many failures in a row, for this long; then one call tries it again.
OPEN_AFTER_FAILURES = 3
OPEN_FOR_S = 5.0
# How much of the error share the newest call makes, and the least share of calls a closed peer gets.
ERROR_SHARE_STEP = 0.2
LEAST_WEIGHT = 0.05

Client = TypeVar("Client")
T = TypeVar("T")


class Share:
    """The share of the calls that one peer should get, from its breaker and from how many calls failed lately."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self.breaker = Breaker(clock=clock, failures=OPEN_AFTER_FAILURES, open_for_s=OPEN_FOR_S)
        self._error_share = 0.0

    @property
    def weight(self) -> float:
        """In [0, 1]; 0 while the breaker is open."""
        match self.breaker.state:
            case BreakerState.OPEN:
                return 0.0
            case BreakerState.HALF_OPEN:
                return LEAST_WEIGHT
            case BreakerState.CLOSED:
                return max(LEAST_WEIGHT, 1.0 - self._error_share)

    def succeed(self) -> None:
        """The call was answered: the breaker closes."""
        self.breaker.succeed()
        self._error_share *= 1.0 - ERROR_SHARE_STEP

    def fail(self) -> None:
        """The call was not answered; enough of these in a row open the breaker."""
        self.breaker.fail()
        self._error_share += ERROR_SHARE_STEP * (1.0 - self._error_share)


class Rotation:
    """Smooth weighted round robin (nginx's algorithm) over peers, weighted by their shares."""

    def __init__(self, peers: int, *, clock: Callable[[], float]) -> None:
        self.shares = tuple(Share(clock=clock) for _ in range(peers))
        self._credits = [0.0] * peers

    def pick(self, tried: Collection[int]) -> int | None:
        """The number of the next peer that was not `tried`; None when every other breaker is open."""
        weights = {
            peer: weight
            for peer, share in enumerate(self.shares)
            if peer not in tried and (weight := share.weight) > 0.0
        }
        if not weights:
            return None
        for peer, weight in weights.items():
            self._credits[peer] += weight
        best = max(weights, key=lambda peer: self._credits[peer])
        self._credits[best] -= sum(weights.values())
        self.shares[best].breaker.start()
        return best


class PeerFailed(Exception):
    """A peer did not answer, or said that it cannot now; another one may."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.text)
        self.finding = finding


class PeerRefused(Exception):
    """A peer refused what another one would refuse too; `fact` is what the caller is told."""

    def __init__(self, finding: Finding, fact: StoreUnavailable) -> None:
        super().__init__(finding.text)
        self.finding = finding
        self.fact = fact


class Peers(Generic[Client]):
    """Asks one peer, and once more another one when the first fails; only for requests that may be repeated."""

    def __init__(
        self,
        clients: Sequence[Client],
        *,
        standings: Sequence[Standing],
        metrics: Metrics,
        timeout_s: float,
        clock: Callable[[], float],
    ) -> None:
        """`timeout_s` bounds one request to one peer, unless `ask` is given another limit."""
        self._clients = tuple(clients)
        self.standings = tuple(standings)
        self._metrics = metrics
        self._timeout_s = timeout_s
        self._clock = clock
        self._rotation = Rotation(len(self._clients), clock=clock)

    async def ask(self, operation: str, request: Callable[[Client], Awaitable[T]], limit_s: float | None = None) -> T:
        """The answer of one peer, or of another one when the first fails or takes longer than `limit_s`.

        `request` raises PeerFailed where another peer may do better, PeerRefused where none would; anything else that
        it raises ends the call.

        Raises:
            StoreUnavailable: two peers failed, or all breakers are open.
            StoreMisconfigured: they answered, and refuse what an operator set.
        """
        tried: set[int] = set()
        failure: PeerFailed | PeerRefused | None = None
        while len(tried) < ATTEMPTS and (peer := self._rotation.pick(tried)) is not None:
            tried.add(peer)
            try:
                return await self._ask(peer, operation, request, self._timeout_s if limit_s is None else limit_s)
            except PeerRefused as error:
                raise error.fact from error
            except PeerFailed as error:
                failure = error
        finding = failure.finding if failure is not None else self._last_finding()
        kind = StoreMisconfigured if finding.cause.is_setting else StoreUnavailable
        raise kind(
            f"qdrant {operation}: {finding.text}", store="qdrant", operation=operation, reason=finding.cause.value
        ) from failure

    def _last_finding(self) -> Finding:
        """What was wrong when the breakers opened."""
        found = next((standing.finding for standing in self.standings if standing.finding is not None), None)
        return found or Finding(Cause.NO_ANSWER, "every peer failed lately")

    async def _ask(self, peer: int, operation: str, request: Callable[[Client], Awaitable[T]], limit_s: float) -> T:
        """One request to one peer, observed and counted for its share."""
        share, standing = self._rotation.shares[peer], self.standings[peer]
        started = self._clock()
        try:
            async with asyncio.timeout(limit_s):
                answer = await request(self._clients[peer])
        except TimeoutError as error:
            failed = PeerFailed(Finding(Cause.NO_ANSWER, f"no answer in {limit_s:g} s"))
            share.fail()
            standing.failed(failed.finding, operation)
            raise failed from error
        except PeerFailed as error:
            share.fail()
            standing.failed(error.finding, operation)
            raise
        except PeerRefused as error:  # the peer answered: the request itself is refused
            share.succeed()
            # A request that is refused, for its own sake, says nothing of the peer.
            if error.finding.cause is not Cause.REFUSED:
                standing.failed(error.finding, operation)
            raise
        except SwitchyardError:
            share.succeed()
            raise
        finally:
            self._metrics.qdrant_duration.labels(operation=operation).observe(self._clock() - started)
        share.succeed()
        standing.answered(operation)
        return answer
