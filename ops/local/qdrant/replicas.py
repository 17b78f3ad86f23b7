"""What becomes of reads and writes of a collection's shards when peers are lost, and how a copy catches up.

Sources, at v1.19.0, below `lib/collection/src`: `shards/replica_set/update.rs` (update_impl: how many copies must take
a write, and that one which failed is dead before it is answered), `shards/replica_set/execute_read_operation.rs`,
`shards/replica_set/mod.rs` (add_locally_disabled: never the last whole copy), `collection/point_ops.rs`
(update_from_client: several shards) and `collection/mod.rs` (sync_local_state: a dead copy is filled again).
"""

from collections.abc import Collection, Sequence
from enum import StrEnum

from msgspec import Struct

from ops.local.qdrant import faults
from ops.local.qdrant.cluster import Cluster, peer_id

Held = Sequence[Collection[int]]
"""For each shard, the places of the peers that hold a copy of it."""


class CopyState(StrEnum):
    """A copy has all points, missed some and is not asked, or is being filled."""

    ACTIVE = "Active"
    DEAD = "Dead"
    PARTIAL = "Partial"


class Written(Struct, frozen=True):
    """What a write came to: the shards of which at least one copy took it, and what is answered if not all is well."""

    taken: tuple[int, ...]
    fault: faults.Fault | None = None


class Replicas:
    """The states of a collection's copies; all begin whole."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._states: dict[tuple[int, int], CopyState] = {}

    @property
    def is_recovering(self) -> bool:
        """Whether a copy is not whole."""
        return bool(self._states)

    def state(self, shard: int, place: int) -> CopyState:
        """The state of the copy of `shard` at `place`, as the cluster agreed on it."""
        return self._states.get((shard, place), CopyState.ACTIVE)

    def mark_dead(self, shard: int, place: int) -> None:
        """The copy of `shard` at `place` missed something."""
        self._states[shard, place] = CopyState.DEAD

    def mark_whole(self, shard: int, place: int) -> None:
        """The copy of `shard` at `place` has everything."""
        self._states.pop((shard, place), None)

    def check_readable(self, held: Held) -> None:
        """Check that every shard has a whole copy on a peer that is there.

        Raises:
            Fault: one has none; a collection is read whole or not at all.
        """
        for shard, places in enumerate(held):
            whole = [place for place in sorted(places) if self.state(shard, place) is CopyState.ACTIVE]
            if self._cluster.lost.issuperset(whole):
                errors = "".join(f"\n  {faults.INTERNAL}{self._cluster.cannot_reach(place)}" for place in whole)
                raise faults.internal_error(f"{len(whole)} of {len(whole)} read operations failed:{errors}")

    def write(self, held: Held, shards: Collection[int], factor: int) -> Written:
        """Have the copies of `shards` take a write that counts once `factor` copies of each have it.

        Where it counts, the copies that did not take it are dead from now on; where it does not, they stay as they
        are, and what some copies took stays there too.
        """
        failures: list[str] = []
        taken: list[int] = []
        for shard in sorted(shards):
            asked = [place for place in sorted(held[shard]) if self.state(shard, place) is not CopyState.DEAD]
            if not self._cluster.lost.issuperset(asked):
                taken.append(shard)
            if failure := self._judge(shard, held[shard], asked, factor):
                failures.append(failure)
        return Written(tuple(taken), _fault(failures, len(shards)))

    def _judge(self, shard: int, places: Collection[int], asked: Sequence[int], factor: int) -> str | None:
        """What the peer that was asked says of one shard's failure; None when the write counts."""
        lost = [place for place in asked if place in self._cluster.lost]
        if not lost:
            return None
        if len(asked) - len(lost) < min(factor, len(places)):
            return self._cluster.cannot_reach(lost[0])
        if all(self._deactivate(shard, places, place) for place in lost):
            return None
        return (
            f"Some replica of shard {shard} failed to apply operation and deactivation timed out after 30s. "
            "Consistency of this update is not guaranteed. Please retry. "
            f"Failed peer: {peer_id(lost[0])}, error: {faults.INTERNAL}{self._cluster.cannot_reach(lost[0])}"
        )

    def _deactivate(self, shard: int, places: Collection[int], place: int) -> bool:
        others = {other for other in places if other != place and self.state(shard, other) is CopyState.ACTIVE}
        if not self._cluster.has_majority or not others:
            return False
        self.mark_dead(shard, place)
        return True

    def recover(self, held: Held) -> None:
        """One step for every copy that is not whole: a returned peer asks a whole copy for what it missed."""
        for (shard, place), state in tuple(self._states.items()):
            match state, self._can_recover(held[shard], shard, place):
                case CopyState.DEAD, True:
                    self._states[shard, place] = CopyState.PARTIAL
                case CopyState.PARTIAL, True:
                    del self._states[shard, place]
                case _:
                    self._states[shard, place] = CopyState.DEAD

    def _can_recover(self, places: Collection[int], shard: int, place: int) -> bool:
        there = set(places) - self._cluster.lost
        sources = {other for other in there if self.state(shard, other) is CopyState.ACTIVE}
        return self._cluster.has_majority and place in there and bool(sources)


def _fault(failures: Sequence[str], shards: int) -> faults.Fault | None:
    if not failures:
        return None
    if len(failures) == shards:
        return faults.internal_error(failures[0])
    return faults.internal_error(
        f"{len(failures)} out of {shards} shards failed to apply operation. "
        f"First error captured: {faults.INTERNAL}{failures[0]}"
    )
