"""GET /api/v1/models: what is known of each model, and where it is."""

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from app.api.auth import HttpRequest, Permission
from app.api.operator_doors import ModelList as Listing
from app.api.replies import reply
from app.api.routing import Doc, Success, route
from app.inference.models import ModelReport


class ModelList(msgspec.Struct, frozen=True):
    """Every model of the nodes file, in its order."""

    models: tuple[ModelReport, ...]


LIST = Doc(
    summary="List models",
    tag="models",
    text="Tiers, contexts, what each can do, and on which nodes it is: with its digest, its size, and why a node may "
    "not serve it, with the arithmetic where it does not fit the memory of the node's GPUs.",
    successes={200: Success("Every model", body=ModelList)},
)


class ModelRoutes:
    """The routes under /api/v1/models."""

    def __init__(self, models: Listing) -> None:
        self._models = models

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        return [route("GET", "/api/v1/models", self.list, Permission.READ, LIST)]

    async def list(self, request: HttpRequest) -> ASGIApp:  # noqa: ARG002
        """Return every model."""
        return reply(ModelList(tuple(self._models.list())))
