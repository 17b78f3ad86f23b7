"""Copies of shards while peers are lost: what counts is on every copy that is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.local.qdrant.cluster import Cluster
from ops.local.qdrant.faults import Fault
from ops.local.qdrant.replicas import CopyState, Replicas

PEERS = 3
ACTIVE, DEAD, PARTIAL = CopyState.ACTIVE, CopyState.DEAD, CopyState.PARTIAL


def cluster() -> Cluster:
    """Three peers."""
    return Cluster([f"http://peer-{number}/" for number in range(PEERS)])


class Model:
    """One shard's copies and which writes each of them has."""

    def __init__(self, copies: int, factor: int) -> None:
        self.peers = cluster()
        self.replicas = Replicas(self.peers)
        self.held = [tuple(range(copies))]
        self.factor = factor
        self.has: dict[int, set[int]] = {place: set() for place in self.held[0]}
        self.counted: set[int] = set()

    def places(self, *states: CopyState) -> list[int]:
        """The places whose copy is in one of the states."""
        return [place for place in self.held[0] if self.replicas.state(0, place) in states]

    def write(self, number: int) -> None:
        """One write at a peer that is there."""
        asked = [place for place in self.places(ACTIVE, PARTIAL) if place not in self.peers.lost]
        written = self.replicas.write(self.held, [0], self.factor)
        for place in asked:
            self.has[place].add(number)
        if written.fault is None:
            self.counted.add(number)

    def recover(self) -> None:
        """One step of catching up: what becomes whole has what a whole copy has."""
        sources = [place for place in self.places(ACTIVE) if place not in self.peers.lost]
        filling = self.places(PARTIAL)
        self.replicas.recover(self.held)
        for place in set(filling) & set(self.places(ACTIVE)):
            self.has[place] |= self.has[sources[0]]

    def turn(self, place: int) -> None:
        """A peer is lost, or back."""
        if place in self.peers.lost:
            self.peers.bring_back(place)
        else:
            self.peers.lose(place)


STEPS = st.lists(st.sampled_from(["write", "recover", *range(PEERS)]), max_size=40)


@given(steps=STEPS, factor=st.integers(1, 3), copies=st.integers(1, 3))
def test_a_write_that_counts_is_on_every_whole_copy_for_ever(steps: list[str | int], factor: int, copies: int) -> None:
    model = Model(copies, factor)
    for number, step in enumerate(steps):
        if isinstance(step, int):
            model.turn(step)
        elif step == "write":
            model.write(number)
        else:
            model.recover()
        assert model.places(ACTIVE)
        assert all(model.counted <= model.has[place] for place in model.places(ACTIVE))


def test_the_last_whole_copy_is_never_given_up() -> None:
    peers = cluster()
    replicas = Replicas(peers)
    held = [(0, 1)]
    peers.lose(0)
    assert replicas.write(held, [0], 1).fault is None
    peers.bring_back(0)
    replicas.recover(held)
    peers.lose(1)
    refused = replicas.write(held, [0], 1).fault
    assert refused is not None
    assert "deactivation timed out after 30s" in refused.text
    assert (replicas.state(0, 0), replicas.state(0, 1)) == (PARTIAL, ACTIVE)
    with pytest.raises(Fault, match="1 of 1 read operations failed"):
        replicas.check_readable(held)
    replicas.recover(held)
    assert replicas.state(0, 0) is DEAD


def test_a_copy_is_filled_step_by_step_and_read_only_when_it_is_whole() -> None:
    peers = cluster()
    replicas = Replicas(peers)
    held = [(0, 1)]
    peers.lose(0)
    replicas.write(held, [0], 1)
    replicas.recover(held)
    assert replicas.state(0, 0) is DEAD
    peers.bring_back(0)
    seen = [replicas.state(0, 0)]
    for _ in range(2):
        replicas.recover(held)
        seen.append(replicas.state(0, 0))
    assert seen == [DEAD, PARTIAL, ACTIVE]
    assert not replicas.is_recovering


def test_a_write_reaches_the_copies_that_are_there_even_when_it_does_not_count() -> None:
    peers = cluster()
    peers.lose(0)
    written = Replicas(peers).write([(0, 1), (1, 2), (0,)], [0, 1, 2], 2)
    assert written.taken == (0, 1)
    assert written.fault is not None
    assert written.fault.text.startswith("Service internal error: 2 out of 3 shards failed to apply operation.")
