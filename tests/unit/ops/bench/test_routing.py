"""The product's placement on seeded traces, against others."""

import pytest

from app.inference.words.tiers import Tier
from ops.bench.routing import ALIKE, UNLIKE, joint, joint_blind, run, tier_first
from ops.bench.simulated import MODELS, SimulatedNode, fleet_of
from ops.bench.trace import Request, mixed, turns

SMALL = MODELS[0].name


@pytest.mark.parametrize("seed", [1, 2])
def test_the_joint_choice_has_a_lower_p95_than_tier_first_at_no_less_quality(seed: int) -> None:
    trace = mixed(seed, requests=300, per_s=3.2)
    ours, theirs = run(trace, joint, UNLIKE), run(trace, tier_first, UNLIKE)
    assert ours.p95_s < 0.95 * theirs.p95_s
    assert ours.quality == 1.0
    assert ours.mean_tier >= theirs.mean_tier
    assert ours.loads < theirs.loads


def test_a_conversation_is_read_again_half_as_much_and_no_node_gets_hot() -> None:
    trace = turns(1, sessions=60, per_s=0.5)
    ours, blind = run(trace, joint, ALIKE), run(trace, joint_blind, ALIKE)
    assert ours.read_again <= 0.5 * blind.read_again
    assert ours.skew <= 1.25
    assert ours.p95_s <= blind.p95_s


def test_a_trace_is_the_same_for_the_same_seed_only() -> None:
    assert mixed(3, requests=20, per_s=1.0) == mixed(3, requests=20, per_s=1.0)
    assert mixed(3, requests=20, per_s=1.0) != mixed(4, requests=20, per_s=1.0)
    assert turns(3, sessions=2, per_s=1.0) == turns(3, sessions=2, per_s=1.0)


def _node(*, memory_gb: int) -> SimulatedNode:
    (node,) = fleet_of([(2, memory_gb, 0.4)], warm={0: (SMALL,)})
    return node


def test_a_simulated_node_loads_evicts_and_reads_only_what_it_has_not_read() -> None:
    node = _node(memory_gb=16)
    first = Request(0.0, Tier.SIMPLE, 2500, 120, session=1)
    assert node.begin(SMALL, first) == (2.0, 0)
    node.end(SMALL)
    again = Request(5.0, Tier.SIMPLE, 5000, 120, session=1, known_tokens=2500)
    assert node.begin(SMALL, again) == (2.0, 0)
    # The large one has room only without the small one, which a call still uses.
    assert not node.can_hold("large:latest")
    node.end(SMALL)
    assert node.can_hold("large:latest")
    assert node.begin("large:latest", first)[0] == 14.0 + 5.0 + 4.8
    assert (list(node.loaded), node.loads) == (["large:latest"], 1)
    node.end("large:latest")
    # What was read is gone with the model.
    assert node.begin(SMALL, again)[1] == 2500
