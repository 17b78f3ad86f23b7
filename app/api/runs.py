"""Runs: look at one, follow it from any place, stop it."""

import contextlib

import msgspec
import structlog
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from app import errors
from app.api.asking import ResumeRequest, to_answer
from app.api.auth import HttpRequest, Permission, caller_of
from app.api.bodies import read_json, uuid_or
from app.api.doors import Places, Runner, Runs
from app.api.problems import BodyTooSlow, CodingUnknown
from app.api.replies import reply, result_headers
from app.api.routing import Doc, Success, route
from app.api.shapes import RunView, to_view
from app.api.sse import LAST_EVENT, EventStream, last_event_of, write_event
from app.api.surface import STREAM_TEXT
from app.errors import BadInput, RunUnknown
from app.ids import RunId

GET = Doc(
    summary="Look at a run",
    tag="runs",
    successes={200: Success("The run as it stands", body=RunView)},
    refusals=(RunUnknown, errors.StoreUnavailable),
)
EVENTS = Doc(
    summary="Follow a run's events",
    tag="runs",
    text="Goes on after the event named by `Last-Event-ID` or `after`, on any replica; without one, from the start. "
    "What is no id that this run gave out is refused. "
    "Leaving this stream never stops the run.",
    parameters=LAST_EVENT,
    successes={200: Success(STREAM_TEXT, media_type="text/event-stream")},
    refusals=(errors.BadInput, RunUnknown, errors.StoreUnavailable),
)
RESUME = Doc(
    summary="Answer a run that waits",
    tag="runs",
    text="Gives a person's answer to what the run asks; once nothing is left open it goes on, under the same id: "
    "follow it at /api/v1/runs/{run_id}/events. The same answer once more, with the same `interrupt_id`, changes "
    "nothing.",
    body=ResumeRequest,
    example={"answer": "yes"},
    successes={202: Success("The answer is stored; the run as it stands", body=RunView)},
    refusals=(
        errors.BadInput,
        RunUnknown,
        errors.RunNotWaiting,
        errors.InterruptUnknown,
        errors.MediaTypeUnknown,
        CodingUnknown,
        errors.BodyTooLarge,
        BodyTooSlow,
        errors.StoreUnavailable,
    ),
)
CANCEL = Doc(
    summary="Stop a run",
    tag="runs",
    text="Frees its slot and returns the run as it stands then; a run that has ended stays as it is.",
    successes={
        200: Success("The run has ended", body=RunView),
        202: Success("The run was asked to stop and has not ended yet", body=RunView),
    },
    refusals=(RunUnknown, errors.StoreUnavailable),
)


class RunRoutes:
    """The routes under /api/v1/runs."""

    def __init__(self, runner: Runner, runs: Runs, places: Places, *, body_limit_bytes: int) -> None:
        self._runner = runner
        self._runs = runs
        self._places = places
        self._body_limit_bytes = body_limit_bytes
        self._decoder = msgspec.json.Decoder(ResumeRequest)

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        return [
            route("GET", "/api/v1/runs/{run_id:str}", self.get, Permission.READ, GET),
            route("GET", "/api/v1/runs/{run_id:str}/events", self.events, Permission.READ, EVENTS),
            route("POST", "/api/v1/runs/{run_id:str}/resume", self.resume, Permission.RUN, RESUME),
            route("POST", "/api/v1/runs/{run_id:str}/cancel", self.cancel, Permission.RUN, CANCEL),
        ]

    async def get(self, request: HttpRequest) -> ASGIApp:
        """Return the run as it stands."""
        result = await self._runs.get(caller_of(request).tenant_id, run_id_of(request))
        return reply(to_view(result), headers=result_headers(result))

    async def events(self, request: HttpRequest) -> ASGIApp:
        """Stream the run's events from where the client stopped."""
        return await follow(request, self._runner, self._places, run_id_of(request))

    async def resume(self, request: HttpRequest) -> ASGIApp:
        """Give the run a person's answer."""
        caller, run_id = caller_of(request), run_id_of(request)
        answer = to_answer(await read_json(request, self._decoder, self._body_limit_bytes))
        request_id = str(request.scope["state"]["request_id"])
        await self._runner.answer(caller, run_id, answer, request_id=request_id)
        return reply(to_view(await self._runs.get(caller.tenant_id, run_id)), status=202)

    async def cancel(self, request: HttpRequest) -> ASGIApp:
        """Stop the run."""
        caller, run_id = caller_of(request), run_id_of(request)
        with contextlib.suppress(TimeoutError):
            await self._runner.cancel(caller, run_id)
        view = to_view(await self._runs.get(caller.tenant_id, run_id))
        return reply(view, status=200 if view.ended else 202)


async def follow(request: HttpRequest, runner: Runner, places: Places, run_id: RunId) -> ASGIApp:
    """Stream a run's events from where the client stopped. Raises RunUnknown, BadInput for an id that is none."""
    caller = caller_of(request)
    field, after = last_event_of(request)
    # An unknown run must be a 404, and a wrong id a 422, which is impossible once the stream has begun.
    try:
        await places.check(caller.tenant_id, run_id, after)
    except BadInput as error:
        raise BadInput(error.detail, field=field) from error
    return EventStream(
        runner.events(caller, run_id, after),
        write=write_event,
        request_id=str(request.scope["state"]["request_id"]),
        headers={},
    )


def run_id_of(request: HttpRequest) -> RunId:
    """Return the run named in the path, and bind it for the logs. Raises RunUnknown."""
    run_id = RunId(uuid_or(request.path_params["run_id"], RunUnknown, "run"))
    structlog.contextvars.bind_contextvars(run_id=str(run_id))
    return run_id
