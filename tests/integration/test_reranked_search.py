"""A reranker orders what a search found, and a search does without it."""

import ssl
from functools import partial
from pathlib import Path

import httpx
import msgspec
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from app.degradation import Degradation
from app.retrieval.reranking import Reranker, RerankerFailed, open_reranker
from app.retrieval.search import Search
from tests.fakes.certificate import make_certificate
from tests.fakes.reranker import FakeReranker
from tests.fakes.retrieval import Retrieval
from tests.fakes.search import PASSAGE
from tests.integration.retrieval_fixtures import retrieval as retrieval
from tests.integration.test_search import BREAD, KILN

pytestmark = pytest.mark.integration


async def test_a_reranker_orders_what_the_search_found_and_without_its_answer_nothing_changes(
    retrieval: Retrieval,
) -> None:
    tenant, fake = await retrieval.tenant(), FakeReranker(likes="door")
    for name, text in (("kiln.md", KILN), ("bread.md", BREAD), ("door.md", "A door, a door and a door, and plates.")):
        await retrieval.ingested(tenant, name, text)
    reranker = Reranker(fake.client(), "http://reranker.test/rerank", model=None, candidates=20, limit_s=5.0)
    question = "plates of kiln"
    plain = await retrieval.search.find(tenant, question, embed=retrieval.embedding, limit=5)
    search = Search(retrieval.database, retrieval.editions, reranker=reranker)
    ordered = await search.find(tenant, question, embed=retrieval.embedding, limit=5)
    assert ordered.passages[0].document == "door.md" != plain.passages[0].document
    assert {one.chunk_id: one.score for one in ordered.passages} == {one.chunk_id: one.score for one in plain.passages}
    assert (ordered.degraded, plain.degraded) == ((), ())
    fake.reply = httpx.Response(503)
    with capture_logs() as logs:
        lacking = await search.find(tenant, question, embed=retrieval.embedding, limit=5)
    assert (lacking.passages, lacking.degraded) == (plain.passages, (Degradation.RERANK,))
    assert [(entry["event"], entry["detail"]) for entry in logs] == [("search.not_reranked", "status 503")]


async def test_a_reranker_whose_certificate_is_of_a_ca_of_ones_own_is_asked_with_that_ca(tmp_path: Path) -> None:
    certificate, key = make_certificate("localhost")
    (tmp_path / "ca.pem").write_text(certificate, encoding="ascii")
    (tmp_path / "key.pem").write_text(key, encoding="ascii")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "ca.pem", tmp_path / "key.pem")
    app = web.Application()
    app.router.add_post("/rerank", second_first)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        url = f"https://localhost:{runner.addresses[0][1]}/rerank"
        passages = [PASSAGE, msgspec.structs.replace(PASSAGE, text="A door.")]
        opened = partial(open_reranker, url, key=None, model=None, candidates=9, limit_s=10.0)
        async with opened(tls_ca=str(tmp_path / "ca.pem")) as known, opened() as unknown:
            assert known is not None
            assert unknown is not None
            assert await known.ordered("?", passages) == passages[::-1]
            with pytest.raises(RerankerFailed, match="CERTIFICATE_VERIFY_FAILED"):
                await unknown.ordered("?", passages)
    finally:
        await runner.cleanup()


async def second_first(_: web.Request) -> web.Response:
    """Answer as Text Embeddings Inference does."""
    return web.json_response([{"index": 1, "score": 0.9}, {"index": 0, "score": 0.1}])
