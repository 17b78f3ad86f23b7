"""/api/v1/search: the caller's own documents, told with places, scores and what they mean."""

from urllib.parse import urlencode

import pytest

from app.errors import DocumentUnknown, NoNodeAvailable, StoreUnavailable
from app.inference.words.account import Purpose
from app.retrieval.filters import DocumentFilter
from app.retrieval.media import MediaType
from app.retrieval.scope import ALL, Scope
from app.retrieval.search import Looked, SearchOutcome
from tests.fakes.asgi import Client
from tests.fakes.platform import TENANT_A, TENANT_B, FakePlatform
from tests.fakes.search import PASSAGE, Asked

SEARCH = "/api/v1/search"
QUESTION = "How many plates?"
EVERY = {
    "documents": ["kiln.pdf"],
    "set": "manuals",
    "tags": ["a", "b"],
    "ticker": "kln",
    "date_from": "2023-01-01",
    "date_to": "2023-12-31",
    "media_types": ["application/pdf"],
}
SCOPE = Scope(
    documents=("kiln.pdf",),
    media_types=(MediaType.PDF,),
    among=DocumentFilter(
        set_name="manuals", ticker="KLN", tags=("a", "b"), date_from="2023-01-01", date_to="2023-12-31"
    ),
)


async def test_a_passage_is_told_with_its_place_its_score_and_what_that_means(client: Client) -> None:
    told = (await client.get(f"{SEARCH}?{urlencode({'question': QUESTION})}")).json()
    assert (told["outcome"], told["best_score"], told["floor"]) == ("found", 0.7123, 0.0125)
    assert told["degraded"] == []
    assert (told["tokens"], told["budget_tokens"]) == (12, 4000)
    assert told["score_meaning"].startswith("From 0 to 1")
    assert told["passages"] == [
        {
            "document_id": str(PASSAGE.document_id),
            "document": "kiln.pdf",
            "title": "The kiln",
            "page": 3,
            "heading": "Kiln > Limits",
            "start_offset": 120,
            "end_offset": 143,
            "text": "A kiln holds 48 plates.",
            "lead": "",
            "score": 0.7123,
            "also": ["oven.pdf"],
        }
    ]


async def test_a_query_and_a_body_ask_the_same(client: Client, platform: FakePlatform) -> None:
    pairs = [("question", QUESTION), ("limit", "7"), ("budget_tokens", "900"), ("document", "kiln.pdf")]
    pairs += [("set", "manuals"), ("tag", "a"), ("tag", "b"), ("ticker", "kln"), ("media_type", "application/pdf")]
    pairs += [("date_from", "2023-01-01"), ("date_to", "2023-12-31")]
    body = {"question": QUESTION, "limit": 7, "budget_tokens": 900, "filters": EVERY}
    replies = [await client.get(f"{SEARCH}?{urlencode(pairs)}"), await client.post(SEARCH, body)]
    assert [reply.status for reply in replies] == [200, 200]
    assert platform.search.asked == [Asked(TENANT_A, QUESTION, 7, 900, SCOPE)] * 2


async def test_a_search_is_for_the_callers_tenant_and_paid_by_it(other: Client, platform: FakePlatform) -> None:
    await other.post(SEARCH, {"question": QUESTION})
    assert platform.search.asked == [Asked(TENANT_B, QUESTION, 10, 4000, ALL)]
    ((texts, _, account),) = platform.dispatcher.embedded
    assert (texts, account.purpose, account.tenant_id) == ((QUESTION,), Purpose.SEARCH, TENANT_B)
    assert [usage.account for usage in platform.book.taken] == [account]


async def test_nothing_found_is_said_with_the_best_score_there_was(client: Client, platform: FakePlatform) -> None:
    platform.search.looked = Looked(SearchOutcome.NOTHING_FOUND, (), 0.0123)
    told = (await client.post(SEARCH, {"question": QUESTION})).json()
    assert (told["outcome"], told["passages"], told["best_score"]) == ("nothing_found", [], 0.0123)


async def test_without_a_caller_nothing_is_searched(stranger: Client, platform: FakePlatform) -> None:
    for reply in (await stranger.get(f"{SEARCH}?question=x"), await stranger.post(SEARCH, {"question": "x"})):
        assert (reply.status, reply.json()["code"]) == (401, "key_unknown")
    assert (platform.search.asked, platform.dispatcher.embedded) == ([], [])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "question"),
        ("question=", "question"),
        ("question=%20", "question"),
        ("question=%00x", "question"),
        ("question=x&question=y", "question"),
        ("question=x&limit=0", "limit"),
        ("question=x&limit=51", "limit"),
        ("question=x&limit=ten", "limit"),
        ("question=x&budget_tokens=4001", "budget_tokens"),
        ("question=x&budget_tokens=-1", "budget_tokens"),
        ("question=x&date_from=yesterday", "date_from"),
        ("question=x&media_type=image/png", "filters.media_types[0]"),
        ("question=x&tag=%00", "tags"),
        ("question=x&document=%00", "documents"),
        ("question=x&set=%0A", "set"),
        ("question=x&ticker=a&ticker=b", "ticker"),
        ("question=x&tenant_id=b", "tenant_id"),
    ],
)
async def test_a_wrong_query_is_refused_by_field(
    client: Client, platform: FakePlatform, query: str, field: str
) -> None:
    reply = await client.get(f"{SEARCH}?{query}")
    assert (reply.status, reply.json()["code"], reply.json().get("field")) == (422, "bad_input", field)
    assert platform.search.asked == []


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (DocumentUnknown("no such document"), 404, "document_unknown"),
        (NoNodeAvailable("nobody embeds"), 503, "no_node_available"),
        (StoreUnavailable("away", store="qdrant"), 503, "store_unavailable"),
    ],
)
async def test_what_keeps_a_search_from_its_end_is_told(
    client: Client, platform: FakePlatform, error: Exception, status: int, code: str
) -> None:
    platform.search.refusal = error
    reply = await client.post(SEARCH, {"question": QUESTION})
    assert (reply.status, reply.json()["code"]) == (status, code)
