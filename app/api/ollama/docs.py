"""What the page about the API says of Ollama's interface."""

from app import errors
from app.api.ollama.bodies import ChatBody, EmbedBody, EmbeddingsBody, GenerateBody, ShowBody
from app.api.ollama.models import PsReply, ShowReply, TagsReply, VersionReply
from app.api.ollama.told import LINES, EmbeddingsReply, EmbedReply
from app.api.openai.docs import ANSWER_HEADERS, CALL_HEADERS
from app.api.problems import BodyTooSlow, CodingUnknown
from app.api.routing import Doc, Success

TAG = "ollama"
_OF_BODIES = (errors.BadInput, errors.FieldRefused, CodingUnknown, errors.BodyTooLarge, BodyTooSlow)
_OF_CALLS = (
    *_OF_BODIES,
    errors.ModelUnknown,
    errors.ContextTooLong,
    errors.NodeRefused,
    errors.NoNodeAvailable,
    errors.NoSlotInTime,
    errors.NodeFailed,
    errors.DeadlineExceeded,
    errors.StoreUnavailable,
    errors.Draining,
)
_OF_CHATS = (*_OF_CALLS, errors.ContractUnmet, errors.AbilityMissing, errors.AnswerEmpty, errors.AnswerBroken)
_FIELDS = "docs/reference/dialects.md says of every field whether it is served, ignored or refused."
_LINES_TEXT = "Lines of JSON, the last with `done: true`; one with `error` ends a stream that broke."

RUNNING = Doc(
    summary="Ollama's interface is here",
    tag=TAG,
    text="Point `OLLAMA_HOST` at this path; the api key goes into `OLLAMA_API_KEY`.",
    successes={200: Success("It is", media_type="text/plain")},
)
VERSION_DOC = Doc(
    summary="The version of Ollama whose interface this is",
    tag=TAG,
    successes={200: Success("The version", body=VersionReply)},
)
CHAT = Doc(
    summary="Ollama: answer a conversation",
    tag=TAG,
    text=f"A stream unless `stream` is false. {_FIELDS}",
    body=ChatBody,
    example={"model": "auto", "messages": [{"role": "user", "content": "When may I return a lamp?"}]},
    successes={200: Success("The answer", headers=ANSWER_HEADERS, media_type=LINES, also={LINES: _LINES_TEXT})},
    parameters=CALL_HEADERS,
    refusals=_OF_CHATS,
)
GENERATE = Doc(
    summary="Ollama: answer a prompt",
    tag=TAG,
    text=f"A stream unless `stream` is false. {_FIELDS}",
    body=GenerateBody,
    example={"model": "auto", "prompt": "When may I return a lamp?"},
    successes={200: Success("The answer", headers=ANSWER_HEADERS, media_type=LINES, also={LINES: _LINES_TEXT})},
    parameters=CALL_HEADERS,
    refusals=_OF_CHATS,
)
EMBED = Doc(
    summary="Ollama: vectors of texts",
    tag=TAG,
    text=_FIELDS,
    body=EmbedBody,
    successes={200: Success("One vector a text", body=EmbedReply)},
    refusals=_OF_CALLS,
)
EMBEDDINGS = Doc(
    summary="Ollama: the vector of a text, as older clients ask for it",
    tag=TAG,
    text=_FIELDS,
    body=EmbeddingsBody,
    successes={200: Success("The vector", body=EmbeddingsReply)},
    refusals=_OF_CALLS,
)
TAGS = Doc(
    summary="Ollama: every name that a client may give as a model",
    tag=TAG,
    successes={200: Success("`auto`, tiers, teams and models", body=TagsReply)},
)
PS = Doc(
    summary="Ollama: the models that are in the memory of a node",
    tag=TAG,
    successes={200: Success("The models", body=PsReply)},
)
SHOW = Doc(
    summary="Ollama: one model",
    tag=TAG,
    text=_FIELDS,
    body=ShowBody,
    successes={200: Success("Its context and what it can do", body=ShowReply)},
    refusals=(*_OF_BODIES, errors.ModelUnknown),
)
NOT_HERE = Doc(
    summary="Ollama: nothing that a client does here",
    tag=TAG,
    text="Models belong to the installation: operators bring them with `switchyard nodes pull`.",
    refusals=(errors.NotPermitted,),
)
