"""What the replicas measured between two looks at their metrics."""

import pytest

from ops.load.histograms import RETRIEVAL, Histogram, Unread, between, read_histogram, read_page
from ops.load.percentiles import Statistic


def page(fast: int, slow: int, *, tool: str = "document_search") -> str:
    """Return a metrics page: so many searches within 0.5 s, and so many more within 3 s."""
    label = f'tool_name="{tool}"'
    return "\n".join(
        [
            "# TYPE tool_duration_seconds histogram",
            f'tool_duration_seconds_bucket{{{label},le="0.5"}} {fast}',
            f'tool_duration_seconds_bucket{{{label},le="3.0"}} {fast + slow}',
            f'tool_duration_seconds_bucket{{{label},le="+Inf"}} {fast + slow}',
            f"tool_duration_seconds_count{{{label}}} {fast + slow}",
            f"tool_duration_seconds_sum{{{label}}} {fast * 0.25 + slow * 2.0}",
            "",
        ]
    )


def test_only_what_came_in_between_counts_over_all_replicas() -> None:
    found = between([page(10, 0), page(0, 0)], [page(100, 0), page(9, 1)], RETRIEVAL)
    assert found is not None
    assert found.count == 100
    assert found.take(Statistic.P50) == 0.5
    assert found.take(Statistic.P99) == 0.5
    assert found.take(Statistic.MAX) == 3.0
    assert found.take(Statistic.MEAN) == pytest.approx((99 * 0.25 + 2.0) / 100)


def test_a_replica_that_began_anew_is_not_measured() -> None:
    assert between([page(10, 0)], [page(3, 0)], RETRIEVAL) is None


def test_other_tools_do_not_count() -> None:
    assert read_histogram(page(5, 5, tool="calculator"), RETRIEVAL).count == 0


def test_nothing_measured_has_no_statistic() -> None:
    assert Histogram((), 0.0).take(Statistic.P99) is None


def test_what_is_no_metrics_page_is_told() -> None:
    with pytest.raises(Unread):
        read_histogram("{} <html>", RETRIEVAL)
    with pytest.raises(Unread, match="not an http address"):
        read_page("file:///etc/hosts")
