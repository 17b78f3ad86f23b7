"""Tasks: runs that are asked for without waiting for them; a worker does each, wherever its replica is by then."""

import contextlib
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import structlog
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from app import errors
from app.agents.task_refusals import TaskNotRequeuable, TooManyTasks
from app.agents.tasks import Wanted
from app.agents.values import StartRun
from app.api import contracts
from app.api.asking import check_storable
from app.api.auth import HttpRequest, Permission, caller_of
from app.api.bodies import read_json, uuid_or
from app.api.document_fields import words_of
from app.api.doors import Places, Runner
from app.api.pages import PARAMETERS as PAGE
from app.api.pages import cursor_of, limit_of, next_cursor
from app.api.problems import BodyTooSlow, CodingUnknown
from app.api.replies import reply
from app.api.routing import Doc, Parameter, Success, route
from app.api.runs import follow
from app.api.shapes import to_start
from app.api.sse import LAST_EVENT
from app.api.surface import PARAMETERS, STREAM_TEXT, idempotency_key_of
from app.api.task_doors import Deliveries, Loads, Tasks
from app.api.task_shapes import (
    LoadView,
    TaskAccepted,
    TaskPage,
    TaskRequest,
    TaskStatus,
    TaskView,
    states_of,
    status_url,
    to_accepted,
    to_load,
    to_task,
)
from app.callback_urls import CallbackRefused
from app.errors import BadInput, RunUnknown
from app.ids import RunId

ACCEPT_REFUSALS: tuple[type[errors.SwitchyardError], ...] = (
    BadInput,
    CallbackRefused,
    errors.SessionUnknown,
    errors.SessionBusy,
    TooManyTasks,
    errors.IdempotencyMismatch,
    errors.ContractUnmet,
    errors.MediaTypeUnknown,
    CodingUnknown,
    errors.BodyTooLarge,
    BodyTooSlow,
    errors.StoreUnavailable,
)
"""What whoever accepts a task may say instead."""
STORED = {"location": "Where to ask how it stands.", "idempotent-replayed": "`true` when the key named it already."}
SUBMIT = Doc(
    summary="Ask a team without waiting",
    tag="tasks",
    text="The task is stored before this answers; a worker does it, though every replica ends meanwhile, and it waits "
    "for a node until `deadline_s`. Ask how it stands at `status_url`, follow it at `events_url`, or name a "
    "`callback_url`. Its id is the id of its run.",
    body=TaskRequest,
    example={"team": "insurance", "message": "What is my auto insurance premium?"},
    parameters=PARAMETERS,
    successes={202: Success("It is stored", body=TaskAccepted, headers=STORED)},
    refusals=ACCEPT_REFUSALS,
)
GET = Doc(
    summary="How does a task stand?",
    tag="tasks",
    successes={200: Success("The task", body=TaskView)},
    refusals=(RunUnknown, errors.StoreUnavailable),
)
EVENTS = Doc(
    summary="Follow a task",
    tag="tasks",
    text="The events of its run, from the start or after the event named by `Last-Event-ID` or `after`, on any "
    "replica. Leaving stops nothing.",
    parameters=LAST_EVENT,
    successes={200: Success(STREAM_TEXT, media_type="text/event-stream")},
    refusals=(BadInput, RunUnknown, errors.StoreUnavailable),
)
INSTANT = {"type": "string", "format": "date-time"}
LIST = Doc(
    summary="List tasks",
    tag="tasks",
    parameters=(
        *PAGE,
        Parameter(
            "status",
            "query",
            "Those that stand so; may come several times: in one of these ways.",
            {"type": "string", "enum": [status.value for status in TaskStatus]},
        ),
        Parameter("team", "query", "Those of this team."),
        Parameter("created_after", "query", "Those accepted then or later, with an offset from UTC.", INSTANT),
        Parameter("created_before", "query", "Those accepted earlier.", INSTANT),
    ),
    successes={200: Success("One page, newest first", body=TaskPage)},
    refusals=(BadInput, errors.StoreUnavailable),
)
CANCEL = Doc(
    summary="Stop a task",
    tag="tasks",
    text="One that nobody has begun ends at once; one that a worker is at stops within its lease. One that has ended "
    "stays as it is.",
    successes={
        200: Success("It has ended", body=TaskView),
        202: Success("It was asked to stop and has not ended yet", body=TaskView),
    },
    refusals=(RunUnknown, errors.StoreUnavailable),
)
REQUEUE = Doc(
    summary="Begin a task again",
    tag="tasks",
    text="For one that is `dead`, or failed in a way that may go well another time. What it has done is kept and not "
    "done again; its deadline counts anew, and its end is told to its `callback_url` again.",
    successes={202: Success("A worker begins it", body=TaskView)},
    refusals=(RunUnknown, TaskNotRequeuable, errors.SessionBusy, errors.SessionUnknown, errors.StoreUnavailable),
)

LOAD = Doc(
    summary="How many workers are needed?",
    tag="tasks",
    text="For operators: the tasks of all tenants that wait or run, and the number of workers that they ask for.",
    successes={200: Success("The load", body=LoadView)},
    refusals=(errors.NotPermitted, errors.StoreUnavailable),
)


class TaskRoutes:
    """The routes under /api/v1/tasks and /tasks."""

    def __init__(
        self,
        runner: Runner,
        tasks: Tasks,
        places: Places,
        deliveries: Deliveries,
        load: Loads,
        *,
        body_limit_bytes: int,
        message_limit: int,
    ) -> None:
        self._runner = runner
        self._tasks = tasks
        self._places = places
        self._deliveries = deliveries
        self._load = load
        self._body_limit_bytes = body_limit_bytes
        self._message_limit = message_limit
        self._decoder = msgspec.json.Decoder(TaskRequest)

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        doc = replace(SUBMIT, limits={"message": self._message_limit})
        both = [
            made
            for path in ("/tasks/{task_id:str}", "/api/v1/tasks/{task_id:str}")
            for made in (
                route("GET", path, self.get, Permission.READ, GET),
                route("GET", f"{path}/events", self.events, Permission.READ, EVENTS),
            )
        ]
        return [
            *both,
            route("POST", "/api/v1/tasks", self.submit, Permission.RUN, doc),
            route("GET", "/api/v1/tasks", self.list, Permission.READ, LIST),
            route("GET", "/api/v1/tasks/load", self.load, Permission.OPERATE, LOAD),
            route("POST", "/api/v1/tasks/{task_id:str}/cancel", self.cancel, Permission.RUN, CANCEL),
            route("POST", "/api/v1/tasks/{task_id:str}/requeue", self.requeue, Permission.RUN, REQUEUE),
        ]

    async def submit(self, request: HttpRequest) -> ASGIApp:
        """Accept a task."""
        key = idempotency_key_of(request)
        asked = await read_json(request, self._decoder, self._body_limit_bytes)
        ask = to_start(
            asked.as_chat(),
            message_limit=self._message_limit,
            idempotency_key=key,
            request_id=str(request.scope["state"]["request_id"]),
            contract=contracts.contract_of(request, asked.contract),
        )
        ask = msgspec.structs.replace(ask, callback_url=asked.callback_url)
        return await accept(self._runner, self._deliveries, request, ask)

    async def get(self, request: HttpRequest) -> ASGIApp:
        """Return one task."""
        return reply(to_task(await self._tasks.get(caller_of(request).tenant_id, task_id_of(request))))

    async def events(self, request: HttpRequest) -> ASGIApp:
        """Stream what the task's run tells."""
        return await follow(request, self._runner, self._places, task_id_of(request))

    async def list(self, request: HttpRequest) -> ASGIApp:
        """Return one page of tasks."""
        limit, place = limit_of(request), cursor_of(request, tuple[datetime, RunId])
        query = request.query_params
        wanted = Wanted(
            states=states_of(words_of(request, "status", tuple(TaskStatus))),
            team=team_of(query.get("team")),
            after=instant_of(request, "created_after"),
            before=instant_of(request, "created_before"),
        )
        tasks = await self._tasks.list(caller_of(request).tenant_id, wanted, limit=limit, place=place)
        last = (tasks[-1].created_at, tasks[-1].result.run_id) if tasks else None
        return reply(TaskPage(tuple(map(to_task, tasks)), next_cursor(len(tasks) == limit, last)))

    async def load(self, request: HttpRequest) -> ASGIApp:
        """Return what the workers have to do."""
        del request
        return reply(to_load(await self._load.get()))

    async def cancel(self, request: HttpRequest) -> ASGIApp:
        """Stop the task."""
        caller, run_id = caller_of(request), task_id_of(request)
        with contextlib.suppress(TimeoutError):
            await self._runner.cancel(caller, run_id)
        view = to_task(await self._tasks.get(caller.tenant_id, run_id))
        has_ended = view.status not in {TaskStatus.PROCESSING, TaskStatus.WAITING}
        return reply(view, status=200 if has_ended else 202)

    async def requeue(self, request: HttpRequest) -> ASGIApp:
        """Begin the task again."""
        request_id = str(request.scope["state"]["request_id"])
        task = await self._tasks.requeue(caller_of(request).tenant_id, task_id_of(request), request_id=request_id)
        return reply(to_task(task), status=202)


async def accept(runner: Runner, deliveries: Deliveries, request: HttpRequest, ask: StartRun) -> ASGIApp:
    """Have a worker do what is asked, and answer 202 with where to ask for it: what every surface of tasks says.

    Raises CallbackRefused for an address that no webhook may go to, and what the runner refuses.
    """
    if ask.callback_url is not None:
        await deliveries.check(caller_of(request).tenant_id, ask.callback_url)
    handle = await runner.submit(caller_of(request), ask)
    structlog.contextvars.bind_contextvars(run_id=str(handle.run_id), session_id=str(handle.session_id))
    headers = {"location": status_url(handle.run_id)}
    if handle.replayed:
        headers["idempotent-replayed"] = "true"
    return reply(to_accepted(handle), status=202, headers=headers)


def task_id_of(request: HttpRequest) -> RunId:
    """Return the task named in the path, and bind it for the logs. Raises RunUnknown."""
    run_id = RunId(uuid_or(request.path_params["task_id"], RunUnknown, "task"))
    structlog.contextvars.bind_contextvars(run_id=str(run_id))
    return run_id


def team_of(given: str | None) -> str | None:
    """Return the team that is asked for. Raises BadInput for what no store can hold."""
    if given is not None:
        check_storable(given, "team")
    return given


def instant_of(request: HttpRequest, name: str) -> datetime | None:
    """Return the instant that a query names, in UTC. Raises BadInput; a plus sign may have come as a blank."""
    given = request.query_params.get(name)
    if given is None:
        return None
    try:
        at = msgspec.convert(given.replace(" ", "+"), datetime)
    except msgspec.ValidationError as error:
        raise BadInput(f"`{name}` is a time like 2026-11-30T12:00:00Z", field=name) from error
    if at.tzinfo is None:
        raise BadInput(f"`{name}` needs an offset from UTC, or Z", field=name)
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise BadInput(f"`{name}` is before or after all time", field=name) from error
