"""What a call is predicted to take, what it took, and how a node's time is divided among calls."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.inference.estimates import (
    UNKNOWN,
    Meter,
    Reported,
    Speed,
    attributed_us,
    cost_usd_micro,
    crowded,
    divide,
    expected_output,
    measure,
    predict,
    stand_in,
    turn_s,
)

weights = st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=20)
# (what, which call, microseconds since the last event, tokens since the last tick)
events = st.lists(
    st.tuples(
        st.sampled_from(["start", "tick", "end"]),
        st.integers(0, 5),
        st.integers(0, 10_000_000),
        st.integers(0, 500),
    ),
    max_size=60,
)


@given(total=st.integers(0, 10**12), weights=weights)
def test_the_parts_are_whole_and_add_up_exactly(total: int, weights: list[float]) -> None:
    parts = divide(total, weights)
    assert sum(parts) == total
    assert min(parts) >= 0


@given(total=st.integers(0, 10**9), weights=weights)
def test_each_part_is_proportional_to_within_one(total: int, weights: list[float]) -> None:
    whole = sum(weights)
    if whole > 1e-3:
        for part, weight in zip(divide(total, weights), weights, strict=True):
            assert part == pytest.approx(total * weight / whole, abs=1.01)


def test_calls_without_any_weight_share_equally() -> None:
    assert divide(10, [0.0, 0.0]) == [5, 5]


@given(events=events, gpus=st.integers(1, 8))
def test_over_any_interval_no_more_is_attributed_than_wall_time_times_gpus(
    events: list[tuple[str, int, int, int]], gpus: int
) -> None:
    meter = Meter(gpus=gpus, at_us=1_000)
    active: dict[str, int] = {}
    now_us, busy_us, ended_us = 1_000, 0, 0
    for what, number, elapsed_us, tokens in events:
        call = f"call-{number}"
        now_us += elapsed_us
        busy_us += elapsed_us * gpus if active else 0
        if what == "start" and call not in active:
            meter.start(call, now_us, expected_rate=40.0)
            active[call] = 0
        elif what == "tick" and call in active:
            active[call] += tokens
            meter.tick(call, active[call], now_us)
        elif what == "end" and call in active:
            ended_us += meter.end(call, now_us)
            del active[call]
        else:
            meter.advance(now_us)
        # Exact at every event: what ended and what runs have together what the node was busy for.
        assert ended_us + sum(share.gpu_us for share in meter.shares) == busy_us


def test_overlapping_calls_share_by_their_latest_token_rates() -> None:
    meter = Meter()
    meter.start("fast", 0, expected_rate=40.0)
    meter.start("slow", 0, expected_rate=40.0)
    meter.tick("fast", 30, 1_000_000)
    meter.tick("slow", 10, 1_000_000)
    assert [meter.end("fast", 2_000_000), meter.end("slow", 2_000_000)] == [500_000 + 750_000, 500_000 + 250_000]


def test_a_call_before_its_first_token_counts_with_the_expected_rate() -> None:
    meter = Meter()
    meter.start("decoding", 0, expected_rate=1.0)
    meter.tick("decoding", 30, 1_000_000)
    meter.start("prefilling", 1_000_000, expected_rate=10.0)
    assert meter.end("prefilling", 2_000_000) == 250_000


def test_the_rate_of_a_call_is_of_the_time_since_its_last_tick() -> None:
    meter = Meter(at_us=5_000_000)
    meter.start("early", 5_000_000, expected_rate=1.0)
    meter.start("late", 6_000_000, expected_rate=1.0)
    meter.tick("early", 30, 8_000_000)
    meter.tick("late", 20, 8_000_000)
    # 30 tokens in three seconds and 20 in two are the same rate.
    before = {share.call: share.gpu_us for share in meter.shares}
    meter.advance(9_000_000)
    assert [share.gpu_us - before[share.call] for share in meter.shares] == [500_000, 500_000]


def test_a_call_that_stalls_weighs_nothing_beside_one_that_does_not() -> None:
    meter = Meter()
    meter.start("stalled", 0, expected_rate=1.0)
    meter.start("busy", 0, expected_rate=1.0)
    meter.tick("stalled", 10, 1_000_000)
    meter.tick("busy", 10, 1_000_000)
    meter.tick("stalled", 10, 2_000_000)
    meter.tick("busy", 20, 2_000_000)
    assert meter.end("stalled", 3_000_000) == 1_000_000


def test_a_clock_that_steps_back_attributes_nothing() -> None:
    meter = Meter(at_us=500)
    meter.start("call", 1_000, expected_rate=1.0)
    meter.advance(400)
    assert meter.end("call", 1_000) == 0


@given(gpu_us=st.integers(0, 10**13), price=st.integers(0, 10**9))
def test_a_cost_is_rounded_half_up(gpu_us: int, price: int) -> None:
    cost = cost_usd_micro(gpu_us, price)
    assert (2 * cost - 1) * 3_600_000_000 <= 2 * gpu_us * price < (2 * cost + 1) * 3_600_000_000


@pytest.mark.requirement("INS-01.use")
def test_an_hour_of_a_gpu_costs_its_price() -> None:
    assert cost_usd_micro(3_600_000_000, 360_000) == 360_000
    assert cost_usd_micro(5_000, 360_000) == 1
    assert cost_usd_micro(4_999, 360_000) == 0


def test_a_call_is_attributed_no_more_than_the_node_worked() -> None:
    assert attributed_us(900, 500, gpus=1) == 500
    assert attributed_us(900, 500, gpus=2) == 900
    assert attributed_us(900, None, gpus=1) == 900


def test_a_call_is_predicted_from_its_tokens_and_the_speed_of_the_node() -> None:
    speed = Speed(tokens_per_s=40.0, prefill_per_s=800.0, load_s=5.0)
    cold = predict(speed, prompt_tokens=1600, output_tokens=100, is_resident=False)
    assert (cold.load_s, cold.prefill_s, cold.decode_s, cold.total_s) == (5.0, 2.0, 2.5, 9.5)
    assert cold.gpu_us(gpus=2) == 19_000_000
    warm = predict(speed, prompt_tokens=320, output_tokens=100, is_resident=True)
    assert (warm.load_s, warm.prefill_s, warm.decode_s) == (0.0, 0.4, 2.5)


def test_output_is_expected_to_be_half_of_what_is_allowed_until_it_was_seen() -> None:
    assert expected_output(None, 200) == 100
    assert expected_output(30.0, 200) == 30
    assert expected_output(300.0, 200) == 200


def test_the_first_of_a_nodes_slots_is_free_after_a_part_of_a_call() -> None:
    assert [turn_s(6.0, slots) for slots in (1, 2, 5)] == [3.0, 2.0, 1.0]


def test_what_a_node_did_not_show_yet_is_as_expected() -> None:
    expected = Speed(40.0, 800.0, 5.0)
    assert Speed(20.0, 0.0, 0.0).or_else(expected) == Speed(20.0, 800.0, 5.0)
    assert UNKNOWN.or_else(expected) == expected
    assert UNKNOWN.blend(Speed(20.0, 0.0, 3.0)) == Speed(20.0, 0.0, 3.0)
    assert Speed(10.0, 500.0, 4.0).blend(Speed(20.0, 0.0, 0.0)) == Speed(13.0, 500.0, 4.0)


def test_a_call_tells_how_fast_its_node_is_where_it_is_long_enough_to_tell() -> None:
    long = Reported(input_tokens=100, output_tokens=50, load_us=3_000_000, prefill_us=200_000, decode_us=1_000_000)
    assert long.worked_us == 4_200_000
    assert measure(long, was_resident=False, was_cached=False) == Speed(50.0, 500.0, 3.0)
    assert measure(long, was_resident=True, was_cached=True) == Speed(50.0, 0.0, 0.0)
    short = Reported(input_tokens=15, output_tokens=16, load_us=0, prefill_us=200_000, decode_us=1_999)
    assert measure(short, was_resident=True, was_cached=False) == UNKNOWN
    assert Reported(5, 5, 0, 0, 0).worked_us is None


def test_what_was_seen_stands_in_for_a_node_that_did_not_report() -> None:
    assert stand_in(30, 7, seen_us=900, life_us=400) == Reported(30, 7, 0, prefill_us=400, decode_us=500)
    assert stand_in(30, 0, seen_us=900, life_us=0) == Reported(0, 0, 0, prefill_us=900, decode_us=0)


def test_a_score_rises_with_the_share_of_slots_that_are_taken() -> None:
    assert [crowded(100.0, 40.0, taken=taken, slots=4) for taken in (0, 1, 4)] == [100.0, 110.0, 140.0]
