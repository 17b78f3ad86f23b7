"""Which names a client may give as a model, and what each of them can do."""

from dataclasses import replace

from prometheus_client import CollectorRegistry

from app.inference.fleet.catalogue import Catalogue, Model, Node
from app.inference.fleet.nodes import Fleet, Look
from app.inference.fleet.offering import Offering, in_memory, offers_of
from app.inference.fleet.traits import Traits
from app.inference.words.offers import InMemory, Offer
from app.inference.words.records import CallKind
from app.inference.words.tiers import Tier
from app.telemetry.metrics import Metrics

MODELS = (
    Model(name="small", tiers=(Tier.SIMPLE,), num_ctx=(2048, 4096), digest="sha256:" + "a" * 64),
    Model(name="large:8b", tiers=(Tier.SIMPLE, Tier.COMPLEX), num_ctx=(8192,), think=False),
    Model(name="minilm", kind=CallKind.EMBED, num_ctx=(256,)),
)
NODES = tuple(Node(name=name, url=f"http://{name}", slots=2, models=("small", "large:8b", "minilm")) for name in "ab")


def fleet() -> Fleet:
    """Two nodes; both hold everything, and have other contexts in memory."""
    found = Fleet(Catalogue(models=MODELS, nodes=NODES), Metrics(CollectorRegistry()), clock=lambda: 0.0)
    holds = {"small:latest": "a" * 64, "large:8b": "b" * 64, "minilm:latest": "c" * 64}
    found.looked("a", Look("0.33.0", holds, {"small:latest": 2048, "stray:latest": 1}))
    found.looked("b", Look("0.33.0", holds, {"small:latest": 4096}))
    return found


def test_a_client_may_name_auto_a_tier_a_team_or_a_model() -> None:
    found = fleet()
    offers = offers_of(found.catalogue, found.views(), ("scheduler", "assistant"))
    assert [offer.name for offer in offers] == [
        "auto",
        "simple",
        "complex",
        "team:assistant",
        "team:scheduler",
        "small",
        "large:8b",
        "minilm",
    ]


def test_a_name_promises_what_one_of_its_models_can_do() -> None:
    found = fleet()
    by_name = {offer.name: offer for offer in offers_of(found.catalogue, found.views(), ["assistant"])}
    assert by_name["auto"] == Offer(name="auto", num_ctx=8192, thinks=True, uses_tools=True)
    assert by_name["simple"].num_ctx == 8192
    assert by_name["team:assistant"] == Offer(name="team:assistant", num_ctx=8192, thinks=True)
    assert by_name["small"] == Offer(name="small", num_ctx=4096, uses_tools=True, digest="a" * 64)
    assert by_name["large:8b"].thinks is True
    assert by_name["large:8b"].digest == "b" * 64
    assert by_name["minilm"] == Offer(name="minilm", kind=CallKind.EMBED, num_ctx=256, digest="c" * 64)


def test_a_model_is_in_memory_once_with_its_largest_context() -> None:
    found = fleet()
    assert in_memory(found.catalogue, found.views()) == (InMemory(name="small", digest="a" * 64, num_ctx=4096),)


def test_a_list_of_models_is_of_now() -> None:
    found = fleet()
    offering = Offering(found, ("assistant",))
    assert offering.list() == offers_of(found.catalogue, found.views(), ("assistant",))
    assert [one.num_ctx for one in offering.in_memory()] == [4096]
    found.looked("b", Look("0.33.0", {}, {"small:latest": 512}))
    assert [one.num_ctx for one in offering.in_memory()] == [2048]


def test_a_name_of_several_models_takes_what_one_of_all_models_does() -> None:
    found = fleet()
    for told, sees, tools in (
        ({"small:latest": Traits(sees=True)}, True, True),
        ({"small:latest": Traits(), "large:8b": Traits()}, False, False),
        ({"small:latest": Traits(), "large:8b": Traits(sees=True, uses_tools=True)}, True, True),
    ):
        views = [replace(view, traits=told) for view in found.views()]
        by_name = {offer.name: offer for offer in offers_of(found.catalogue, views, ())}
        for name in ("auto", "simple", "complex"):
            assert (by_name[name].sees, by_name[name].uses_tools) == (sees, tools)
