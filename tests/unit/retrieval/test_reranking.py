"""A reranker changes the order of the first passages, and a search never fails or waits long for it."""

from uuid import uuid4

import httpx
import pytest

from app.ids import ChunkId, DocumentId
from app.retrieval.passages import Passage
from app.retrieval.reranking import FAILURES, OPEN_FOR_S, Reranker, RerankerFailed, open_reranker
from tests.fakes.reranker import FakeReranker, Form

URL = "http://reranker.test/v1/rerank"


class Clock:
    """Seconds that pass when somebody says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def passage(text: str, *, heading: str = "", title: str = "") -> Passage:
    return Passage(ChunkId(uuid4()), DocumentId(uuid4()), "a.md", heading, text, 0, len(text), 0.5, title=title)


BREAD, OVEN, KILN = passage("Bread."), passage("A kiln is an oven."), passage("The kiln: a kiln holds kiln plates.")


def reranker(fake: FakeReranker, *, candidates: int = 20, limit_s: float = 5.0, clock: Clock | None = None) -> Reranker:
    return Reranker(fake.client(), URL, model="m", candidates=candidates, limit_s=limit_s, clock=clock or Clock())


@pytest.mark.parametrize("form", Form)
async def test_the_first_passages_come_in_its_order_with_the_scores_that_they_had(form: Form) -> None:
    fake = FakeReranker(form)
    found = await reranker(fake, candidates=3).ordered("kiln", [BREAD, OVEN, KILN, BREAD])
    assert found == [KILN, OVEN, BREAD, BREAD]
    (asked,) = fake.asked
    assert (asked["query"], asked["model"], asked["truncate"]) == ("kiln", "m", True)
    assert asked["documents"] == asked["texts"] == [BREAD.text, OVEN.text, KILN.text]


async def test_it_reads_title_and_headings_with_a_passage() -> None:
    fake = FakeReranker()
    await reranker(fake).ordered("kiln", [passage("48 plates.", heading="Kiln > Limits", title="The kiln"), BREAD])
    assert fake.asked[0]["documents"][0] == "The kiln\nKiln > Limits\n48 plates."


async def test_equals_stay_in_their_order_and_a_single_passage_is_not_asked_about() -> None:
    fake = FakeReranker()
    same = [passage("Bread."), passage("Bread."), passage("Bread.")]
    assert await reranker(fake).ordered("kiln", same) == same
    assert await reranker(fake).ordered("kiln", [KILN]) == [KILN]
    assert len(fake.asked) == 1


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(501, json={"error": {"message": "This server does not support reranking."}}),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, json={"results": [{"index": 0, "relevance_score": 0.5}]}),
        httpx.Response(200, json=[{"index": 0, "score": 0.5}, {"index": 0, "score": 0.6}]),
        httpx.Response(200, json=[{"index": 0, "score": 0.5}, {"index": 7, "score": 0.6}]),
        httpx.Response(200, json=[{"index": 0, "score": 0.5}, {"index": 1, "score": None}]),
        httpx.Response(200, json=[{"index": 0, "score": 1}, {"index": 1, "score": 2}, {"index": 2, "score": 3}]),
    ],
)
async def test_an_answer_without_a_score_for_each_passage_is_a_failure(reply: httpx.Response) -> None:
    fake = FakeReranker()
    fake.reply = reply
    with pytest.raises(RerankerFailed):
        await reranker(fake).ordered("kiln", [BREAD, KILN])


async def test_it_is_waited_for_no_longer_than_its_limit() -> None:
    fake = FakeReranker()
    fake.silent = True
    with pytest.raises(RerankerFailed, match=r"no answer within 0\.01 s"):
        await reranker(fake, limit_s=0.01).ordered("kiln", [BREAD, KILN])


async def test_what_keeps_failing_is_left_alone_and_tried_again_later() -> None:
    fake, clock = FakeReranker(), Clock()
    fake.reply = httpx.Response(500)
    asking = reranker(fake, clock=clock)
    for _ in range(FAILURES + 2):
        with pytest.raises(RerankerFailed):
            await asking.ordered("kiln", [BREAD, KILN])
    assert len(fake.asked) == FAILURES
    clock.now_s += OPEN_FOR_S
    fake.reply = None
    assert await asking.ordered("kiln", [BREAD, KILN]) == [KILN, BREAD]


async def test_without_an_address_there_is_none() -> None:
    async with open_reranker(None, key=None, model=None, candidates=20, limit_s=1.0) as found:
        assert found is None
