"""The JSON of tasks: what is asked for asynchronously, and how it stands."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from app.agents.life import RunState
from app.agents.support_policy import SupportPolicy
from app.agents.task_load import Load, workers_wanted
from app.agents.tasks import Task
from app.agents.values import RunHandle, RunResult
from app.api.asking import InterruptView, to_interrupts
from app.api.shapes import ChatRequest, Context, MaxTokens, RunError, Seed, Temperature
from app.errors import RunCancelled
from app.inference.words.contract import Contract
from app.inference.words.priority import Priority
from app.inference.words.thinking import Think
from app.stored_ends import kind_of

LONGEST_DEADLINE_S = 604_800
CALLBACK_CHARACTERS = 2048
TaskDeadline = Annotated[float, Meta(gt=0, le=LONGEST_DEADLINE_S)]


class TaskStatus(StrEnum):
    """How a task stands, for whoever polls it; the last four are final."""

    PROCESSING = "processing"
    """A worker begins it, or is at it."""
    WAITING = "waiting"
    """It asks a person."""
    COMPLETE = "complete"
    """Its result is there."""
    FAILED = "failed"
    """It ended without a result; the error says why."""
    CANCELLED = "cancelled"
    """It was stopped."""
    DEAD = "dead"
    """It was given up: too many workers died of it."""


STATUS: Mapping[RunState, TaskStatus] = {
    RunState.ACCEPTED: TaskStatus.PROCESSING,
    RunState.RUNNING: TaskStatus.PROCESSING,
    RunState.WAITING: TaskStatus.WAITING,
    RunState.DONE: TaskStatus.COMPLETE,
    RunState.REFUSED: TaskStatus.FAILED,
    RunState.FAILED: TaskStatus.FAILED,
    RunState.CANCELLED: TaskStatus.CANCELLED,
    RunState.DEAD: TaskStatus.DEAD,
}


class TaskRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a team is to do, with nobody waiting for it. Unknown fields are refused."""

    message: Annotated[
        str,
        Meta(
            min_length=1,
            description="The question. No NUL, no half of a surrogate pair, not only white space.",
            examples=["What is my auto insurance premium?"],
        ),
    ]
    team: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,62}$", description="Which team does it.")] = "assistant"
    session_id: Annotated[
        UUID | None, Meta(description="A session that an earlier answer named; absent begins a new one.")
    ] = None
    context: Annotated[Context | None, Meta(description="Facts about the asker, kept with the session.")] = None
    priority: Annotated[
        Priority,
        Meta(description="Whose turn comes first, among tasks and among calls that wait for a slot."),
    ] = Priority.BATCH
    deadline_s: Annotated[
        TaskDeadline | None,
        Meta(
            description="Seconds from acceptance after which the result is worthless: the task then fails with "
            "`deadline_exceeded`."
        ),
    ] = None
    callback_url: Annotated[
        Annotated[str, Meta(min_length=1, max_length=CALLBACK_CHARACTERS)] | None,
        Meta(description="Where a signed webhook tells the end: http or https, at a public address."),
    ] = None
    temperature: Temperature | None = None
    max_tokens: MaxTokens | None = None
    seed: Seed | None = None
    think: Annotated[Think | None, Meta(description="As in a chat.")] = None
    support_policy: Annotated[SupportPolicy | None, Meta(description="As in a chat.")] = None
    contract: Annotated[Contract | None, Meta(description="As in a chat.")] = None

    def as_chat(self) -> ChatRequest:
        """Return what a chat would ask."""
        return ChatRequest(
            message=self.message,
            team=self.team,
            session_id=self.session_id,
            context=self.context,
            priority=self.priority,
            deadline_s=self.deadline_s,
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            seed=self.seed,
            think=self.think,
            support_policy=self.support_policy,
        )


class TaskAccepted(msgspec.Struct, frozen=True):
    """A task that is stored; a worker begins it."""

    status: Annotated[TaskStatus, Meta(description="`processing`, unless the idempotency key named it already.")]
    task_id: UUID
    session_id: UUID
    status_url: Annotated[str, Meta(description="Ask here how it stands.")]
    events_url: Annotated[str, Meta(description="Follow it here, by server-sent events.")]


class TaskView(msgspec.Struct, frozen=True, kw_only=True):
    """How a task stands. `result` is there once it is `complete`, `error` once it ended otherwise."""

    status: TaskStatus
    task_id: UUID
    status_url: str
    team: str
    session_id: UUID
    result: Annotated[
        dict[str, Any] | None,
        Meta(description="`message`, and what the team found in a form; the whole answer is at `run_url`."),
    ]
    error: RunError | None
    interrupts: Annotated[
        tuple[InterruptView, ...],
        Meta(description="What it asks a person while it waits; answer at /api/v1/runs/{task_id}/resume."),
    ]
    attempt: Annotated[int, Meta(description="How many times it was begun or gone on with; 0 before the first.")]
    run_url: Annotated[str, Meta(description="The run that it is, with all that it took.")]
    created_at: datetime
    finished_at: datetime | None


class TaskPage(msgspec.Struct, frozen=True):
    """Tasks, newest first."""

    tasks: tuple[TaskView, ...]
    next_cursor: str | None


class LoadView(msgspec.Struct, frozen=True, kw_only=True):
    """What the workers have to do."""

    waiting: Annotated[dict[str, int], Meta(description="Tasks that nobody has begun, by team.")]
    running: Annotated[dict[str, int], Meta(description="Tasks that a worker is at, by team.")]
    oldest_s: Annotated[float, Meta(description="How long the oldest of those that nobody has begun waits.")]
    workers: Annotated[int, Meta(description="Workers that gave a sign of life lately.")]
    workers_wanted: Annotated[int, Meta(description="Workers that the tasks ask for.")]


class TaskEnded(TaskView, frozen=True, kw_only=True):
    """The body of a webhook: the task as it stood when it was sent."""

    type: Annotated[str, Meta(description="`task.` and the status.")]
    timestamp: Annotated[datetime, Meta(description="When the task ended.")]


def status_url(run_id: UUID) -> str:
    """Return where a task is asked for."""
    return f"/tasks/{run_id}"


def to_accepted(handle: RunHandle) -> TaskAccepted:
    """Return what whoever asked for a task is told."""
    there = status_url(handle.run_id)
    return TaskAccepted(STATUS[handle.state], handle.run_id, handle.session_id, there, f"{there}/events")


def to_task(task: Task) -> TaskView:
    """Return a task as its owner sees it."""
    return TaskView(**_members(task))


def to_load(load: Load) -> LoadView:
    """Return what the workers have to do, and how many of them that asks for."""
    return LoadView(
        waiting=load.waiting,
        running=load.running,
        oldest_s=load.oldest_s,
        workers=load.workers,
        workers_wanted=workers_wanted(load.tasks),
    )


def to_ended(task: Task) -> TaskEnded:
    """Return what a webhook tells of a task that has ended."""
    status = STATUS[task.result.state]
    ended_at = task.finished_at or datetime.now(UTC)
    return TaskEnded(**_members(task), type=f"task.{status.value}", timestamp=ended_at)


def states_of(words: Sequence[TaskStatus]) -> tuple[RunState, ...]:
    """Return the states of runs that are shown as one of these."""
    return tuple(state for state, status in STATUS.items() if status in words)


def _found(result: RunResult) -> dict[str, Any]:
    clarifies = {"requires_clarification": True} if result.requires_clarification else {}
    return {**result.details, **clarifies, "message": result.message}


def _members(task: Task) -> dict[str, Any]:
    result = task.result
    done = result.state is RunState.DONE
    error = None
    if result.error_code is not None and not done:
        kind = kind_of(result.error_code, result.error_facts)
        error = RunError(kind.code if kind is RunCancelled else result.error_code, result.error_detail or "")
    return {
        "status": STATUS[result.state],
        "task_id": result.run_id,
        "status_url": status_url(result.run_id),
        "team": result.team,
        "session_id": result.session_id,
        "result": _found(result) if done else None,
        "error": error,
        "interrupts": to_interrupts(result.interrupts),
        "attempt": result.attempt,
        "run_url": f"/api/v1/runs/{result.run_id}",
        "created_at": task.created_at,
        "finished_at": task.finished_at,
    }
