"""Arrivals of the open loop, and the parts of a request."""

import random

from app.inference.fleet.catalogue import parse_catalogue
from app.inference.words.tiers import Tier
from ops.bench.client import Target
from ops.bench.load import poisson
from ops.bench.parts import ADDRESSES, EMBED, FAST, PACED, TEXT, catalogue


def source(seed: int) -> random.Random:
    """Return a source of arrivals."""
    return random.Random(seed)  # noqa: S311 - arrivals, not secrets


def test_arrivals_come_at_the_asked_rate_in_order() -> None:
    times = poisson(100.0, 200.0, source(1))
    assert times == sorted(times)
    assert 0 < times[0] < times[-1] < 200.0
    # 20,000 expected, with a deviation of 141.
    assert 19_300 < len(times) < 20_700


def test_arrivals_are_the_same_for_the_same_seed() -> None:
    assert poisson(10.0, 5.0, source(7)) == poisson(10.0, 5.0, source(7))


def test_a_request_is_complete_http() -> None:
    request = Target.of("http://127.0.0.1:81/a/b").post(b'{"a":1}', {"authorization": "Bearer x"}, b"m")
    head, _, body = request.raw.partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == b"POST /a/b HTTP/1.1"
    assert {b"host: 127.0.0.1:81", b"content-length: 7", b"authorization: Bearer x"} <= set(head.split(b"\r\n"))
    assert body == b'{"a":1}'


def test_the_fake_node_is_declared_so_that_simple_and_complex_questions_go_apart() -> None:
    declared = parse_catalogue(catalogue(1))
    assert len(declared.nodes) == len(ADDRESSES)
    assert [model.name for model in declared.serving(Tier.SIMPLE)] == [FAST]
    assert [model.name for model in declared.serving(Tier.COMPLEX)] == [PACED]
    assert declared.find(EMBED) is not None


def test_the_answer_has_the_twenty_tokens_that_the_report_speaks_of() -> None:
    assert len(TEXT) == 20
