"""A prediction is compared with what the call took."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest

from app.inference.accuracy import Loading, Part, compare, loading_of
from app.inference.words.account import Account, Purpose
from app.inference.words.records import CallKind, Outcome, Usage
from app.inference.words.route import Candidate
from app.inference.words.tiers import Tier

PREDICTED = Candidate(node="n", model="m", tier=Tier.SIMPLE, load_s=4.0, prefill_s=1.0, decode_s=5.0, gpu_s=20.0)
BEGUN = datetime(2026, 3, 1, tzinfo=UTC)
TOOK = Usage(
    id=uuid4(),
    account=Account(purpose=Purpose.CHAT),
    kind=CallKind.CHAT,
    agent="a",
    route=None,
    tier=Tier.SIMPLE,
    node="n",
    model="m",
    digest="",
    input_tokens=1,
    output_tokens=1,
    wait_us=9_000_000,
    load_us=2_000_000,
    prefill_us=500_000,
    decode_us=10_000_000,
    first_token_us=1,
    gpu_us=20_000_000,
    cost_usd_micro=0,
    outcome=Outcome.DONE,
    started_at=BEGUN,
    ended_at=BEGUN + timedelta(seconds=15),
)


def test_each_part_is_measured_over_what_was_predicted() -> None:
    assert dict(compare(PREDICTED, TOOK)) == {
        Part.LOAD: 0.5,
        Part.PREFILL: 0.5,
        Part.DECODE: 2.0,
        Part.COMPLETION: 1.5,
        Part.GPU: 1.0,
    }


def test_what_is_too_short_to_tell_is_left_out() -> None:
    warm = msgspec.structs.replace(PREDICTED, load_s=0.0, prefill_s=0.001)
    assert set(dict(compare(warm, TOOK))) == {Part.DECODE, Part.COMPLETION, Part.GPU}


@pytest.mark.parametrize(
    ("resident", "load_us", "loading"),
    [
        (False, 2_000_000, Loading.FORESEEN),
        (True, 2_000_000, Loading.UNFORESEEN),
        (False, 20_000, None),
        (True, 20_000, None),
    ],
)
def test_a_load_is_told_from_the_look_at_a_model_in_memory(
    *, resident: bool, load_us: int, loading: Loading | None
) -> None:
    predicted = msgspec.structs.replace(PREDICTED, resident=resident)
    assert loading_of(predicted, msgspec.structs.replace(TOOK, load_us=load_us)) is loading
