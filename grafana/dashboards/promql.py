"""Expressions that every dashboard needs, written once, so that each has the right sums and the right denominator.

`[$__rate_interval]` is Grafana's: at least four scrapes, so that `rate` always has two points.
"""

WINDOW = "$__rate_interval"
# What is chosen at the top of a dashboard.
INSTANCE = 'instance=~"$instance"'
NODE = 'node=~"$node"'
MODEL = 'model=~"$model"'


def rate(metric: str, where: str = "", over: str = WINDOW) -> str:
    """Return the expression for how fast a counter grows, per second."""
    return f"rate({metric}{_braces(where)}[{over}])"


def increase(metric: str, where: str = "", over: str = "1h") -> str:
    """Return the expression for how much a counter grew in a window."""
    return f"increase({metric}{_braces(where)}[{over}])"


def quantile(share: float, histogram: str, *, by: str = "", where: str = "") -> str:
    """Return the expression for a quantile over all processes: buckets are added up before it is taken.

    Nothing observed is no value (`>= 0` drops the NaN that Grafana would show).
    """
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share:g}, sum by ({labels}) ({rate(f'{histogram}_bucket', where)})) >= 0"


def per(part: str, whole: str, by: str = "") -> str:
    """Return how much of `part` comes on each of `whole`, which may have other units. On nothing there is no value."""
    labels = f" by ({by}) " if by else ""
    return f"sum{labels}({part}) / (sum{labels}({whole}) > 0)"


def ratio_by(label: str, part: str, whole: str) -> str:
    """Return `part` of `whole`, both in one unit, for each value of a label. No part at all is 0."""
    return f"(sum by ({label}) ({part}) or 0 * sum by ({label}) ({whole})) / (sum by ({label}) ({whole}) > 0)"


def total(part: str, present: str) -> str:
    """Return the sum of `part`, which is 0 while it has no series but `present`, which always has some, does."""
    return f"sum({part}) or 0 * sum({present})"


def by_or_none(labels: tuple[str, ...], part: str, present: str) -> str:
    """Return the sums of `part` by labels that are not 0; without any, one series that says `none` and 0.

    Nothing happened is not no data, and series that wait at 0 for their first event are no lines to draw.
    """
    fallback = f"0 * sum({present})"
    for label in labels:
        fallback = f'label_replace({fallback}, "{label}", "none", "", "")'
    return f"(sum by ({', '.join(labels)}) ({part}) > 0 or on () {fallback})"


def _braces(where: str) -> str:
    return f"{{{where}}}" if where else ""
