"""A question's vector, which its search had made, reaches the rating; none is made for the rating alone."""

from collections.abc import Callable, Sequence
from typing import cast

import msgspec
import pytest

from app.inference.calls.dispatcher import Dispatcher
from app.inference.routing.complexity import SHIPPED, read_weights
from app.inference.words.ends import FinishReason
from app.inference.words.records import Answer, CallKind, ChatCall, Embedding, Outcome, Usage, Vector
from tests.fakes.held import OF_A_TENANT
from tests.fakes.models import usage
from tests.fakes.runner import ROUTE
from tests.fakes.runs import CLAIM
from tests.fakes.search import FoundSearch
from tests.fakes.work import attempt

NUMBERS = (0.6, 0.8)
TOOK = usage(OF_A_TENANT, CallKind.EMBED, "retrieval", Outcome.DONE)


def embedding_search() -> FoundSearch:
    """A search that has its question embedded, and finds nothing."""
    search = FoundSearch()
    search.embeds = True
    return search


class Models:
    """A dispatcher that embeds everything to the same vector, and notes what it is asked."""

    def __init__(self) -> None:
        self.embedded: list[str] = []
        self.vector: Vector | None = None

    async def embed(self, texts: Sequence[str], **_: object) -> Embedding:
        """Note the texts."""
        self.embedded.extend(texts)
        return Embedding(vectors=(NUMBERS,) * len(texts), digest=TOOK.digest, usage=TOOK)

    async def chat(self, call: ChatCall, *, on_delta: Callable[[str], None], **_: object) -> Answer:
        """Note the vector."""
        self.vector = call.vector
        on_delta("One.")
        return Answer(
            text="",
            thinking="",
            usage=cast("Usage", None),
            route=ROUTE,
            continued=False,
            finish_reason=FinishReason.STOP,
        )


async def test_the_vector_of_the_searched_question_goes_with_the_call_to_be_rated() -> None:
    models = Models()
    work = attempt(models, embedding_search()).work()
    await work.search(CLAIM.question, limit=3)
    await work.answer("assistant", "p")
    assert models.vector == Vector(NUMBERS, TOOK.digest)
    assert models.embedded == [CLAIM.question]


@pytest.mark.parametrize("searched", [(), ("another text",)])
async def test_without_a_search_for_the_question_no_vector_is_made(searched: tuple[str, ...]) -> None:
    models = Models()
    work = attempt(models, embedding_search()).work()
    for text in searched:
        await work.search(text, limit=3)
    await work.answer("assistant", "p")
    assert models.vector is None
    assert models.embedded == list(searched)


def test_a_call_is_rated_by_its_vector_too() -> None:
    shipped = read_weights(SHIPPED).prototypes
    assert shipped is not None
    dispatcher = Dispatcher.__new__(Dispatcher)
    question = "Tom has 12 apples and gives 5 to Ann. How many apples are left?"
    call = ChatCall(messages=(), question=question, agent="a", account=OF_A_TENANT, max_tokens=1, temperature=None)
    unit = (1.0, *[0.0] * (shipped.size - 1))
    near = msgspec.structs.replace(call, vector=Vector(unit, shipped.digest))
    other = msgspec.structs.replace(call, vector=Vector(unit, "another"))
    need = dispatcher._rating(call).need  # pyright: ignore[reportPrivateUsage]
    assert dispatcher._rating(near).need != need  # pyright: ignore[reportPrivateUsage]
    assert dispatcher._rating(other).need == need  # pyright: ignore[reportPrivateUsage]
