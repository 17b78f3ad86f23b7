"""Whatever is asked and wherever models are: nothing in use or pinned is pushed out, and what is planned fits."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from app.inference.fleet.catalogue import Model
from app.inference.fleet.views import NodeState, NodeView
from app.inference.warmth.advice import Advice, Planned, Why
from app.inference.warmth.demand import WINDOW_S
from app.inference.words.tiers import TIERS, Tier
from tests.unit.inference.warmth.worlds import GB, planned, view_of

NAMES = tuple(f"m{number}:x" for number in range(5))
NODES = ("a", "b", "c")
PAIRS = st.sets(st.tuples(st.sampled_from(NODES), st.sampled_from(NAMES)))


@st.composite
def views(draw: st.DrawFn) -> list[NodeView]:
    """Draw nodes with some memory, what of it is taken, and what is pinned."""
    sizes = {name: draw(st.integers(1, 12)) * GB for name in NAMES}
    vram = draw(st.sampled_from([8, 16, 24, None]))
    pins = draw(PAIRS)
    made = list[NodeView]()
    for name in draw(st.lists(st.sampled_from(NODES), min_size=1, max_size=3, unique=True)):
        loaded = draw(st.lists(st.sampled_from(NAMES), max_size=3, unique=True))
        while vram is not None and sum(sizes[one] for one in loaded) > vram * GB:
            loaded.pop()
        view = view_of(name, *loaded, vram=vram, taken=draw(st.integers(0, 2)), sizes=sizes)
        state = draw(st.sampled_from([NodeState.READY, NodeState.READY, NodeState.DOWN]))
        pinned = frozenset(model for node, model in pins if node == name)
        made.append(replace(view, state=state, pinned=pinned))
    return made


MODELS = tuple(Model(name=name, tiers=(TIERS[at % 3],), num_ctx=(2048,)) for at, name in enumerate(NAMES))
CALLS = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 9))
GPU_S = st.floats(0, 3 * WINDOW_S)
TIER_CALLS = st.dictionaries(st.sampled_from(TIERS), st.integers(1, 9))


def _loads(found: dict[tuple[str, str], Planned]) -> list[Planned]:
    return [one for one in found.values() if one.advice is Advice.LOAD]


@settings(max_examples=60)
@given(views(), CALLS, GPU_S, TIER_CALLS, st.none() | PAIRS)
def test_nothing_in_use_pinned_or_asked_for_is_pushed_out_and_what_is_loaded_fits(
    seen: list[NodeView],
    calls: dict[str, int],
    gpu_s: float,
    tiers: dict[Tier, int],
    in_use: set[tuple[str, str]] | None,
) -> None:
    found = planned(seen, calls, gpu_s=gpu_s, tiers=tiers, in_use=in_use, models=MODELS)
    loads, by_name = _loads(found), {view.node.name: view for view in seen}
    assert len({one.node for one in loads}) == len(loads)
    for load in loads:
        view = by_name[load.node]
        assert view.state is NodeState.READY
        assert load.model not in view.loaded
        assert view.taken < view.node.slots
        assert set(load.evicts) <= view.loaded.keys()
        for gone in load.evicts:
            # While nobody can say what is in use, nothing leaves.
            assert in_use is not None
            assert (load.node, gone) not in in_use
            assert gone not in view.pinned
            assert gone not in calls
        kept = view.loaded.keys() - set(load.evicts)
        taken, needed = sum(view.sizes[one] for one in kept), view.sizes[load.model]
        assert len(kept) < max(3, view.most_models) or not kept
        if view.node.memory_bytes is not None and kept:
            assert taken + needed <= view.node.memory_bytes
            assert needed <= 0.8 * (view.node.memory_bytes - taken)
        elif kept:
            assert taken + needed <= view.most_bytes


@settings(max_examples=40)
@given(views(), CALLS, GPU_S, PAIRS)
def test_what_is_loaded_is_pinned_there_or_asked_for_and_nowhere_enough(
    seen: list[NodeView], calls: dict[str, int], gpu_s: float, in_use: set[tuple[str, str]]
) -> None:
    found = planned(seen, calls, gpu_s=gpu_s, in_use=in_use, models=MODELS)
    for load in _loads(found):
        warm = [view for view in seen if load.model in view.loaded and view.state is NodeState.READY]
        if load.reason is Why.PINNED:
            assert load.pinned
        else:
            assert load.model in calls
            assert load.reason is (Why.MORE_ASKED_FOR if warm else Why.ASKED_FOR) or load.reason is Why.MORE_ASKED_FOR
