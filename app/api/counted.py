"""Which responses each route can give, so that the counters of all of them begin at 0."""

from collections.abc import Iterator

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from app.api.auth import PERMISSION, Permission
from app.api.direct.dialects import Dialect, dialect_of, status_in
from app.api.middleware import CLIENT_LEFT, FAILURES, METHODS, OTHER, UNMATCHED
from app.api.problems import BodyTooSlow, CodingUnknown
from app.api.routing import DOC, Doc
from app.errors import BadInput, BodyTooLarge, KeyUnknown, MediaTypeUnknown
from app.telemetry.metrics import Metrics, begin

# Of any route: what breaks, who leaves, and a target or header that is no HTTP.
ALWAYS = frozenset({400, CLIENT_LEFT, *FAILURES})
# A page or an asset that is in no description, the way to one, an asset that the client has, and one that there is not.
UNDESCRIBED = frozenset({200, 304, 307, 404})
OF_A_BODY = (BadInput, BodyTooLarge, BodyTooSlow, CodingUnknown, MediaTypeUnknown)
# What the router answers alone: a preflight, no such path, no such method.
OF_NO_ROUTE = frozenset({204, 400, 404, 405, *FAILURES})


def begin_routes(metrics: Metrics, app: Litestar) -> None:
    """Begin the counters and histograms of every route of the application."""
    for method, endpoint, statuses in _responses(app):
        codes = [str(status) for status in sorted(statuses)]
        for counter in (metrics.http_requests, metrics.api_requests):
            begin(counter, method=[method], endpoint=[endpoint], status=codes)
        begin(metrics.api_request_duration, method=[method], endpoint=[endpoint])


def _responses(app: Litestar) -> Iterator[tuple[str, str, frozenset[int]]]:
    for route in app.routes:
        handlers = route.route_handlers if isinstance(route, HTTPRoute) else []
        for handler in handlers:
            for method in handler.http_methods - {"OPTIONS"}:
                statuses = statuses_of(handler)
                yield method, route.path_format, statuses
                if method == "GET":
                    yield "HEAD", route.path_format, statuses
    for method in (*METHODS, OTHER):
        yield method, UNMATCHED, OF_NO_ROUTE


def statuses_of(handler: HTTPRouteHandler) -> frozenset[int]:
    """Return every status that a route can answer."""
    doc = handler.opt.get(DOC)
    if not isinstance(doc, Doc):
        return ALWAYS | UNDESCRIBED
    kinds = [*doc.refusals, *(OF_A_BODY if doc.body or doc.body_schema else ())]
    if handler.opt[PERMISSION] is not Permission.PUBLIC:
        kinds.append(KeyUnknown)
    dialects = {dialect_of(path) for path in handler.paths} or {Dialect.OWN}
    return ALWAYS.union(doc.successes, (status_in(dialect, kind) for dialect in dialects for kind in kinds))
