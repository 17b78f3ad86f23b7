"""A question is likest to the group of exemplars that means the same; nothing is said where nobody can tell."""

from collections.abc import Sequence

from app.agents.effects import Effects
from app.agents.likening import ExemplarVectors, Likeness, Likening
from app.errors import NoNodeAvailable
from app.inference.words.records import Embedding
from tests.fakes.runs import KeptEffects

GROUPS = {"bills": ("what do i owe", "my invoice"), "claims": ("my accident",), "none": ()}
PLACES = {"what do i owe": (2.0, 0.0), "my invoice": (1.0, 1.0), "my accident": (0.0, 3.0), "the bill": (5.0, 0.1)}


class Embedder:
    """Places texts on a plane; `digests` are those of its next answers."""

    def __init__(self, *digests: str) -> None:
        self.digests = list(digests)
        self.asked: list[list[str]] = []

    async def __call__(self, texts: Sequence[str]) -> Embedding:
        """Return where they are."""
        self.asked.append(list(texts))
        if not self.digests:
            raise NoNodeAvailable("nobody embeds")
        vectors = tuple(PLACES[text] for text in texts)
        return Embedding(vectors=vectors, digest=self.digests.pop(0), usage=None)


def likening(embedder: Embedder, effects: Effects | None = None, kept: ExemplarVectors | None = None) -> Likening:
    return Likening(effects or KeptEffects(), embedder, kept or ExemplarVectors())


async def test_the_group_with_the_nearest_exemplar_is_likest_and_how_far_the_next_one_is_is_said() -> None:
    found = await likening(Embedder("a", "a")).likest("p", "the bill", GROUPS)
    assert found == Likeness("bills", 0.9998, 0.9798)


async def test_exemplars_are_embedded_once_in_a_process_and_anew_by_other_weights() -> None:
    kept, embedder = ExemplarVectors(), Embedder("a", "a", "a", "b", "b")
    for _ in range(3):
        assert (await likening(embedder, kept=kept).likest("p", "the bill", GROUPS)).best == "bills"
    exemplars = ["what do i owe", "my invoice", "my accident"]
    assert embedder.asked == [["the bill"], exemplars, ["the bill"], ["the bill"], exemplars]


async def test_vectors_of_two_models_are_not_compared() -> None:
    assert await likening(Embedder("a", "b")).likest("p", "the bill", GROUPS) == Likeness()


async def test_nothing_is_likest_where_nobody_embeds_and_that_stands_in_every_attempt() -> None:
    effects = KeptEffects()
    assert await likening(Embedder(), effects).likest("p", "the bill", GROUPS) == Likeness()
    later = Embedder("a", "a")
    assert await likening(later, effects.again()).likest("p", "the bill", GROUPS) == Likeness()
    assert later.asked == []


async def test_nothing_is_likest_among_nothing() -> None:
    assert await likening(Embedder("a", "a")).likest("p", "the bill", {}) == Likeness()


async def test_a_stored_likeness_is_replayed_when_an_upgrade_has_changed_the_exemplars() -> None:
    effects = KeptEffects()
    before = await likening(Embedder("a", "a"), effects).likest("p", "the bill", GROUPS)
    changed = {**GROUPS, "bills": ("another exemplar",)}
    later = Embedder()
    assert await likening(later, effects.again()).likest("p", "the bill", changed) == before
    assert later.asked == []


async def test_what_weights_said_first_stands_when_an_upgrade_has_changed_them() -> None:
    effects = KeptEffects()
    first = await likening(Embedder("a"), effects).weigh("p", "w", "the bill", ["the bill"], lambda _, to: tuple(to))
    assert first == {"the bill": (5.0, 0.1)}
    later = Embedder()
    again = await likening(later, effects.again()).weigh("p", "w", "the bill", ["bill"], lambda _, to: tuple(to[:0]))
    assert (again, later.asked) == (first, [])


async def test_nothing_is_said_of_a_meaning_that_nobody_embeds() -> None:
    assert await likening(Embedder()).weigh("p", "w", "the bill", ["the bill"], lambda _, to: tuple(to)) == {}
