"""GET /api/v1/models: what is known of each model, where it is, and what is planned with it."""

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from app import errors
from app.api.auth import HttpRequest, Permission
from app.api.operator_doors import ModelList as Listing
from app.api.replies import reply
from app.api.routing import Doc, Success, route
from app.inference.models import ModelReport
from app.inference.warmth.advice import Planned


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


class ModelPlan(msgspec.Struct, frozen=True):
    """What is to be done with each model on each node that is declared to hold it."""

    plan: tuple[Planned, ...]


PLAN = Doc(
    summary="Explain which models are kept in memory where",
    tag="models",
    text="Of each model on each node: what is to be done now and why, what was asked in the last ten minutes, what it "
    "takes and what is free, and which models leave before it is loaded. A replica other than the one that acts does "
    "not know of loads that failed.",
    successes={200: Success("The plan", body=ModelPlan)},
    refusals=(errors.NotPermitted,),
)


class ModelRoutes:
    """The routes under /api/v1/models."""

    def __init__(self, models: Listing) -> None:
        self._models = models

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        return [
            route("GET", "/api/v1/models", self.list, Permission.READ, LIST),
            route("GET", "/api/v1/models/plan", self.plan, Permission.OPERATE, PLAN),
        ]

    async def plan(self, request: HttpRequest) -> ASGIApp:  # noqa: ARG002
        """Explain what is planned."""
        return reply(ModelPlan(tuple(await self._models.plan())))

    async def list(self, request: HttpRequest) -> ASGIApp:  # noqa: ARG002
        """Return every model."""
        return reply(ModelList(tuple(self._models.list())))
