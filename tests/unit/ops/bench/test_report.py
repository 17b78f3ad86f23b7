"""What the report says of given figures."""

import re
from dataclasses import replace

import msgspec
import pytest

from ops.bench.complexity import CASES
from ops.bench.crowded import GATEWAY
from ops.bench.crowded import OURS as OUR_DOOR
from ops.bench.durable import ACCEPTED, GRAPH, OURS, STOCK, DurablePoint
from ops.bench.figures import UNKNOWN, Spread
from ops.bench.goals import Goal, Verdict
from ops.bench.overload import Came, Lived
from ops.bench.overload import Turns as OurTurns
from ops.bench.plan import QUICK
from ops.bench.points import Point
from ops.bench.refusals import Refusing
from ops.bench.report import Circumstances, Found, document, tables
from ops.bench.sides import AGENT, DIALECT, DIRECT, NGINX, OWN, PASS, Mode
from ops.bench.turns import FIFO, Overload, Share
from ops.bench.turns import OURS as OUR_TURNS

ROUNDS = 3
CPU = {
    DIRECT: {},
    NGINX: {OWN: 0.1},
    PASS: {OWN: 3.0},
    DIALECT: {OWN: 1.0, "valkey": 0.2},
    AGENT: {OWN: 5.0, "postgres": 2.0},
}
LATER_S = {DIRECT: 0.0, NGINX: 0.0001, PASS: 0.003, DIALECT: 0.001, AGENT: 0.02}
PEER_LATER_S = 0.01
CLIENT_MS = {GRAPH: 1.0, OURS: 2.0, ACCEPTED: 3.0, STOCK["exit"]: 2.0, STOCK["async"]: 5.0, STOCK["sync"]: 6.0}
TURNS = {
    OUR_TURNS: Share(jain=0.999, beside=1.6, alone=1.0, overloads=(Overload(2, 0.96, 0.3, 1.9),)),
    FIFO: Share(jain=0.4, beside=15.0, alone=1.0, overloads=(Overload(2, 0.2, 0.0, 2.0),)),
}
CIRCUMSTANCES = Circumstances(
    date="2030-01-02",
    commit="abc",
    cores=2,
    cpu="A CPU",
    nginx="1",
    langgraph="2, its PostgreSQL saver 3",
    filesystem="ext4",
)


def point(side: str, mode: Mode, concurrency: int, number: int, cpu: dict[str, float]) -> Point:
    """Return a point; noise doubles what a round takes, on every path alike."""
    noise = 1.0 + number
    return Point(
        side=side,
        mode=mode,
        concurrency=concurrency,
        round=number,
        requests=10,
        per_s=100 / noise,
        p50_s=0.005 + LATER_S.get(side, PEER_LATER_S) * noise,
        p99_s=0.05,
        first_p50_s=0.002 + LATER_S.get(side, PEER_LATER_S) * noise,
        cpu_s={name: used * noise for name, used in cpu.items()},
    )


def found(peers: tuple[str, ...] = ()) -> Found:
    """Return a whole run's figures, in no order."""
    sides = CPU | {peer: {OWN: 10.0} for peer in peers}
    points = [
        point(side, mode, concurrency, number, cpu)
        for number in reversed(range(ROUNDS))
        for mode in Mode
        for concurrency in (16, 1, 0)
        for side, cpu in sides.items()
    ]
    durable = [
        DurablePoint(
            way=way, round=number, per_s=100.0, client_ms=ms, postgres_ms=1.0, wal_bytes=3000.0, transactions=2.0
        )
        for number in range(ROUNDS)
        for way, ms in CLIENT_MS.items()
    ]
    return Found(
        points=tuple(points),
        durable=tuple(durable),
        ratings=tuple((case, Spread(20.0, 19.0, 31.0)) for case in CASES),
        turns=TURNS,
    )


def replace_point(given: Point, cpu: dict[str, float]) -> Point:
    """Return a point with other CPU."""
    return msgspec.structs.replace(given, cpu_s=cpu)


def goals(peers: tuple[str, ...] = ()) -> dict[str, tuple[str, ...]]:
    """Return the goals' rows by name and what."""
    return {f"{row[0]} {row[1]}": row for row in tables(found(peers), QUICK)[0].rows}


def test_ratios_hide_the_noise_that_all_paths_share() -> None:
    assert goals()["G3 CPU of a passed-through request ÷ nginx's"][2] == "10.0 (10.0 to 10.0)"


def test_durability_is_judged_without_what_the_graph_costs_alone() -> None:
    row = goals()["G7 added CPU of durable state ÷ stock async's"]
    assert row[2:] == ("0.250 (0.250 to 0.250)", "≤ 0.4", "≤ 0.1", Verdict.MUST)


def test_goals_against_a_peer_are_shown_only_with_that_peer() -> None:
    assert not any("LiteLLM" in name for name in goals())
    assert "make bench PEERS=litellm" in tables(found(), QUICK)[0].notes[0]
    assert not any("LiteLLM" in name for name in goals(("other",)))
    # 10 s of CPU against 5 s, or 7 with the database.
    assert goals(("litellm",))["G2 req/s a core of a full agent call ÷ LiteLLM's"][2:] == (
        "2.00 (2.00 to 2.00)", "≥ 3", "≥ 8", Verdict.MISSED,
    )  # fmt: skip
    stores = "G2 the same, with the CPU of PostgreSQL, Valkey and the vector store"
    assert goals(("litellm",))[stores][2] == "1.43 (1.43 to 1.43)"


def test_what_is_passed_through_in_the_dialect_is_judged() -> None:
    rows = goals(("litellm",))
    assert rows["G1 req/s a core passed through ÷ LiteLLM's"][2:] == (
        "10.0 (10.0 to 10.0)", "≥ 10", "≥ 20", Verdict.MUST,
    )  # fmt: skip
    assert rows["G4 added p50 passed through ÷ LiteLLM's"][2] == "0.100 (0.100 to 0.100)"


def test_turns_are_judged_by_ours_and_shown_beside_none() -> None:
    rows = goals()
    assert rows["G14 goodput ÷ capacity at 2x"][5] == Verdict.MUST
    assert rows["G15 Jain index in GPU-seconds, one heavy and nine light tenants"][5] == Verdict.AIM
    assert rows["G15 p99 of a light tenant ÷ alone"][5] == Verdict.MUST
    table = next(table for table in tables(found(), QUICK) if table.title.startswith("Turns"))
    assert [(row[0], row[4]) for row in table.rows] == [(OUR_TURNS, "0.960 (30%)"), (FIFO, "0.200 (0%)")]


def test_time_to_the_first_token_is_judged_alone_and_among_others() -> None:
    rows = goals(("litellm",))
    for at_once in (1, 16):
        row = rows[f"G5 added time to first token ÷ LiteLLM's, {at_once} at a time, a full agent call"]
        assert row[2:] == ("2.00 (2.00 to 2.00)", "≤ 0.15", "≤ 0.08", Verdict.MISSED)


def test_the_better_row_of_a_peer_is_what_counts() -> None:
    slower, better = found(("litellm", "litellm-openai")), found(("litellm", "litellm-openai"))
    points = tuple(
        replace_point(one, {OWN: one.cpu_s[OWN] / 2}) if one.side == "litellm-openai" else one for one in better.points
    )
    both = Found(points=points, durable=slower.durable, ratings=slower.ratings)
    rows = {f"{row[0]} {row[1]}": row for row in tables(both, QUICK)[0].rows}
    assert rows["G2 req/s a core of a full agent call ÷ LiteLLM's"][2] == "1.00 (1.00 to 1.00)"


def test_a_peer_has_rows_with_their_number_of_requests() -> None:
    assert not any(table.title.startswith("Peers") for table in tables(found(), QUICK))
    peers = next(table for table in tables(found(("other",)), QUICK) if table.title.startswith("Peers"))
    assert [row[:4] for row in peers.rows] == [
        ("other", "json", "1", "30"), ("other", "json", "16", "30"),
        ("other", "stream", "1", "30"), ("other", "stream", "16", "30"),
    ]  # fmt: skip
    # Noise of 1, 2 and 3 times: 10 s of CPU becomes 20, and 10 ms become 20.
    assert peers.rows[0][4:] == ("20.0 (10.0 to 30.0)", "100x (100 to 100)", "50.0", "20.0 (10.0 to 30.0)")


def test_the_report_says_how_a_peer_was_run_and_which_one_is_missing() -> None:
    said = msgspec.structs.replace(CIRCUMSTANCES, peers=("LiteLLM 1 as `litellm`",), lost=("litellm-openai",))
    text = document(found(("litellm",)), QUICK, said)
    assert "Peers: LiteLLM 1 as `litellm`." in text
    assert "Without rows, since they could not be measured: litellm-openai." in text


@pytest.mark.parametrize(
    ("value", "verdict"), [(1.0, Verdict.AIM), (2.0, Verdict.AIM), (3.0, Verdict.MUST), (5.0, Verdict.MISSED)]
)
def test_a_goal_of_little_is_judged_by_its_median(value: float, verdict: Verdict) -> None:
    assert Goal("G", "x", 4, 2, Spread(value, 0.0, 9.0)).verdict is verdict


def test_a_goal_of_much_is_judged_the_other_way_round() -> None:
    goal = Goal("G", "x", 4, 20, Spread(5.0, 1.0, 30.0), more=True)
    assert goal.verdict is Verdict.MUST
    assert replace(goal, found=Spread(20.0, 20.0, 20.0)).verdict is Verdict.AIM
    assert replace(goal, found=Spread(3.9, 3.9, 30.0)).verdict is Verdict.MISSED


def test_what_the_noise_covers_is_not_judged() -> None:
    assert Goal("G", "x", 4, 2, UNKNOWN).verdict is Verdict.UNKNOWN


def test_a_path_without_known_processes_has_no_cpu() -> None:
    json = next(table for table in tables(found(), QUICK) if table.title == "One JSON answer")
    row = next(row for row in json.rows if row[0] == DIRECT)
    assert row[2:4] == ("", "")


def test_every_table_is_complete() -> None:
    for table in tables(found(("litellm",)), QUICK):
        assert table.rows
        assert all(len(row) == len(table.heads) for row in table.rows)


def test_the_document_has_its_day_and_commit_and_no_hour_path_or_address() -> None:
    text = document(found(), QUICK, CIRCUMSTANCES)
    assert "2030-01-02, commit abc; seed 1;" in text
    assert re.search(r"\d{1,2}:\d{2}|/tmp/|/home/|127\.0\.0\.1|https?://", text) is None


def test_a_row_that_was_not_measured_has_neither_tables_nor_goals() -> None:
    (goals_of, rating) = tables(Found(ratings=found().ratings), QUICK)
    assert {row[0] for row in goals_of.rows} == {"G9"}
    assert goals_of.notes == ()
    assert rating.rows[0][1] == "20.0 (19.0 to 31.0)"


def test_too_much_work_is_judged_by_ours_live_and_shown_beside_the_others() -> None:
    came = [Came(10, goodput, 0.8, 0.1, 0.004, took, 3.0, 0.0) for goodput, took in ((0.97, 0.008), (0.95, 0.02))]
    ours = Lived(OUR_DOOR, OurTurns(0.992, 1.2, 0.98), tuple(came))
    nothing = float("nan")
    theirs = Lived(GATEWAY, OurTurns(0.3, 9.0, 0.9), (Came(10, 0.0, 0.0, 0.0, nothing, nothing, 9.0, 0.5),))
    refused = [Refusing(at_once, 100, 0.002, 0.004, {"crowd-1": 0.5, "valkey": 0.1}) for at_once in (1, 16)]
    made = Found(lived=(ours, theirs), refusals=tuple(refused))
    goals_of, came_table, turns_table, refusal_table = tables(made, QUICK)
    judged = {f"{row[0]} {row[1]}": row[2:] for row in goals_of.rows}
    assert judged["G14 live: goodput ÷ capacity at 10x"] == ("0.960 (0.950 to 0.970)", "≥ 0.9", "≥ 0.95", Verdict.AIM)
    assert judged["G14 live: p99 ms of a refusal at 10x"][0] == "14.0 (8.00 to 20.0)"
    assert judged["G14 p99 ms of a refusal, 1 at a time"][3] == Verdict.AIM
    assert came_table.rows[1] == (GATEWAY, "10x", "0 (0 to 0)", "0%", "0%", "50%", "", "", "9.00 (9.00 to 9.00)")
    assert turns_table.rows[0] == (OUR_DOOR, "0.992", "1.20", "0.980")
    assert refusal_table.rows[0][:4] == ("1", "100", "2.00 (2.00 to 2.00)", "4.00 (4.00 to 4.00)")
