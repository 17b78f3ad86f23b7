"""Every fact that can end a request, in one tree.

SwitchyardError     `code` is public and stable
├── Refused         the caller must change something: what is sent, asked for, unknown, busy, or not permitted
├── Unavailable     later may help: nodes, slots, answers, time, stores, a replica that drains
├── RunFailed       a run ended in `failed` or `dead`
└── StatementWrong, LeaseLost  our own fault; another process owns the run now: never shown

`is_retryable` decides which of these may go well when the same request comes again, for clients and for runs alike.
"""

from typing import ClassVar


class SwitchyardError(Exception):
    """The root: `code` is public and stable, `facts` are shown in the problem document."""

    code: ClassVar[str] = "internal"

    def __init__(self, detail: str = "", **facts: str | int | float | None) -> None:
        super().__init__(detail or self.code)
        self.detail = detail
        self.facts = facts


class Refused(SwitchyardError):
    """The caller must change something."""

    code = "refused"


class BadInput(Refused):
    """A field is missing, ill-typed or out of bounds."""

    code = "bad_input"


class FieldRefused(BadInput):
    """A field asks for what a client's dialect knows and is not done here; the detail names it."""

    code = "field_refused"


class KeyUnknown(Refused):
    """There is no api key, or it is wrong or revoked."""

    code = "key_unknown"


class NotPermitted(Refused):
    """The api key may not do this."""

    code = "not_permitted"


class TenantUnknown(Refused):
    """There is no such tenant."""

    code = "tenant_unknown"


class TenantRevoked(Refused):
    """The tenant is revoked: it gets no api key."""

    code = "tenant_revoked"


class SessionUnknown(Refused):
    """The tenant has no such session, or it expired."""

    code = "session_unknown"


class SessionBusy(Refused):
    """Another run of the session has not ended."""

    code = "session_busy"


class RunUnknown(Refused):
    """The tenant has no such run."""

    code = "run_unknown"


class RunNotWaiting(Refused):
    """The run waits for no answer of a person."""

    code = "run_not_waiting"


class InterruptUnknown(Refused):
    """The run asks nothing of that id, or it is answered otherwise."""

    code = "interrupt_unknown"


class InterruptExpired(Refused):
    """Nobody answered what the run asked, for as long as runs may wait."""

    code = "interrupt_expired"


class RouteUnknown(Refused):
    """The tenant has no such route."""

    code = "route_unknown"


class DocumentUnknown(Refused):
    """The tenant has no such document."""

    code = "document_unknown"


class JobUnknown(Refused):
    """The tenant has no such job."""

    code = "job_unknown"


class ModelUnknown(Refused):
    """No model of that name, tier or team is configured."""

    code = "model_unknown"


class NodeUnknown(Refused):
    """There is no such node."""

    code = "node_unknown"


class NodeExists(Refused):
    """A node of that name, or at that address, is there already."""

    code = "node_exists"


class IdempotencyMismatch(Refused):
    """The idempotency key was used with another request."""

    code = "idempotency_mismatch"


class ContractUnmet(Refused):
    """Only what the call's routing contract forbids could answer now; `facts["term"]` says which term of it."""

    code = "contract_unmet"


class AbilityMissing(Refused):
    """No model here can do what the call needs; `facts["ability"]` says what that is."""

    code = "ability_missing"


class ContextTooLong(Refused):
    """The prompt does not fit the largest context of the model."""

    code = "context_too_long"


class NodeRefused(Refused):
    """A node answered that it will not take this input; `facts["node"]` says which, the detail why."""

    code = "node_refused"


class ToolRefused(Refused):
    """A tool will not do what an agent asked of it; `facts["tool"]` says which."""

    code = "tool_refused"


class RunCancelled(Refused):
    """The run was cancelled before it had an answer."""

    code = "cancelled"


class MediaTypeUnknown(Refused):
    """This media type is not taken here."""

    code = "media_type_unknown"


class BodyTooLarge(Refused):
    """The body is over its limit."""

    code = "body_too_large"


class Unavailable(SwitchyardError):
    """Nothing is wrong with the request; later may help."""

    code = "unavailable"
    retry_after_s: int = 2


class NoNodeAvailable(Unavailable):
    """No routable node serves what the call needs."""

    code = "no_node_available"
    retry_after_s = 5


class NoSlotInTime(Unavailable):
    """Every slot stayed taken for as long as the call may wait."""

    code = "no_slot_in_time"


class NodeFailed(Unavailable):
    """A node broke off and the call may not be repeated elsewhere."""

    code = "node_failed"


class AnswerEmpty(Unavailable):
    """The model gave no answer: nothing, white space or thinking alone, also when it was asked again."""

    code = "answer_empty"


class StructureUnmet(Unavailable):
    """A model was asked for an answer of a form and gave none, also when it was told what was wrong."""

    code = "structure_unmet"


class ToolFailed(Unavailable):
    """A tool was not done in its time, and nothing that it wrote was kept; `facts["tool"]` says which."""

    code = "tool_failed"


class AnswerBroken(Unavailable):
    """A node broke off in the middle of a streamed answer, no other can go on with it, and it cannot be taken back."""

    code = "answer_broken"


class DeadlineExceeded(Unavailable):
    """The deadline that the request set passed before its answer was there."""

    code = "deadline_exceeded"


class TimeLimitReached(Unavailable):
    """The run took longer than a run may; its next attempt keeps what it has done."""

    code = "time_limit"


class StoreUnavailable(Unavailable):
    """A store does not answer; `facts["store"]` says which."""

    code = "store_unavailable"


class StoreMisconfigured(StoreUnavailable):
    """A store answered and refused by configuration; `facts["reason"]` says which: password, rights, schema, ..."""

    code = "store_misconfigured"


class Draining(Unavailable):
    """This replica is stopping and takes nothing new."""

    code = "draining"


class RunFailed(SwitchyardError):
    """The run ended in `failed` or `dead`; `facts["reason"]` says why."""

    code = "run_failed"


class StatementWrong(SwitchyardError):
    """A store refused a statement of ours: a fault of this program, for its log."""

    code = "statement_wrong"


class RowExists(StatementWrong):
    """A row of that key is there already."""

    code = "row_exists"


class LeaseLost(SwitchyardError):
    """Another process owns the run now."""

    code = "lease_lost"


def is_retryable(kind: type[SwitchyardError]) -> bool:
    """Return whether the same request may go well later: what a client is told, and what its key then starts again."""
    return issubclass(kind, (Unavailable, SessionBusy, ContractUnmet))
