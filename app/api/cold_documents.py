"""Brings documents back that left the index."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp
from msgspec import Meta

from app.api.auth import HttpRequest, Permission, caller_of
from app.api.bodies import uuid_or
from app.api.document_doors import Cold
from app.api.replies import reply
from app.api.routing import Doc, Success, route
from app.errors import DocumentUnknown, StoreUnavailable
from app.ids import DocumentId


class RestoreView(msgspec.Struct, frozen=True, kw_only=True):
    """A document that comes back, or never was away."""

    document_id: UUID
    job_id: UUID
    status_url: str
    is_new: Annotated[bool, Meta(description="False when its newest job was there before: it is on its way, or back.")]


RESTORE = Doc(
    summary="Bring a document back from cold storage",
    tag="documents",
    text="A document that nobody used for long is `cold`: its text can be read, and no question finds it. This puts it "
    "back into the index, with the offsets that it had; ask the job when questions find it again. Asking twice changes "
    "nothing, nor does asking for a document that is not cold.",
    successes={
        202: Success("Being brought back", body=RestoreView, headers={"location": "Where to ask the job."}),
        200: Success("It is on its way, or not cold", body=RestoreView),
    },
    refusals=(DocumentUnknown, StoreUnavailable),
)


class ColdRoutes:
    """The route of cold documents."""

    def __init__(self, cold: Cold) -> None:
        self._cold = cold

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handler."""
        path = "/api/v1/documents/{document_id:str}/restore"
        return [route("POST", path, self.restore, Permission.WRITE, RESTORE)]

    async def restore(self, request: HttpRequest) -> ASGIApp:
        """Restore one document."""
        document_id = DocumentId(uuid_or(request.path_params["document_id"], DocumentUnknown, "document"))
        restored = await self._cold.restore(caller_of(request).tenant_id, document_id)
        status_url = f"/api/v2/jobs/{restored.job_id}"
        view = RestoreView(
            document_id=document_id, job_id=restored.job_id, status_url=status_url, is_new=restored.is_new
        )
        return reply(view, status=202 if restored.is_new else 200, headers={"location": status_url})
