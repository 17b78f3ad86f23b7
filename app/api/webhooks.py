"""Webhooks: which ends of tasks were told, which were not, and one more try."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp
from msgspec import Meta

from app import errors
from app.api.auth import HttpRequest, Permission, caller_of
from app.api.bodies import uuid_or
from app.api.document_fields import words_of
from app.api.pages import PARAMETERS, cursor_of, limit_of, next_cursor
from app.api.replies import reply
from app.api.routing import Doc, Parameter, Success, route
from app.api.task_doors import Deliveries
from app.errors import BadInput
from app.ids import RunId
from app.webhooks.deliveries import Wanted
from app.webhooks.rows import Delivery, DeliveryState, DeliveryUnknown


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery of a task's end to its `callback_url`."""

    webhook_id: Annotated[UUID, Meta(description="What the receiver sees as `webhook-id`, at every attempt.")]
    task_id: UUID
    url: str
    state: DeliveryState
    attempts: int
    next_at: Annotated[datetime | None, Meta(description="When it is tried again; null once it is over.")]
    last_status: Annotated[int | None, Meta(description="What the receiver answered last.")]
    last_error: Annotated[str | None, Meta(description="Why the last attempt did not come through.")]
    created_at: datetime
    finished_at: datetime | None


class DeliveryPage(msgspec.Struct, frozen=True):
    """Deliveries, newest first."""

    webhooks: tuple[DeliveryView, ...]
    next_cursor: str | None


LIST = Doc(
    summary="List webhooks",
    tag="tasks",
    text="With `state=dead`, the dead letters: ends that were given up. A delivery is kept as long as its task.",
    parameters=(
        *PARAMETERS,
        Parameter(
            "state",
            "query",
            "Those in this state; may come several times: in one of them.",
            {"type": "string", "enum": [state.value for state in DeliveryState]},
        ),
        Parameter("task_id", "query", "Those of this task.", {"type": "string", "format": "uuid"}),
    ),
    successes={200: Success("One page", body=DeliveryPage)},
    refusals=(BadInput, errors.StoreUnavailable),
)
REDELIVER = Doc(
    summary="Deliver a webhook again",
    tag="tasks",
    text="Begins its attempts anew, whatever became of it; the receiver sees the same `webhook-id`.",
    successes={202: Success("It is tried now", body=DeliveryView)},
    refusals=(DeliveryUnknown, errors.StoreUnavailable),
)


class WebhookRoutes:
    """The routes under /api/v1/webhooks."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        again = "/api/v1/webhooks/{webhook_id:str}/redeliver"
        return [
            route("GET", "/api/v1/webhooks", self.list, Permission.READ, LIST),
            route("POST", again, self.redeliver, Permission.RUN, REDELIVER),
        ]

    async def list(self, request: HttpRequest) -> ASGIApp:
        """Return one page of deliveries."""
        limit, place = limit_of(request), cursor_of(request, tuple[datetime, UUID])
        task = request.query_params.get("task_id")
        wanted = Wanted(
            states=words_of(request, "state", tuple(DeliveryState)),
            run_id=None if task is None else RunId(uuid_or(task, BadInput, "task")),
        )
        found = await self._deliveries.list(caller_of(request).tenant_id, wanted, limit=limit, place=place)
        last = (found[-1].created_at, found[-1].id) if found else None
        return reply(DeliveryPage(tuple(map(view_delivery, found)), next_cursor(len(found) == limit, last)))

    async def redeliver(self, request: HttpRequest) -> ASGIApp:
        """Have one delivered again."""
        delivery_id = uuid_or(request.path_params["webhook_id"], DeliveryUnknown, "webhook")
        delivery = await self._deliveries.redeliver(caller_of(request).tenant_id, delivery_id)
        return reply(view_delivery(delivery), status=202)


def view_delivery(delivery: Delivery) -> DeliveryView:
    """Return a delivery as its owner sees it."""
    return DeliveryView(
        webhook_id=delivery.id,
        task_id=delivery.run_id,
        url=delivery.url,
        state=delivery.state,
        attempts=delivery.attempts,
        next_at=delivery.next_at if delivery.state is DeliveryState.PENDING else None,
        last_status=delivery.last_status,
        last_error=delivery.last_error,
        created_at=delivery.created_at,
        finished_at=delivery.finished_at,
    )
