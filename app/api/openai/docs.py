"""What the page about the API says of OpenAI's interface."""

from collections.abc import Mapping

from app import errors
from app.api.call_headers import DEADLINE, MOST_S, PRIORITY, QUEUE_EVENTS
from app.api.contracts import PARAMETERS
from app.api.openai.bodies import ChatBody, CompletionBody, EmbeddingsBody
from app.api.openai.shapes import ChatReply, CompletionReply, EmbeddingsReply, ModelOut, ModelsReply
from app.api.problems import BodyTooSlow, CodingUnknown
from app.api.queue_headers import QUEUE_HEADERS
from app.api.routing import Doc, Parameter, Success
from app.api.surface import ROUTE_HEADERS
from app.inference.words.priority import Priority

TAG = "openai"
_FIELDS = "docs/reference/dialects.md says of every field whether it is served, ignored or refused."
_STREAM = (
    "Chunks as server-sent events, the last one `[DONE]`; a chunk with `error` before that ends a stream that broke. "
    "With `stream_options.include_usage` a chunk without choices has the usage, the routes and the cost."
)
_OF_BODIES = (
    errors.BadInput,
    errors.FieldRefused,
    errors.MediaTypeUnknown,
    CodingUnknown,
    errors.BodyTooLarge,
    BodyTooSlow,
)
_OF_CALLS = (
    *_OF_BODIES,
    errors.ModelUnknown,
    errors.ContextTooLong,
    errors.NodeRefused,
    errors.NoNodeAvailable,
    errors.NoSlotInTime,
    errors.NodeFailed,
    errors.StoreUnavailable,
)
_OF_CHATS = (
    *_OF_CALLS,
    errors.ContractUnmet,
    errors.AbilityMissing,
    errors.AnswerEmpty,
    errors.AnswerBroken,
    errors.StructureUnmet,
    errors.ToolFailed,
    errors.ToolRefused,
    errors.DeadlineExceeded,
    errors.TimeLimitReached,
    errors.Draining,
    errors.RunFailed,
    errors.RunCancelled,
)
CALL_HEADERS = (
    Parameter(
        DEADLINE,
        "header",
        "Seconds after which the answer is worthless: the call then ends with `deadline_exceeded`.",
        {"type": "number", "exclusiveMinimum": 0, "maximum": MOST_S},
    ),
    Parameter(
        PRIORITY,
        "header",
        "Whose turn comes first among calls that wait; it goes before `service_tier`.",
        {"type": "string", "enum": [each.value for each in Priority]},
    ),
    Parameter(
        QUEUE_EVENTS,
        "header",
        "`true`: the stream of a call that waits for its slot begins at once and tells where it stands, as comments "
        "(`: queued {position, eta_s, index}`) under /v1 and as lines with `queue` under /ollama; what refuses the "
        "call after that is told inside it. Without this the head waits for the slot, and a refusal has its status.",
        {"type": "string", "enum": ["true", "false"]},
    ),
    *PARAMETERS,
)
ANSWER_HEADERS: Mapping[str, str] = {**ROUTE_HEADERS, **QUEUE_HEADERS}
CHAT = Doc(
    summary="OpenAI: answer a conversation",
    tag=TAG,
    text=f"`model` is `auto`, a tier, `team:<name>` or a model. {_FIELDS}",
    body=ChatBody,
    example={"model": "auto", "messages": [{"role": "user", "content": "When may I return a lamp?"}]},
    parameters=CALL_HEADERS,
    successes={
        200: Success("The answer", body=ChatReply, headers=ANSWER_HEADERS, also={"text/event-stream": _STREAM}),
    },
    refusals=_OF_CHATS,
)
COMPLETIONS = Doc(
    summary="OpenAI: answer prompts",
    tag=TAG,
    text=f"Each prompt is a question to the model, not the beginning of a text. {_FIELDS}",
    body=CompletionBody,
    example={"model": "auto", "prompt": "When may I return a lamp?"},
    parameters=CALL_HEADERS,
    successes={
        200: Success("The answers", body=CompletionReply, headers=ANSWER_HEADERS, also={"text/event-stream": _STREAM}),
    },
    refusals=_OF_CHATS,
)
_EMBEDDINGS_HEADERS = ("x-request-id", "x-route-model", "x-route-node", "x-cost-usd")
EMBEDDINGS = Doc(
    summary="OpenAI: vectors of texts",
    tag=TAG,
    text=f"A text too long for the model gets the mean of its pieces. {_FIELDS}",
    body=EmbeddingsBody,
    example={"model": "auto", "input": ["When may I return a lamp?"]},
    successes={
        200: Success(
            "The vectors, in the order of the texts",
            body=EmbeddingsReply,
            headers={name: ROUTE_HEADERS[name] for name in _EMBEDDINGS_HEADERS},
        )
    },
    refusals=_OF_CALLS,
)
MODELS = Doc(
    summary="OpenAI: every name that may be given as `model`",
    tag=TAG,
    text="`auto`, the tiers, the teams, and the models themselves.",
    successes={200: Success("The names", body=ModelsReply)},
)
MODEL = Doc(
    summary="OpenAI: one name",
    tag=TAG,
    successes={200: Success("It may be given", body=ModelOut)},
    refusals=(errors.ModelUnknown,),
)
