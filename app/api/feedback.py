"""/api/v1/runs/{run_id}/feedback: what the asker thinks of the answer."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp
from msgspec import Meta

from app import errors
from app.agents.feedback import TEXT_CHARACTERS, Feedback, FeedbackUnknown, GivenFeedback, Rating
from app.api.asking import check_storable
from app.api.auth import HttpRequest, Permission, caller_of
from app.api.bodies import read_json
from app.api.doors import FeedbackBook
from app.api.problems import BodyTooSlow, CodingUnknown
from app.api.replies import reply
from app.api.routing import Doc, Success, route
from app.api.runs import run_id_of
from app.ids import RunId

Score = Annotated[float, Meta(ge=0, le=1)]
PATH = "/api/v1/runs/{run_id:str}/feedback"


class FeedbackRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What somebody thinks of an answer."""

    rating: Rating
    text: Annotated[str, Meta(max_length=TEXT_CHARACTERS, description="Why; kept, and in no log.")] = ""
    score: Annotated[Score | None, Meta(description="How good, from 0 to 1.")] = None


class FeedbackView(msgspec.Struct, frozen=True, kw_only=True):
    """What this api key said of a run."""

    run_id: UUID
    rating: Rating
    text: str
    score: float | None
    given_at: datetime


GET = Doc(
    summary="Read your feedback on a run",
    tag="runs",
    text="What this api key said of the run; another key's is not shown.",
    successes={200: Success("What was said", body=FeedbackView)},
    refusals=(errors.RunUnknown, FeedbackUnknown, errors.StoreUnavailable),
)
POST = Doc(
    summary="Say what you think of an answer",
    tag="runs",
    text="One word of each api key on a run: said again, it takes the place of the one before. It goes with the run.",
    body=FeedbackRequest,
    example={"rating": "down", "text": "The premium is that of another policy."},
    successes={
        200: Success("It takes the place of what was said before", body=FeedbackView),
        201: Success("It is kept", body=FeedbackView),
    },
    refusals=(
        errors.BadInput,
        errors.RunUnknown,
        errors.MediaTypeUnknown,
        CodingUnknown,
        errors.BodyTooLarge,
        BodyTooSlow,
        errors.StoreUnavailable,
    ),
)


class FeedbackRoutes:
    """The routes of feedback."""

    def __init__(self, book: FeedbackBook, *, body_limit_bytes: int) -> None:
        self._book = book
        self._body_limit_bytes = body_limit_bytes
        self._decoder = msgspec.json.Decoder(FeedbackRequest)

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        return [
            route("GET", PATH, self.get, Permission.READ, GET),
            route("POST", PATH, self.post, Permission.WRITE, POST),
        ]

    async def get(self, request: HttpRequest) -> ASGIApp:
        """Return what the key said."""
        run_id = run_id_of(request)
        return reply(_view(run_id, await self._book.get(caller_of(request), run_id)))

    async def post(self, request: HttpRequest) -> ASGIApp:
        """Keep what the key says."""
        run_id = run_id_of(request)
        asked = await read_json(request, self._decoder, self._body_limit_bytes)
        check_storable(asked.text, "text")
        said = Feedback(asked.rating, asked.text, asked.score)
        given = await self._book.give(caller_of(request), run_id, said)
        return reply(_view(run_id, given), status=201 if given.is_new else 200)


def _view(run_id: RunId, given: GivenFeedback) -> FeedbackView:
    said = given.said
    return FeedbackView(run_id=run_id, rating=said.rating, text=said.text, score=said.score, given_at=given.given_at)
