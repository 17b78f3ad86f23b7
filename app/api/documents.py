"""Documents: upload, look at, say something of, hand out, remove; and the sets in which they stand."""

import re
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp
from msgspec import Meta

from app import errors
from app.api.auth import HttpRequest, Permission, caller_of
from app.api.bodies import read_json, uuid_or
from app.api.document_doors import Documents
from app.api.document_fields import FILTERS, FORM_FIELDS, FORM_SCHEMA, DocumentChange, filter_of, said_in_form
from app.api.downloads import ORIGINAL, Download, etag_of, file_headers, part_of
from app.api.pages import PARAMETERS, cursor_of, limit_of, next_cursor
from app.api.problems import BodyTooSlow, CodingUnknown
from app.api.replies import no_content, reply
from app.api.routing import Doc, Parameter, Success, route
from app.api.uploads import FIELD, read_upload
from app.errors import DocumentUnknown
from app.ids import DocumentId
from app.retrieval.document_rows import Document, DocumentDetail, DocumentSet, DocumentText
from app.retrieval.documents import Upload

TEXT_CHARS = 20_000
_OFFSET = re.compile(r"[0-9]{1,9}")


class UploadView(msgspec.Struct, frozen=True, kw_only=True):
    """An upload that is kept; the job makes it findable."""

    job_id: UUID
    document_id: UUID
    status: Literal["accepted"]
    status_url: str
    version: Annotated[int, Meta(description="1 for a new name; a newer version replaces the older when it is ready.")]
    is_new: Annotated[bool, Meta(description="False when the newest version already has this very content.")]


class RemovalView(msgspec.Struct, frozen=True):
    """A document that no question finds any more, and that a store still has."""

    document_id: UUID
    status: Literal["clearing"]


class DocumentPage(msgspec.Struct, frozen=True):
    """Documents, newest first."""

    documents: tuple[Document, ...]
    next_cursor: str | None


class SetPage(msgspec.Struct, frozen=True):
    """Sets, by name."""

    sets: tuple[DocumentSet, ...]
    next_cursor: str | None


UPLOAD = Doc(
    summary="Upload a document",
    tag="documents",
    text="Markdown, plain text, CSV, web pages, PDF, Word (.docx), slides (.pptx), workbooks (.xlsx), mails (.eml) and "
    "JSON (also Lines), told by their content; the name decides where it may be several. Text may be in any encoding "
    "that can be told, else the Content-Type of the part says it (`text/plain; charset=windows-1251`). The name of the "
    "file is the document's name; the same name again makes a new version. Fields before or after it say something of "
    "the document; what they leave out stays. The answer comes when the original is safely kept; ask the job when "
    "questions find it.",
    body_media_type="multipart/form-data",
    body_schema={
        "type": "object",
        "required": [FIELD],
        "properties": {FIELD: {"type": "string", "format": "binary"}, **FORM_SCHEMA},
    },
    successes={202: Success("Kept; being read in", body=UploadView, headers={"location": "Where to ask the job."})},
    refusals=(
        errors.BadInput,
        errors.MediaTypeUnknown,
        CodingUnknown,
        errors.BodyTooLarge,
        BodyTooSlow,
        errors.StoreUnavailable,
    ),
)
TEXT = Doc(
    summary="What was read of a document",
    tag="documents",
    text="The characters that citations count: the `quote` of one is `start_offset` to `end_offset` of them. "
    f"At most {TEXT_CHARS} at a time.",
    parameters=(
        Parameter(
            "start", "query", "The first character; 0 by default.", {"type": "integer", "minimum": 0, "default": 0}
        ),
        Parameter("end", "query", "The character before which it ends.", {"type": "integer", "minimum": 0}),
    ),
    successes={200: Success("The text", body=DocumentText)},
    refusals=(errors.BadInput, DocumentUnknown, errors.StoreUnavailable),
)
GET = Doc(
    summary="Look at a document",
    tag="documents",
    text="One version, what its owner says of the document, and the newest hundred versions under its name.",
    successes={200: Success("The document", body=DocumentDetail)},
    refusals=(DocumentUnknown, errors.StoreUnavailable),
)
CHANGE = Doc(
    summary="Say something of a document",
    tag="documents",
    text="Holds for all its versions, also for one that is on its way. Searches and lists see it at once.",
    body=DocumentChange,
    example={"set": "filings", "metadata": {"ticker": "AAPL", "date": "2024-09-28", "tags": ["10-K"]}},
    successes={200: Success("The document as it is now", body=Document)},
    refusals=(
        errors.BadInput,
        DocumentUnknown,
        errors.MediaTypeUnknown,
        CodingUnknown,
        errors.BodyTooLarge,
        BodyTooSlow,
        errors.StoreUnavailable,
    ),
)
REPROCESS = Doc(
    summary="Read a document in again",
    tag="documents",
    text="From the newest original under its name, as a next version; what is live serves until that is ready. Where a "
    "version is on its way already, that one is told (`is_new` is false).",
    successes={
        202: Success("Being read in", body=UploadView, headers={"location": "Where to ask the job."}),
    },
    refusals=(DocumentUnknown, errors.StoreUnavailable),
)
SETS = Doc(
    summary="List sets of documents",
    tag="documents",
    text="A set is there as long as a document stands in it: an upload or a change that names it makes it.",
    parameters=PARAMETERS,
    successes={200: Success("One page", body=SetPage)},
    refusals=(errors.BadInput, errors.StoreUnavailable),
)
LIST = Doc(
    summary="List documents",
    tag="documents",
    text="Newest first. What is asked for twice must hold twice.",
    parameters=(*PARAMETERS, *FILTERS),
    successes={200: Success("One page", body=DocumentPage)},
    refusals=(errors.BadInput, errors.StoreUnavailable),
)
DELETE = Doc(
    summary="Remove a document",
    tag="documents",
    text="With all its versions; no question finds it from now on. Where a store does not answer, 202 comes within "
    "about three seconds, and what is left in it is cleared away later; there is nothing more to do.",
    successes={
        204: Success("It is gone, from every store"),
        202: Success("It is gone for every question; a store is cleared later", body=RemovalView),
    },
    refusals=(DocumentUnknown, errors.StoreUnavailable),
)


class DocumentRoutes:
    """The routes of documents and their sets."""

    def __init__(self, documents: Documents, *, upload_limit_bytes: int, body_limit_bytes: int) -> None:
        self._documents = documents
        self._upload_limit_bytes = upload_limit_bytes
        self._body_limit_bytes = body_limit_bytes
        self._decoder = msgspec.json.Decoder(DocumentChange)

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        one = "/api/v1/documents/{document_id:str}"
        return [
            route("POST", "/api/v2/upload", self.upload, Permission.WRITE, UPLOAD),
            route("GET", "/api/v1/documents", self.list, Permission.READ, LIST),
            route("GET", one, self.get, Permission.READ, GET),
            route("PATCH", one, self.change, Permission.WRITE, CHANGE),
            route("DELETE", one, self.remove, Permission.WRITE, DELETE),
            route("GET", f"{one}/text", self.text, Permission.READ, TEXT),
            route("GET", f"{one}/original", self.original, Permission.READ, ORIGINAL),
            route("POST", f"{one}/reprocess", self.reprocess, Permission.WRITE, REPROCESS),
            route("GET", "/api/v1/document-sets", self.sets, Permission.READ, SETS),
        ]

    async def upload(self, request: HttpRequest) -> ASGIApp:
        """Keep the uploaded file and start its job."""
        caller = caller_of(request)
        async with read_upload(request, self._upload_limit_bytes, FORM_FIELDS) as file:
            kept = await self._documents.add(
                caller.tenant_id,
                file.name,
                file.media_type,
                file.body,
                request_id=str(request.scope["state"]["request_id"]),
                said=lambda: said_in_form(file.fields),
            )
        return _told(kept)

    async def get(self, request: HttpRequest) -> ASGIApp:
        """Return one document."""
        return reply(await self._documents.detail(caller_of(request).tenant_id, _document_id_of(request)))

    async def list(self, request: HttpRequest) -> ASGIApp:
        """Return one page of documents."""
        limit, after = limit_of(request), cursor_of(request, UUID)
        rows = await self._documents.list(
            caller_of(request).tenant_id,
            limit=limit,
            after=None if after is None else DocumentId(after),
            asked=filter_of(request),
        )
        return reply(DocumentPage(tuple(rows), next_cursor(len(rows) == limit, rows[-1].id if rows else None)))

    async def sets(self, request: HttpRequest) -> ASGIApp:
        """Return one page of sets."""
        limit, after = limit_of(request), cursor_of(request, str)
        rows = await self._documents.sets(caller_of(request).tenant_id, limit=limit, after=after)
        return reply(SetPage(tuple(rows), next_cursor(len(rows) == limit, rows[-1].name if rows else None)))

    async def change(self, request: HttpRequest) -> ASGIApp:
        """Say something of one document."""
        document_id = _document_id_of(request)
        asked = await read_json(request, self._decoder, self._body_limit_bytes)
        return reply(await self._documents.change(caller_of(request).tenant_id, document_id, asked.said()))

    async def text(self, request: HttpRequest) -> ASGIApp:
        """Return a part of a document's text."""
        start = _offset_of(request, "start", 0)
        end = min(_offset_of(request, "end", start + TEXT_CHARS), start + TEXT_CHARS)
        tenant_id, document_id = caller_of(request).tenant_id, _document_id_of(request)
        return reply(await self._documents.text(tenant_id, document_id, start=start, end=end))

    async def original(self, request: HttpRequest) -> ASGIApp:
        """Hand out what was uploaded."""
        tenant_id, document_id = caller_of(request).tenant_id, _document_id_of(request)
        asked, only_if = request.headers.get("range"), request.headers.get("if-range")
        original = await self._documents.original(
            tenant_id, document_id, part_of=lambda one: part_of(asked, only_if, one.size_bytes, etag_of(one.sha256))
        )
        document = original.document
        headers = file_headers(document.name, document.media_type, document.size_bytes, document.sha256)
        return Download(original.pieces, headers, original.part)

    async def reprocess(self, request: HttpRequest) -> ASGIApp:
        """Read one document in again."""
        request_id = str(request.scope["state"]["request_id"])
        tenant_id, document_id = caller_of(request).tenant_id, _document_id_of(request)
        return _told(await self._documents.reprocess(tenant_id, document_id, request_id=request_id))

    async def remove(self, request: HttpRequest) -> ASGIApp:
        """Remove one document."""
        document_id = _document_id_of(request)
        if await self._documents.remove(caller_of(request).tenant_id, document_id):
            return no_content()
        return reply(RemovalView(document_id, "clearing"), status=202)


def _told(kept: Upload) -> ASGIApp:
    status_url = f"/api/v2/jobs/{kept.job_id}"
    view = UploadView(
        job_id=kept.job_id,
        document_id=kept.document_id,
        status="accepted",
        status_url=status_url,
        version=kept.version,
        is_new=kept.is_new,
    )
    return reply(view, status=202, headers={"location": status_url})


def _document_id_of(request: HttpRequest) -> DocumentId:
    return DocumentId(uuid_or(request.path_params["document_id"], DocumentUnknown, "document"))


def _offset_of(request: HttpRequest, name: str, default: int) -> int:
    told = request.query_params.get(name)
    if told is None:
        return default
    if not _OFFSET.fullmatch(told):
        raise errors.BadInput(f"`{name}` must be a whole number of characters", field=name)
    return int(told)
