"""Which peers of the cluster are lost, and what the others can still agree on.

The double's peers share one process and one storage. A lost peer listens no more and holds no copy that can be asked.
Sources, at v1.19.0: `lib/storage/src/content_manager/consensus_manager.rs` (agreement needs a majority) and
`lib/api/src/grpc/transport_channel_pool.rs` (what a peer says of one that it cannot reach).
"""

from collections.abc import Sequence

from ops.local.qdrant import faults

# A real peer draws its id at its first start.
_FIRST_ID = 7_001_000_001
# `CONSENSUS_META_OP_WAIT` of `lib/common/common/src/defaults.rs`; the double does not wait.
CONSENSUS_S = 10


def peer_id(place: int) -> int:
    """The id of the peer at that place among the ports."""
    return _FIRST_ID + 1_000 * place


class Cluster:
    """The peers by their places; changed on the engine's thread only."""

    def __init__(self, addresses: Sequence[str] = ("",)) -> None:
        """`addresses` are where peers reach each other; one peer alone runs without a cluster."""
        self.addresses = tuple(addresses)
        self.lost: frozenset[int] = frozenset()

    @property
    def size(self) -> int:
        """Peers in all, the lost ones too."""
        return len(self.addresses)

    @property
    def has_majority(self) -> bool:
        """Whether the peers that are there can agree on anything."""
        return 2 * (self.size - len(self.lost)) > self.size

    def lose(self, place: int) -> None:
        """The peer at that place dies; what it holds stays on its disk."""
        self.lost |= {place}

    def bring_back(self, place: int) -> None:
        """The peer at that place is there again, with what it held when it died."""
        self.lost -= {place}

    def check_majority(self) -> None:
        """Check that a change of the cluster's state can be agreed on.

        Raises:
            Fault: more than half of the peers must be there.
        """
        if not self.has_majority:
            text = f"Waiting for consensus operation commit failed. Timeout set at: {CONSENSUS_S} seconds"
            raise faults.internal_error(text)

    def cannot_reach(self, place: int) -> str:
        """The words of a peer that asked a lost one (tonic's status around the channel pool's text)."""
        text = f"Failed to connect to {self.addresses[place]}, error: transport error"
        return f"Tonic status error: code: 'The service is currently unavailable', message: \"{text}\""
