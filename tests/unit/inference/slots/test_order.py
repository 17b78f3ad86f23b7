"""Whose turn it is, and who may wait: the pure rules."""

from dataclasses import replace

import pytest

from app.inference.slots.lanes import Lane, lane_of
from app.inference.slots.order import Order, Turn, Waiting
from app.inference.slots.outlook import Bounds, Outlook, is_late, outlook, overload
from app.inference.words.overload import Overload
from app.inference.words.priority import Priority
from app.inference.words.records import CallKind

S = 1_000_000
WIDE = Bounds(places=10, tenant_places=10, wait_us=600 * S)


def call(
    name: str, tenant: str = "t", *, cost_s: float = 1.0, came_s: float = 0.0, lane: Lane = Lane.INTERACTIVE
) -> Waiting:
    """Return a call that any of four slots of one node could serve."""
    cost_us = round(cost_s * S)
    return Waiting(
        id=name, queue="simple", lane=lane, tenant=tenant, guess_us=cost_us, cost_us=cost_us,
        came_us=round(came_s * S), till_us=10**12, replica="r", nodes=(("n", 4),),
    )  # fmt: skip


def waiting(*calls: Waiting) -> Order:
    """Return an order in which these wait."""
    order = Order()
    for one in calls:
        order.add(one)
    return order


def served(order: Order, now_s: float = 0.0) -> list[str]:
    """Return the names of all that wait, in the order of their turns."""
    names: list[str] = []
    while (turn := order.next(round(now_s * S), lambda _call: True)) is not None:
        order.charge(turn.call, round(now_s * S))
        names.append(turn.call.id)
    return names


def test_tenants_take_turns_by_the_gpu_time_of_their_calls_not_by_their_number() -> None:
    heavy = [call(f"h{number}", "heavy", cost_s=3.0, came_s=number / 1000) for number in range(3)]
    light = [call(f"l{number}", "light", cost_s=1.0, came_s=1 + number / 1000) for number in range(6)]
    assert served(waiting(*heavy, *light)) == ["h0", "l0", "l1", "l2", "h1", "l3", "l4", "l5", "h2"]


def test_what_a_call_took_beyond_what_was_expected_is_its_tenants_deficit_and_what_it_did_not_take_is_given_back() -> (
    None
):
    order = waiting(call("a", "one"), call("b", "two"))
    assert served(order) == ["a", "b"]
    order.settle(Lane.INTERACTIVE, "one", S, 5 * S)
    order.settle(Lane.INTERACTIVE, "two", S, S // 2)
    flows = order.lines[Lane.INTERACTIVE].flows
    assert (flows["one"].charged_us, flows["two"].charged_us) == (5 * S, S // 2)
    assert order.deficit_us(Lane.INTERACTIVE) == 5 * S
    for name, tenant in (("c", "one"), ("d", "two"), ("e", "two")):
        order.add(call(name, tenant))
    assert served(order) == ["d", "e", "c"]


def test_who_comes_anew_saves_up_no_turns_and_is_not_behind_for_what_others_have_under_way() -> None:
    order = waiting(*(call(f"h{number}", "heavy", came_s=number) for number in range(4)))
    for _ in range(2):
        turn = order.next(0, lambda _call: True)
        assert turn is not None
        order.charge(turn.call, 0)
    order.settle(Lane.INTERACTIVE, "heavy", S, S)
    order.add(call("l0", "light"))
    flows = order.lines[Lane.INTERACTIVE].flows
    # When the heavy tenant was served last, nothing of its own was certain.
    assert (flows["heavy"].charged_us, flows["light"].charged_us) == (2 * S, 0)
    assert served(order)[0] == "l0"


def test_within_a_tenant_the_shorter_goes_first_but_not_for_ever() -> None:
    long, short, late = (
        call("long", cost_s=100.0),
        call("short", cost_s=1.0, came_s=20.0),
        call("late", cost_s=1.0, came_s=27.0),
    )
    assert served(waiting(long, short, late)) == ["short", "long", "late"]


def test_who_was_not_served_for_two_minutes_goes_before_all_deficits() -> None:
    order = waiting(call("a", "indebted"), call("b", "other"))
    order.lines[Lane.INTERACTIVE].flows["indebted"].charged_us = 900 * S
    assert order.next(119 * S, lambda _call: True) == Turn(call("b", "other"), starved=False)
    order.add(call("c", "other", came_s=100.0))
    assert order.next(121 * S, lambda _call: True) == Turn(call("a", "indebted"), starved=True)


def test_a_lane_that_was_not_served_for_two_minutes_goes_before_all_shares() -> None:
    batch = call("b", "t", lane=Lane.BATCH)
    order = waiting(batch, *(call(f"i{number}", "t", came_s=100.0) for number in range(2)))
    order.lines[Lane.BATCH].charged_us = 900 * S
    assert order.next(119 * S, lambda _call: True) == Turn(call("i0", "t", came_s=100.0), starved=False)
    order.lines[Lane.BATCH].flows["t"].served_us = 100 * S
    assert order.next(121 * S, lambda _call: True) == Turn(batch, starved=True)


def test_a_lane_that_had_less_of_its_share_goes_first_and_one_that_waits_alone_has_all() -> None:
    batch = [call(f"b{number}", "t", lane=Lane.BATCH, came_s=number) for number in range(3)]
    live = [call(f"i{number}", "t", came_s=number) for number in range(8)]
    # 60 to 15: four for one.
    assert served(waiting(*batch, *live)) == ["i0", "b0", "i1", "i2", "i3", "i4", "b1", "i5", "i6", "i7", "b2"]
    assert served(waiting(*batch)) == ["b0", "b1", "b2"]


@pytest.mark.parametrize(
    ("kind", "priority", "lane"),
    [
        (CallKind.CHAT, Priority.INTERACTIVE, Lane.INTERACTIVE),
        (CallKind.CHAT, Priority.BATCH, Lane.BATCH),
        (CallKind.EMBED, Priority.INTERACTIVE, Lane.QUESTION),
        (CallKind.EMBED, Priority.BATCH, Lane.BACKGROUND),
    ],
)
def test_vectors_of_a_question_have_a_lane_of_their_own(kind: CallKind, priority: Priority, lane: Lane) -> None:
    assert lane_of(kind, priority) is lane


def test_only_a_call_that_a_free_slot_could_serve_is_served() -> None:
    order = waiting(call("a", "one"), replace(call("b", "two"), nodes=(("other", 1),)))
    turn = order.next(0, lambda one: one.nodes[0][0] == "other")
    assert turn == Turn(replace(call("b", "two"), nodes=(("other", 1),)), starved=False)


def test_calls_of_a_process_that_is_not_heard_of_and_calls_whose_time_is_over_are_dropped() -> None:
    gone, over, here = replace(call("a"), replica="dead"), replace(call("b"), till_us=5 * S), call("c")
    order = waiting(gone, over, here)
    assert order.drop(6 * S, {"r": 7 * S, "dead": 6 * S}) == [gone, over]
    assert list(order.calls()) == [here]


def test_a_call_is_told_its_position_and_when_it_may_expect_a_slot() -> None:
    order = waiting(
        *(call(f"h{number}", "heavy", cost_s=8.0, came_s=number) for number in range(3)), call("l", "light")
    )
    for _ in range(4):
        order.ended("simple", guess_us=8 * S, gpu_us=2 * S, held_us=8 * S)
    # Calls keep a slot for 8 s, so that one of four is free in 2 s. Then GPU time counts four times, in four slots.
    assert outlook(order, call("l", "light")) == Outlook(1, 2 * S)
    last = call("h2", "heavy", cost_s=8.0, came_s=2)
    assert outlook(order, last) == Outlook(4, 17 * S + 2 * S)


def test_what_was_guessed_is_put_right_by_what_calls_turned_out_to_take() -> None:
    order = Order()
    assert order.cost_us("simple", 8 * S) == 8 * S
    order.ended("simple", guess_us=8 * S, gpu_us=2 * S, held_us=8 * S)
    assert (order.cost_us("simple", 8 * S), order.cost_us("complex", 8 * S)) == (2 * S, 8 * S)


def test_a_full_queue_a_full_tenant_a_long_wait_and_a_short_deadline_refuse_at_once() -> None:
    calls = [call(f"a{number}", "a", came_s=number) for number in range(3)] + [call("b", "b")]
    order = waiting(*calls)
    order.ended("simple", guess_us=S, gpu_us=S, held_us=8 * S)
    mine = calls[2]
    eta_us = outlook(order, mine).eta_us
    assert overload(order, mine, WIDE) is None
    assert overload(order, mine, replace(WIDE, places=3)) is Overload.QUEUE_FULL
    assert overload(order, mine, replace(WIDE, tenant_places=2)) is Overload.TENANT_FULL
    assert overload(order, mine, replace(WIDE, wait_us=eta_us - 1)) is Overload.TOO_LONG
    assert overload(order, mine, replace(WIDE, deadline_us=eta_us - 1)) is Overload.DEADLINE
    assert overload(order, mine, replace(WIDE, wait_us=eta_us, deadline_us=eta_us)) is None


def test_an_estimate_that_no_call_has_confirmed_refuses_nobody() -> None:
    order = waiting(call("a", cost_s=500.0), call("b", cost_s=500.0, came_s=1.0))
    assert overload(order, call("b", cost_s=500.0, came_s=1.0), replace(WIDE, wait_us=1, deadline_us=1)) is None


def test_calls_of_a_tenant_whose_clients_leave_may_wait_for_half_of_what_those_did() -> None:
    order = waiting(*(call(f"a{number}", "a", came_s=number / 10) for number in range(6)))
    order.ended("simple", guess_us=S, gpu_us=S, held_us=4 * S)
    mine = call("a5", "a", came_s=0.5)
    for number in range(2):
        assert overload(order, mine, WIDE) is None
        one = call(f"a{number}", "a", came_s=number / 10)
        order.left(one, 4 * S)
        order.remove(one)
    # They left after 4 and 3.9 s; it would wait for 4 s.
    assert overload(order, mine, WIDE) is Overload.TOO_LONG
    assert overload(order, mine, replace(WIDE, is_patient=True)) is None
    assert (is_late(order, mine, 1 * S), is_late(order, mine, 3 * S)) == (False, True)


def test_a_call_is_late_when_many_of_its_length_would_be_left_before_their_end() -> None:
    order = waiting(*(call(f"a{number}", "a") for number in range(3)))
    order.ended("simple", guess_us=S, gpu_us=S, held_us=S)
    mine = call("a2", "a")
    for number in range(2):
        one = call(f"a{number}", "a")
        order.left(one, 4 * S)
        order.remove(one)
    # It takes 1 s on average and 2 s often enough, of the 4 s that its tenant's clients wait.
    assert (is_late(order, mine, 2 * S), is_late(order, mine, 2 * S + 1)) == (False, True)


def test_who_leaves_in_the_midst_of_an_answer_left_for_the_wait_if_that_was_most_of_the_time() -> None:
    order = waiting(call("x", "a"), call("y", "a"), call("z", "a"))
    flow = order.lines[Lane.INTERACTIVE].flows["a"]
    for one in list(order.calls()):
        order.remove(one)
        # It read for longer than it had waited.
        order.left(one, 5 * S, 2 * S)
    assert (flow.is_hasty, flow.patience_us) == (False, 0)
    for one in ("x", "y"):
        order.left(call(one, "a"), 4 * S, 2 * S)
    assert (flow.is_hasty, flow.patience_us) == (True, 4 * S)


def test_a_tenant_whose_calls_are_served_is_trusted_to_wait_again() -> None:
    order = waiting(call("x", "a"), call("y", "a"))
    for one in list(order.calls()):
        order.left(one, 4 * S)
        order.remove(one)
    flow = order.lines[Lane.INTERACTIVE].flows["a"]
    assert flow.is_hasty
    for number in range(120):
        order.charge(call(f"b{number}", "a"), 0)
    assert not flow.is_hasty
