"""What the calls of this process have nodes load, for as long as they wait for it."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from app.errors import StoreUnavailable
from app.inference.fleet.catalogue import full_name
from app.inference.fleet.loads import Load
from app.inference.slots.lease import Lease
from app.inference.slots.script import SlotScript
from app.inference.words.route import Candidate


class OwnLoads:
    """The loads of leases that this process holds. Redis knows of them with the leases; alone, nobody else does."""

    def __init__(
        self,
        script: SlotScript,
        held: Mapping[str, Lease],
        names: Callable[[], Sequence[str]],
    ) -> None:
        self._script = script
        self._held = held
        self._names = names

    def hold_up(self, candidate: Candidate) -> bool:
        """Whether a call of this process loads something there that the candidate would have to wait for."""
        key, size, is_resident = full_name(candidate.model), candidate.num_ctx, candidate.resident
        return any(
            lease.load.holds_up(key, size, is_resident=is_resident)
            for lease in self._held.values()
            if lease.node == candidate.node and lease.load is not None
        )

    def end(self, lease: Lease) -> bool:
        """Note that what a call waited for is in memory; return whether Redis must be told."""
        if lease.load is None or not lease.load.is_under_way:
            return False
        lease.load = Load(lease.load.model, lease.load.num_ctx)
        self.show()
        return self._script.is_coordinated

    async def tell_end(self, lease: Lease) -> None:
        """Have those begin at once that wait for a load which is over; a renewal would tell it later."""
        told = lease.load
        try:
            await self._script.run("has_loaded", [lease.node], lease.id, self._script.lease_us)
            self.forget([lease], [told])
        except StoreUnavailable as error:
            self._script.away("has_loaded", error)

    def forget(self, leases: Iterable[Lease], told: Iterable[Load | None]) -> None:
        """Forget those that are over, now that Redis was told."""
        for lease, load in zip(leases, told, strict=True):
            if load is not None and load is lease.load and not load.is_under_way:
                lease.load = None

    def show(self) -> None:
        """Without Redis, tell that nodes load what the calls of this process wait for."""
        if self._script.is_coordinated:
            return
        loads = dict[str, tuple[Load, ...]]()
        for lease in self._held.values():
            if lease.load is not None:
                loads[lease.node] = (*loads.get(lease.node, ()), lease.load)
        self._script.show_loads(self._names(), loads)
