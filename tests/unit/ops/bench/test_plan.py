"""What may be measured."""

from pathlib import Path

import pytest

from ops.bench.lengths import LEAST_LIMIT_S, about_s, limit_s, told
from ops.bench.plan import FULL, QUICK, SMOKE, ArgumentWrong, Peer, Row, read_plan


def test_a_whole_measurement_writes_its_report() -> None:
    assert read_plan([]) == FULL
    assert FULL.out == Path("docs/evidence/bench.md")


def test_a_quick_one_writes_only_where_it_is_told() -> None:
    assert read_plan(["--quick"]) == QUICK
    assert QUICK.out is None
    assert read_plan(["--quick", "--out", "x.md"]).out == Path("x.md")


def test_both_have_enough_rounds_for_a_median() -> None:
    assert min(FULL.rounds, QUICK.rounds) >= 5
    with pytest.raises(ArgumentWrong, match="at least 5"):
        read_plan(["--rounds", "4"])


def test_peers_are_named_servers_of_this_machine() -> None:
    plan = read_plan(["--peer", "litellm=http://127.0.0.1:4000/v1/", "--peer", "other=http://localhost:5000/v1"])
    assert plan.peers == (Peer("litellm", "http://127.0.0.1:4000/v1"), Peer("other", "http://localhost:5000/v1"))
    assert plan.peers[0].port == 4000


@pytest.mark.parametrize(
    "peer",
    [
        "litellm",
        "=http://127.0.0.1:4000/v1",
        "agent=http://127.0.0.1:4000/v1",
        "a=http://192.0.2.1:4000/v1",
        "a=http://example.com:80/v1",
        "a=https://127.0.0.1:4000/v1",
        "a=http://127.0.0.1/v1",
        "a=http://127.0.0.1:99999/v1",
        "Big Name=http://127.0.0.1:1/v1",
    ],
)
def test_other_peers_are_refused(peer: str) -> None:
    with pytest.raises(ArgumentWrong, match="--peer"):
        read_plan(["--peer", peer])


def test_two_peers_cannot_share_a_row() -> None:
    with pytest.raises(ArgumentWrong, match="same name"):
        read_plan(["--peer", "a=http://127.0.0.1:1/v1", "--peer", "a=http://127.0.0.1:2/v1"])


@pytest.mark.parametrize("port", ["80", "70000"])
def test_the_nodes_port_must_be_one_that_a_user_may_take(port: str) -> None:
    with pytest.raises(ArgumentWrong, match="--node-port"):
        read_plan(["--node-port", port])


def test_a_peer_may_be_installed_by_name() -> None:
    assert read_plan(["--with", "litellm", "--with", "litellm"]).installed == ("litellm",)
    assert FULL.installed == ()


def test_only_known_peers_can_be_installed() -> None:
    with pytest.raises(SystemExit) as left:
        read_plan(["--with", "olla"])
    assert left.value.code == 2


def test_an_installed_peer_does_not_share_its_rows_with_one_of_the_users() -> None:
    with pytest.raises(ArgumentWrong, match="same name"):
        read_plan(["--with", "litellm", "--peer", "litellm-openai=http://127.0.0.1:1/v1"])


def test_a_row_can_be_had_alone_and_then_no_page_is_written() -> None:
    plan = read_plan(["--row", "overload", "--row", "rating"])
    assert plan.rows == (Row.RATING, Row.OVERLOAD)
    assert plan.out is None
    assert read_plan(["--row", "rating", "--out", "x.md"]).out == Path("x.md")
    with pytest.raises(SystemExit):
        read_plan(["--row", "dreams"])


def test_a_smoke_does_every_row_and_is_no_measurement() -> None:
    assert read_plan(["--smoke"]) == SMOKE
    assert (SMOKE.rows, SMOKE.out) == (tuple(Row), None)


def test_how_long_it_takes_is_told_before_it_begins() -> None:
    alone, beside = told(read_plan(["--row", "overload"])), told(read_plan(["--row", "overload", "--with", "litellm"]))
    assert alone == "bench: overload: about 3 minutes where the machine does nothing else, at most 12 minutes\n"
    assert beside == "bench: overload: about 5 minutes where the machine does nothing else, at most 20 minutes\n"
    assert told(read_plan(["--row", "rating"])).startswith("bench: rating: about 1 minute where")
    whole = {row: about_s(row, FULL) for row in Row}
    assert told(FULL).startswith(f"bench: {', '.join(Row)}: about {round((sum(whole.values()) + 100) / 60)} minutes")


def test_a_row_may_take_some_times_longer_than_it_does_and_no_more() -> None:
    assert limit_s(Row.OVERLOAD, FULL) == 4 * about_s(Row.OVERLOAD, FULL)
    assert limit_s(Row.RATING, FULL) == LEAST_LIMIT_S
