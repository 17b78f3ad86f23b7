"""The kinds of metrics, whose children are found without the checks and the lock of prometheus_client."""

from typing import Any, Self

import prometheus_client
from prometheus_client.metrics import MetricWrapperBase


class _Known(MetricWrapperBase):
    """Remembers its children by the labels that they were asked for with (prometheus_client/metrics.py, `labels`).

    A request asks for about twenty; the bounded sets that labels come from bound what is remembered.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - of whatever kind it is
        self._known: dict[tuple[str, ...], Self] = {}
        super().__init__(*args, **kwargs)

    def labels(self, *labelvalues: Any, **labelkwargs: Any) -> Self:  # noqa: ANN401 - the base class's signature
        """Return the child with these labels."""
        found = self._known.get(labelvalues)
        if found is None:
            found = super().labels(*labelvalues, **labelkwargs)
            if labelvalues:
                self._known[labelvalues] = found
        return found

    def remove(self, *labelvalues: Any) -> None:  # noqa: ANN401 - the base class's signature
        """Remove the child with these labels."""
        super().remove(*labelvalues)
        self._known.clear()


class Counter(_Known, prometheus_client.Counter):
    """Only rises."""


class Gauge(_Known, prometheus_client.Gauge):
    """Rises and falls."""


class Histogram(_Known, prometheus_client.Histogram):
    """Counts by size."""
