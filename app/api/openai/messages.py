"""Messages of OpenAI's interface, as a node is told them."""

import re
from collections.abc import Sequence

import msgspec

from app.api.openai.bodies import CalledTool, FilePart, ImagePart, ImageUrl, MessageIn, Part, RefusalPart, TextPart
from app.errors import BadInput, FieldRefused
from app.inference.words.messages import Message, Role, ToolCall, ToolFunction

# The kinds that Ollama's own OpenAI dialect takes (openai/openai.go, decodeImageURL).
_IMAGE = re.compile(r"data:(?:image/(?:jpeg|jpg|png|webp))?;base64,")
_BASE64 = re.compile(r"[A-Za-z0-9+/\r\n]+={0,2}[\r\n]*", re.ASCII)
_REMOTE = ("http://", "https://")


def read_messages(given: Sequence[MessageIn]) -> tuple[Message, ...]:
    """Return what a node is told. Raises BadInput, FieldRefused, by the message's place."""
    names: dict[str, str] = {}
    messages: list[Message] = []
    for index, one in enumerate(given):
        place = f"messages[{index}]"
        _refuse(one, place)
        calls = tuple(_call(call, f"{place}.tool_calls[{at}]") for at, call in enumerate(one.tool_calls or ()))
        names |= {call.id: call.function.name for call in calls if call.id}
        messages.append(_message(one, calls, names, place))
    return tuple(messages)


def _refuse(given: MessageIn, place: str) -> None:
    if given.role == "function":
        raise FieldRefused(f"`{place}.role` may not be `function`: its new name is `tool`", field=f"{place}.role")
    if given.function_call:
        field = f"{place}.function_call"
        raise FieldRefused(f"`{field}` is not served here: its new name is `tool_calls`", field=field)
    if given.audio:
        raise FieldRefused(f"`{place}.audio` is not served here: no model here listens", field=f"{place}.audio")


def _message(given: MessageIn, calls: tuple[ToolCall, ...], names: dict[str, str], place: str) -> Message:
    texts, images = _content(given, place)
    if given.role == "tool" and given.tool_call_id is None:
        raise BadInput(f"`{place}.tool_call_id` is missing", field=f"{place}.tool_call_id")
    call_id = given.tool_call_id or ""
    return Message(
        _role(given),
        "\n".join(texts),
        thinking=given.reasoning_content or given.reasoning or "",
        images=images,
        tool_calls=calls,
        # The result's own name comes first, as in Ollama (openai/openai.go, FromChatRequest).
        tool_name=(given.name or names.get(call_id, "")) if given.role == "tool" else "",
        tool_call_id=call_id,
    )


def _role(given: MessageIn) -> Role:
    match given.role:
        case "developer" | "system":
            return "system"
        case "user" | "assistant" | "tool":
            return given.role
        case _:
            return "tool"


def _content(given: MessageIn, place: str) -> tuple[list[str], tuple[str, ...]]:
    if given.content is None:
        if given.role == "assistant" and (given.tool_calls or given.refusal):
            return [given.refusal or ""], ()
        raise BadInput(f"`{place}.content` is missing", field=f"{place}.content")
    if isinstance(given.content, str):
        return [given.content], ()
    texts: list[str] = []
    images: list[str] = []
    for index, part in enumerate(given.content):
        _add(part, f"{place}.content[{index}]", texts, images)
    return texts, tuple(images)


def _add(part: Part, place: str, texts: list[str], images: list[str]) -> None:
    match part:
        case TextPart(text):
            texts.append(text)
        case RefusalPart(refusal):
            texts.append(refusal)
        case ImagePart(image):
            images.append(_image(image.url if isinstance(image, ImageUrl) else image, f"{place}.image_url"))
        case FilePart():
            raise FieldRefused(f"`{place}` is a file: upload it with POST /api/v2/upload and ask a team", field=place)
        case _:
            raise FieldRefused(f"`{place}` is sound: no model here listens", field=place)


def _image(url: str, field: str) -> str:
    if url.startswith(_REMOTE):
        raise FieldRefused(f"`{field}` is an address: nothing is fetched here, send a data URI in base64", field=field)
    head = _IMAGE.match(url)
    data = "" if head is None else url[head.end() :]
    if _BASE64.fullmatch(data) is None:
        raise BadInput(f"`{field}` must be a data URI of a JPEG, PNG or WebP in base64", field=field)
    return data


class _Object(msgspec.Struct, frozen=True):
    """Any JSON object."""


_object = msgspec.json.Decoder(_Object)


def _call(given: CalledTool, place: str) -> ToolCall:
    arguments = given.function.arguments.strip().encode("utf-8", "replace") or b"{}"
    try:
        _object.decode(arguments)
    except (msgspec.DecodeError, RecursionError) as error:
        field = f"{place}.function.arguments"
        raise BadInput(f"`{field}` must be a JSON object in a string", field=field) from error
    return ToolCall(ToolFunction(given.function.name, msgspec.Raw(arguments)), id=given.id or "")
