"""What the replicas measured themselves: their histograms before and after a run."""

import http.client
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from urllib.parse import urlsplit

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from ops.load.percentiles import Statistic

PAGE_BYTES = 8 * 1024 * 1024
PAGE_LIMIT_S = 10.0
SHARES = {Statistic.P50: 0.50, Statistic.P95: 0.95, Statistic.P99: 0.99, Statistic.MAX: 1.0}


class Metric(msgspec.Struct, frozen=True):
    """A histogram of the product, with the labels that must be there."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()


RETRIEVAL = Metric("tool_duration_seconds", (("tool_name", "document_search"),))
SLOT_WAIT = Metric("switchyard_slot_wait_seconds")


class Histogram(msgspec.Struct, frozen=True):
    """Cumulative counts by upper edge in seconds, the last one infinite, and the sum of the values."""

    counts: tuple[tuple[float, float], ...]
    sum_s: float

    @property
    def count(self) -> int:
        """How many values there are."""
        return round(self.counts[-1][1]) if self.counts else 0

    def take(self, statistic: Statistic) -> float | None:
        """Return a statistic, of a percentile the upper edge of its bucket: it is never more. None without values."""
        if not self.count:
            return None
        if statistic is Statistic.MEAN:
            return self.sum_s / self.count
        rank = math.ceil(round(SHARES[statistic] * self.count, 9))
        return next(edge for edge, count in self.counts if count >= rank)


class Unread(Exception):
    """A replica's metrics could not be read."""


def read_page(url: str) -> str:
    """Return a replica's metrics page. Raises Unread."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname is None:
        raise Unread(f"{url} is not an http address")
    try:
        with closing(http.client.HTTPConnection(parts.hostname, parts.port, timeout=PAGE_LIMIT_S)) as connection:
            connection.request("GET", parts.path or "/metrics")
            with connection.getresponse() as response:
                body = response.read(PAGE_BYTES)
                if response.status != http.client.OK:
                    raise Unread(f"{url} answered {response.status}")
                return body.decode("utf-8")
    except (OSError, http.client.HTTPException, UnicodeDecodeError) as error:
        raise Unread(f"{url}: {error}") from error


def read_histogram(page: str, metric: Metric) -> Histogram:
    """Return one histogram of a page, summed over all its other labels. Raises Unread for what is no such page."""
    counts: dict[float, float] = {}
    sum_s = 0.0
    try:
        for family in text_string_to_metric_families(page):
            for name, labels, value, *_ in family.samples if family.name == metric.name else ():
                if not _has(labels, metric.labels):
                    continue
                if name.endswith("_bucket"):
                    edge = float(labels["le"])
                    counts[edge] = counts.get(edge, 0.0) + value
                elif name.endswith("_sum"):
                    sum_s += value
    except ValueError as error:
        raise Unread(f"the metrics cannot be read: {error}") from error
    return Histogram(tuple(sorted(counts.items())), sum_s)


def between(before: Sequence[str], after: Sequence[str], metric: Metric) -> Histogram | None:
    """Return what was measured between two readings of all replicas; None when one of them began anew meanwhile.

    Raises Unread.
    """
    changed = [
        _minus(read_histogram(new, metric), read_histogram(old, metric)) for old, new in zip(before, after, strict=True)
    ]
    if any(count < 0 for one in changed for _, count in one.counts):
        return None
    edges = sorted({edge for one in changed for edge, _ in one.counts})
    summed = tuple((edge, math.fsum(dict(one.counts).get(edge, 0.0) for one in changed)) for edge in edges)
    return Histogram(summed, math.fsum(one.sum_s for one in changed))


def _minus(new: Histogram, old: Histogram) -> Histogram:
    had = dict(old.counts)
    return Histogram(tuple((edge, count - had.get(edge, 0.0)) for edge, count in new.counts), new.sum_s - old.sum_s)


def _has(labels: Mapping[str, str], wanted: Iterable[tuple[str, str]]) -> bool:
    return all(labels.get(name) == value for name, value in wanted)
