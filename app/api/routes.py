"""GET /api/v1/routes/{id}: where a call went, and why."""

from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from app import errors
from app.api.auth import HttpRequest, Permission, caller_of
from app.api.bodies import uuid_or
from app.api.doors import Routes
from app.api.replies import reply
from app.api.routing import Doc, Success, route
from app.errors import RouteUnknown
from app.ids import RouteId
from app.inference.words.route import Route

GET = Doc(
    summary="Why a call went where it went",
    tag="routes",
    text="The tier and how it was chosen, every candidate with the terms of its score, the choice and its reason.",
    successes={200: Success("The route", body=Route)},
    refusals=(RouteUnknown, errors.StoreUnavailable),
)


class RouteRoutes:
    """The routes under /api/v1/routes."""

    def __init__(self, stored: Routes) -> None:
        self._stored = stored

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        return [route("GET", "/api/v1/routes/{route_id:str}", self.get, Permission.READ, GET)]

    async def get(self, request: HttpRequest) -> ASGIApp:
        """Return one route."""
        route_id = RouteId(uuid_or(request.path_params["route_id"], RouteUnknown, "route"))
        return reply(await self._stored.get(caller_of(request).tenant_id, route_id))
