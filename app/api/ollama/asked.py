"""What a client of Ollama's interface asks, read from its JSON."""

import re
from collections.abc import Mapping, Sequence

import msgspec

from app.api.direct.fields import refuse_fields
from app.api.direct.talk import Ask
from app.api.ollama.bodies import (
    ChatBody,
    EmbedBody,
    EmbeddingsBody,
    GenerateBody,
    MessageIn,
    OptionsIn,
    ShowBody,
    ToolCallIn,
    Whole,
)
from app.api.ollama.fields import (
    CHAT_FIELDS,
    EMBED_FIELDS,
    EMBEDDINGS_FIELDS,
    GENERATE_FIELDS,
    OPTION_FIELDS,
    SHOW_FIELDS,
)
from app.api.ollama.told import NothingSaid
from app.errors import BadInput
from app.inference.words.messages import Message, Role, ToolCall, ToolFunction
from app.inference.words.sampling import PLAIN_JSON, Sampling
from app.inference.words.thinking import Think, ThinkLevel

_BASE64 = re.compile(r"[A-Za-z0-9+/\r\n]*={0,2}[\r\n]*", re.ASCII)
_ROLES: Mapping[str, Role] = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool"}
AGENT = "ollama"
"""Whose calls these are, in usage and metrics."""
PLAIN = Sampling()
_NO_FORMAT = frozenset({b"null", b'""'})


class EmbedAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Texts that want vectors; `dimensions` 0 is all of them."""

    model: str
    texts: tuple[str, ...]
    dimensions: int = 0


def read_chat(body: ChatBody, request_id: str) -> Ask:
    """Return what a chat asks. Raises BadInput, FieldRefused."""
    refuse_fields(body, CHAT_FIELDS)
    messages = tuple(_message(number, each) for number, each in enumerate(body.messages or ()))
    ask = Ask(
        model=_name(body.model),
        messages=messages,
        agent=AGENT,
        request_id=request_id,
        stream=body.stream is not False,
        tools=_tools(body.tools or ()),
        think=_think(body.think),
        response_schema=_schema(body.format),
        cuts=body.truncate is True,
    )
    return _with_options(ask, body.options or OptionsIn())


def read_generate(body: GenerateBody, request_id: str) -> Ask:
    """Return what a generation asks, as a chat of one turn. Raises BadInput, FieldRefused."""
    refuse_fields(body, GENERATE_FIELDS)
    system = (Message("system", body.system),) if body.system else ()
    turn = (*system, Message("user", body.prompt, images=_images("images", body.images))) if body.prompt else ()
    ask = Ask(
        model=_name(body.model),
        messages=turn,
        agent=AGENT,
        request_id=request_id,
        stream=body.stream is not False,
        think=_think(body.think),
        response_schema=_schema(body.format),
    )
    return _with_options(ask, body.options or OptionsIn())


def word_of_nothing(body: ChatBody | GenerateBody) -> NothingSaid:
    """Return the word that ends a request without a prompt: `keep_alive` 0 asks to unload."""
    return NothingSaid.UNLOAD if _is_zero(body.keep_alive) else NothingSaid.LOAD


def read_embed(body: EmbedBody) -> EmbedAsked:
    """Return what is to be embedded. Raises BadInput."""
    refuse_fields(body, EMBED_FIELDS)
    texts = (body.input,) if isinstance(body.input, str) else body.input or ()
    # Ollama takes an empty text alone for none (server/routes.go, EmbedHandler).
    return EmbedAsked(
        model=_name(body.model), texts=() if texts == ("",) else texts, dimensions=max(0, body.dimensions or 0)
    )


def read_embeddings(body: EmbeddingsBody) -> EmbedAsked:
    """Return what is to be embedded. Raises BadInput."""
    refuse_fields(body, EMBEDDINGS_FIELDS)
    return EmbedAsked(model=_name(body.model), texts=(body.prompt,) if body.prompt else ())


def read_show(body: ShowBody) -> str:
    """Return the name of the model that is to be shown. Raises BadInput."""
    refuse_fields(body, SHOW_FIELDS)
    return _name(body.model or body.name or "")


def _name(model: str) -> str:
    if not model.strip():
        raise BadInput("model is required", field="model")
    return model.strip()


def _message(number: int, given: MessageIn) -> Message:
    role = _ROLES.get(given.role.lower())
    if role is None:
        raise BadInput(
            f"`messages[{number}].role` must be `system`, `user`, `assistant` or `tool`",
            field=f"messages[{number}].role",
        )
    return Message(
        role,
        given.content or "",
        thinking=given.thinking or "",
        images=_images(f"messages[{number}].images", given.images),
        tool_calls=tuple(_call(f"messages[{number}].tool_calls", call) for call in given.tool_calls or ()),
        tool_name=given.tool_name or "",
        tool_call_id=given.tool_call_id or "",
    )


def _call(field: str, call: ToolCallIn) -> ToolCall:
    if not bytes(call.function.arguments).lstrip().startswith(b"{"):
        raise BadInput(f"the `arguments` of `{field}` must be an object", field=field)
    return ToolCall(ToolFunction(call.function.name, call.function.arguments), id=call.id or "")


def _images(field: str, images: Sequence[str] | None) -> tuple[str, ...]:
    for image in images or ():
        if not image or _BASE64.fullmatch(image) is None:
            raise BadInput(f"each of `{field}` must be base64", field=field)
    return tuple(images or ())


class _Named(msgspec.Struct, frozen=True):
    name: str


class _Tool(msgspec.Struct, frozen=True):
    function: _Named


_tool_decoder = msgspec.json.Decoder(_Tool)


def _tools(tools: Sequence[msgspec.Raw]) -> tuple[msgspec.Raw, ...]:
    for number, tool in enumerate(tools):
        try:
            _tool_decoder.decode(tool)
        except msgspec.ValidationError as error:
            raise BadInput(f"`tools[{number}]` has no `function` with a `name`", field=f"tools[{number}]") from error
    return tuple(tools)


def _think(value: bool | str | None) -> Think | None:  # noqa: FBT001 - as it is sent
    if not isinstance(value, str):
        return value
    if value not in set(ThinkLevel):
        # ollama, api/types.go, ThinkValue.UnmarshalJSON
        raise BadInput('invalid think value (must be "high", "medium", "low", "max", true, or false)', field="think")
    return ThinkLevel(value)


def _schema(value: msgspec.Raw) -> msgspec.Raw | None:
    text = bytes(value).strip()
    if text in _NO_FORMAT:
        return None
    if text == bytes(PLAIN_JSON):
        return PLAIN_JSON
    if text.startswith(b"{"):
        return msgspec.Raw(text)
    # ollama, llm/llama_server.go
    raise BadInput('invalid format; expected "json" or a valid JSON Schema object', field="format")


def _with_options(ask: Ask, given: OptionsIn) -> Ask:
    refuse_fields(given, OPTION_FIELDS)
    seed, most = _whole(given.seed), _whole(given.num_predict)
    stop = (given.stop,) if isinstance(given.stop, str) else given.stop
    sampling = Sampling(
        top_k=_whole(given.top_k),
        top_p=given.top_p,
        min_p=given.min_p,
        typical_p=given.typical_p,
        repeat_last_n=_whole(given.repeat_last_n),
        repeat_penalty=given.repeat_penalty,
        presence_penalty=given.presence_penalty,
        frequency_penalty=given.frequency_penalty,
        stop=tuple(stop or ()),
    )
    return msgspec.structs.replace(
        ask,
        temperature=given.temperature,
        seed=seed if seed is not None and seed >= 0 else None,
        max_tokens=most if most is not None and most > 0 else None,
        sampling=None if sampling == PLAIN else sampling,
    )


def _whole(value: Whole | None) -> int | None:
    return None if value is None else int(value)


def _is_zero(keep_alive: object) -> bool:
    """Return whether `keep_alive` says: now (ollama, api/types.go, Duration.UnmarshalJSON)."""
    return keep_alive in {0, "0", "0s", "0m", "0h"} if isinstance(keep_alive, (int, float, str)) else False
