"""/api/v1/search: the passages of a tenant's documents that may answer a question."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp
from msgspec import Meta

from app import errors
from app.api.asking import check_storable
from app.api.auth import HttpRequest, Permission, caller_of
from app.api.bodies import decode, read_json
from app.api.document_doors import Search
from app.api.model_doors import Book, Models
from app.api.replies import reply
from app.api.routing import Doc, Parameter, Success, route
from app.degradation import Degradation
from app.ids import Caller
from app.inference.words.account import Account, Purpose
from app.inference.words.records import Embedding
from app.retrieval.filters import DocumentFilter
from app.retrieval.media import MediaType
from app.retrieval.passages import Passage
from app.retrieval.scope import Scope
from app.retrieval.search import CONTEXT_TOKENS, LIMIT, Embed, SearchOutcome

AGENT = "search"
DEFAULT_LIMIT = 10
LEAST_TOKENS = 50
QUESTION_CHARACTERS = 4_000
SCORE = (
    "From 0 to 1: how likely it is that what is asked for stands there, by how near the meaning is, how many of the "
    "question's words are there, the rarer the more, and what stands beside it. Fitted to labelled questions for the "
    "packaged embedder; with another one it only compares passages. Below `floor` nothing is returned."
)
_LISTS = {"document": "documents", "tag": "tags", "media_type": "media_types"}
_WORDS = ("set", "ticker", "date_from", "date_to")
NAMES = 100
"""Documents or tags that one search may name."""

Name = Annotated[str, Meta(min_length=1, max_length=300)]
Names = Annotated[tuple[Name, ...], Meta(max_length=NAMES)]


class SearchFilters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which documents are looked into: those for which all that is given holds. Nothing given: all."""

    documents: Annotated[Names, Meta(description="Ids or names; one that is not there is `document_unknown`.")] = ()
    set: Annotated[Name | None, Meta(description="In this set.")] = None
    tags: Annotated[Names, Meta(description="With every one of these tags.")] = ()
    ticker: Annotated[Name | None, Meta(description="With this ticker.")] = None
    date_from: Annotated[Name | None, Meta(description="Dated then or later; without a date it is left out.")] = None
    date_to: Annotated[Name | None, Meta(description="Dated then or earlier; without a date it is left out.")] = None
    media_types: Annotated[tuple[MediaType, ...], Meta(max_length=len(MediaType))] = ()

    def scope(self) -> Scope:
        """Return the same as a search takes it. Raises BadInput."""
        among = DocumentFilter.read(
            set_name=self.set, ticker=self.ticker, tags=self.tags, date_from=self.date_from, date_to=self.date_to
        )
        return Scope(documents=self.documents, media_types=self.media_types, among=among)


NO_FILTERS = SearchFilters()


class SearchRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A question to a tenant's documents. Unknown fields are refused."""

    question: Annotated[str, Meta(min_length=1, max_length=QUESTION_CHARACTERS, pattern=r"\S")]
    limit: Annotated[int, Meta(ge=1, le=LIMIT, description="Chunks at most; neighbours come as one passage.")] = (
        DEFAULT_LIMIT
    )
    budget_tokens: Annotated[
        int, Meta(ge=LEAST_TOKENS, le=CONTEXT_TOKENS, description="What the passages may come to together.")
    ] = CONTEXT_TOKENS
    filters: Annotated[
        SearchFilters, Meta(description="Which documents are looked into; all that is given must hold.")
    ] = NO_FILTERS


class PassageView(msgspec.Struct, frozen=True, kw_only=True):
    """A passage: `text` is characters `start_offset` to `end_offset` of the document's text."""

    document_id: UUID
    document: Annotated[str, Meta(description="The document's name.")]
    title: Annotated[str, Meta(description="What the document calls itself, or empty.")]
    page: Annotated[int | None, Meta(description="From 1; null in a document without pages.")]
    heading: Annotated[str, Meta(description="The headings above it.")]
    start_offset: int
    end_offset: int
    text: str
    lead: Annotated[str, Meta(description="Caption and header row, where it goes on in a table.")]
    score: Annotated[float, Meta(ge=0, le=1, description=SCORE)]
    also: Annotated[tuple[str, ...], Meta(description="Other documents that hold the same text.")]


class ColdView(msgspec.Struct, frozen=True, kw_only=True):
    """A document that was not looked into: `POST /api/v1/documents/{id}/restore` brings it back."""

    document_id: UUID
    document: Annotated[str, Meta(description="The document's name.")]


class SearchView(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, best first."""

    outcome: SearchOutcome
    passages: tuple[PassageView, ...]
    best_score: Annotated[
        float | None, Meta(description="The highest score of anything, found or not; null where nothing was there.")
    ]
    floor: Annotated[float, Meta(description="The least score of a passage.")]
    score_meaning: str
    tokens: Annotated[int, Meta(description="What the passages come to together, as estimated.")]
    budget_tokens: int
    degraded: Annotated[
        tuple[Degradation, ...], Meta(description="What the search had to do without; passages come all the same.")
    ]
    cold: Annotated[
        tuple[ColdView, ...],
        Meta(description="Documents that the filters leave and that are in cold storage, 20 at most."),
    ]


_LIST_SCHEMA = {"type": "array", "items": {"type": "string"}}
GET_PARAMETERS = (
    Parameter("question", "query", "What is asked.", {"type": "string", "minLength": 1, "maxLength": 4_000}),
    Parameter(
        "limit",
        "query",
        "Chunks at most; neighbours come as one passage.",
        {"type": "integer", "minimum": 1, "maximum": LIMIT, "default": DEFAULT_LIMIT},
    ),
    Parameter(
        "budget_tokens",
        "query",
        "What the passages may come to together.",
        {"type": "integer", "minimum": LEAST_TOKENS, "maximum": CONTEXT_TOKENS, "default": CONTEXT_TOKENS},
    ),
    Parameter("document", "query", "An id or a name; may be repeated.", _LIST_SCHEMA),
    Parameter("set", "query", "A set of documents."),
    Parameter("tag", "query", "A tag that documents must have; may be repeated.", _LIST_SCHEMA),
    Parameter("ticker", "query", "A ticker."),
    Parameter("media_type", "query", "A media type; may be repeated.", _LIST_SCHEMA),
    Parameter("date_from", "query", "The earliest date of a document.", {"type": "string", "format": "date"}),
    Parameter("date_to", "query", "The latest date of a document.", {"type": "string", "format": "date"}),
)
TEXT = (
    "By meaning and by words; equal texts come once, neighbours as one passage, and all fit the budget. `outcome` says "
    "honestly when nothing was found. A filter that names a document which is not there, or is another tenant's, is "
    "`document_unknown`."
)
REFUSALS = (
    errors.BadInput,
    errors.DocumentUnknown,
    errors.ContextTooLong,
    errors.NoNodeAvailable,
    errors.NoSlotInTime,
    errors.NodeFailed,
    errors.StoreUnavailable,
)
GET = Doc(
    summary="Search in documents",
    tag="documents",
    text=TEXT,
    parameters=GET_PARAMETERS,
    successes={200: Success("What was found", body=SearchView)},
    refusals=REFUSALS,
)
POST = Doc(
    summary="Search in documents, with filters in a body",
    tag="documents",
    text=TEXT,
    body=SearchRequest,
    example={"question": "How many plates fit in a kiln?", "limit": 5, "filters": {"tags": ["manual"]}},
    successes={200: Success("What was found", body=SearchView)},
    refusals=(*REFUSALS, errors.MediaTypeUnknown, errors.BodyTooLarge),
)


class SearchRoutes:
    """The routes of search."""

    def __init__(self, search: Search, models: Models, book: Book, *, body_limit_bytes: int) -> None:
        self._search = search
        self._models = models
        self._book = book
        self._decoder = msgspec.json.Decoder(SearchRequest)
        self._body_limit_bytes = body_limit_bytes

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        return [
            route("GET", "/api/v1/search", self.get, Permission.READ, GET),
            route("POST", "/api/v1/search", self.post, Permission.READ, POST),
        ]

    async def get(self, request: HttpRequest) -> ASGIApp:
        """Search for what the query says."""
        return await self._reply(caller_of(request), _asked(request, self._decoder))

    async def post(self, request: HttpRequest) -> ASGIApp:
        """Search for what the body says."""
        caller = caller_of(request)
        return await self._reply(caller, await read_json(request, self._decoder, self._body_limit_bytes))

    async def _reply(self, caller: Caller, asked: SearchRequest) -> ASGIApp:
        _check(asked)
        looked = await self._search.find(
            caller.tenant_id,
            asked.question,
            embed=self._embed_for(caller),
            limit=asked.limit,
            budget_tokens=asked.budget_tokens,
            scope=asked.filters.scope(),
        )
        return reply(
            SearchView(
                outcome=looked.outcome,
                passages=tuple(map(_view, looked.passages)),
                best_score=None if looked.best is None else round(looked.best, 4),
                floor=looked.floor,
                score_meaning=SCORE,
                tokens=looked.tokens,
                budget_tokens=asked.budget_tokens,
                degraded=looked.degraded,
                cold=tuple(ColdView(document_id=one.id, document=one.name) for one in looked.cold),
            )
        )

    def _embed_for(self, caller: Caller) -> Embed:
        account = Account(purpose=Purpose.SEARCH, tenant_id=caller.tenant_id, key_id=caller.key_id)

        async def embed(model: str, texts: Sequence[str]) -> Embedding:
            return await self._models.embed(texts, agent=AGENT, account=account, on_usage=self._book.take, model=model)

        return embed


def _asked(request: HttpRequest, decoder: "msgspec.json.Decoder[SearchRequest]") -> SearchRequest:
    """Return the query as the body that says the same. Raises BadInput."""
    given = request.query_params
    known = {"question", "limit", "budget_tokens", *_LISTS, *_WORDS}
    if strange := sorted(set(given.keys()) - known):
        raise errors.BadInput(f"there is no parameter `{strange[0][:60]}`", field=strange[0][:60])
    for name in ("question", "limit", "budget_tokens", *_WORDS):
        if len(given.getall(name, [])) > 1:
            raise errors.BadInput(f"`{name}` is given twice", field=name)
    body: dict[str, object] = {name: given[name] for name in ("question",) if name in given}
    body |= {name: _whole(given[name], name) for name in ("limit", "budget_tokens") if name in given}
    filters: dict[str, object] = {field: given.getall(name) for name, field in _LISTS.items() if name in given}
    filters |= {name: given[name] for name in _WORDS if name in given}
    return decode(decoder, msgspec.json.encode({**body, "filters": filters}))


def _check(asked: SearchRequest) -> None:
    check_storable(asked.question, "question")
    for name in asked.filters.documents:
        check_storable(name, "documents")


def _whole(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 6):
        raise errors.BadInput(f"`{name}` is a whole number", field=name)
    return int(text)


def _view(passage: Passage) -> PassageView:
    return PassageView(
        document_id=passage.document_id,
        document=passage.document,
        title=passage.title,
        page=passage.page,
        heading=passage.heading,
        start_offset=passage.start_offset,
        end_offset=passage.end_offset,
        text=passage.text,
        lead=passage.lead,
        score=round(passage.score, 4),
        also=passage.also,
    )
