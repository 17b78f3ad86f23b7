"""What a client of OpenAI's interface asks, read from its JSON."""

from collections.abc import Sequence

import msgspec

from app.api.call_headers import Called
from app.api.direct.fields import refuse_fields
from app.api.direct.talk import Ask
from app.api.openai.bodies import CHOICES, ChatBody, CompletionBody, EmbeddingsBody, ResponseFormat, Sampled
from app.api.openai.fields import CHAT_FIELDS, COMPLETION_FIELDS, EMBEDDINGS_FIELDS
from app.api.openai.messages import read_messages
from app.api.openai.tools import Offered, read_tools
from app.errors import BadInput, FieldRefused
from app.inference.words.messages import Message
from app.inference.words.priority import Priority
from app.inference.words.sampling import PLAIN_JSON, Sampling
from app.inference.words.thinking import Think, ThinkLevel

AGENT = "openai"
SEEDS = 2**31
"""Seeds go round here: what llama.cpp takes is 32 bits."""

# From OpenAI's scale to Ollama's, whose ends are nearer (openai/openai.go, thinkFromReasoningEffort).
_EFFORTS: dict[str, Think] = {
    "none": False,
    "minimal": ThinkLevel.LOW,
    "low": ThinkLevel.LOW,
    "medium": ThinkLevel.MEDIUM,
    "high": ThinkLevel.HIGH,
    "xhigh": ThinkLevel.MAX,
    "max": ThinkLevel.MAX,
}
_PRIORITIES = {
    "flex": Priority.BATCH,
    "auto": Priority.INTERACTIVE,
    "default": Priority.INTERACTIVE,
    "priority": Priority.INTERACTIVE,
    "scale": Priority.INTERACTIVE,
    "fast": Priority.INTERACTIVE,
}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The calls of a request, one for each answer that is wanted, and how they are to be told."""

    asks: tuple[Ask, ...]
    offered: Offered = Offered()
    with_usage: bool = False
    echoes: tuple[str, ...] = ()
    """What stands before each answer, if anything does."""


def read_chat(body: ChatBody, called: Called) -> Asked:
    """Return what a chat asks. Raises BadInput, FieldRefused."""
    refuse_fields(body, CHAT_FIELDS)
    if any(modality != "text" for modality in body.modalities or ()):
        raise FieldRefused("`modalities` is served as `text` alone", field="modalities")
    offered = read_tools(body)
    ask = _ask(
        body,
        called,
        read_messages(body.messages),
        max_tokens=body.max_completion_tokens or body.max_tokens,
        think=_think(body),
        response_schema=offered.schema or _form(body.response_format),
        tools=offered.tools,
        priority=_priority(body, called),
    )
    return Asked(asks=_several(ask, body.n or 1), offered=offered, with_usage=_with_usage(body))


def read_completion(body: CompletionBody, called: Called) -> Asked:
    """Return what a completion asks: its prompt is a question, as in Ollama's own dialect. Raises BadInput."""
    refuse_fields(body if body.best_of != 1 else msgspec.structs.replace(body, best_of=None), COMPLETION_FIELDS)
    prompts = _texts(body.prompt, "prompt")
    if len(prompts) * (body.n or 1) > CHOICES:
        raise BadInput(f"`prompt` and `n` ask for more than {CHOICES} answers", field="prompt")
    asks = tuple(
        one
        for prompt in prompts
        for one in _several(_ask(body, called, (Message("user", prompt),), max_tokens=body.max_tokens), body.n or 1)
    )
    echoes = tuple(ask.messages[0].content for ask in asks) if body.echo else ()
    return Asked(asks=asks, with_usage=_with_usage(body), echoes=echoes)


def read_embeddings(body: EmbeddingsBody) -> tuple[str, ...]:
    """Return the texts that want vectors. Raises BadInput."""
    refuse_fields(body, EMBEDDINGS_FIELDS)
    texts = _texts(body.input, "input")
    if not all(texts):
        raise BadInput("`input` holds an empty text", field="input")
    return texts


def _ask(
    body: Sampled,
    called: Called,
    messages: tuple[Message, ...],
    *,
    max_tokens: int | None,
    think: Think | None = None,
    response_schema: msgspec.Raw | None = None,
    tools: tuple[msgspec.Raw, ...] = (),
    priority: Priority | None = None,
) -> Ask:
    return Ask(
        model=body.model,
        messages=messages,
        agent=AGENT,
        request_id=called.request_id,
        stream=bool(body.stream),
        max_tokens=max_tokens,
        temperature=body.temperature,
        seed=None if body.seed is None else body.seed % SEEDS,
        think=think,
        response_schema=response_schema,
        tools=tools,
        sampling=_sampling(body),
        priority=priority or called.priority or Priority.INTERACTIVE,
        deadline_s=called.deadline_s,
        contract=called.contract,
        tells_queue=called.tells_queue,
    )


def _sampling(body: Sampled) -> Sampling | None:
    stop = (body.stop,) if isinstance(body.stop, str) else body.stop or ()
    sampling = Sampling(
        top_k=body.top_k,
        top_p=body.top_p,
        min_p=body.min_p,
        repeat_penalty=body.repeat_penalty,
        presence_penalty=body.presence_penalty or None,
        frequency_penalty=body.frequency_penalty or None,
        stop=tuple(filter(None, stop)),
    )
    return None if sampling == Sampling() else sampling


def _several(ask: Ask, count: int) -> tuple[Ask, ...]:
    """Return the ask so many times; with one seed for all of them the answers would be one."""
    if ask.seed is None:
        return (ask,) * count
    return tuple(msgspec.structs.replace(ask, seed=(ask.seed + number) % SEEDS) for number in range(count))


def _think(body: ChatBody) -> Think | None:
    effort = body.reasoning_effort or (body.reasoning.effort if body.reasoning is not None else None)
    if not effort:
        return None
    if effort not in _EFFORTS:
        raise BadInput(f"`reasoning_effort` must be one of {', '.join(_EFFORTS)}", field="reasoning_effort")
    return _EFFORTS[effort]


def _priority(body: ChatBody, called: Called) -> Priority | None:
    if body.order is None or called.priority is not None:
        return called.priority
    if body.order not in _PRIORITIES:
        raise BadInput(f"`service_tier` must be one of {', '.join(_PRIORITIES)}", field="service_tier")
    return _PRIORITIES[body.order]


def _form(wanted: ResponseFormat | None) -> msgspec.Raw | None:
    if wanted is None or wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return PLAIN_JSON
    schema = b"" if wanted.json_schema is None else bytes(wanted.json_schema.schema).strip()
    if not schema.startswith(b"{"):
        field = "response_format.json_schema.schema"
        raise BadInput(f"`{field}` must be a JSON schema", field=field)
    return msgspec.Raw(schema)


def _with_usage(body: Sampled) -> bool:
    if body.stream_options is not None and not body.stream:
        raise BadInput("`stream_options` is for a `stream`", field="stream_options")
    return body.stream_options is not None and body.stream_options.include_usage is True


def _texts(given: str | Sequence[str | int | tuple[int, ...]], field: str) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,)
    texts = tuple(one for one in given if isinstance(one, str))
    if len(texts) != len(given):
        raise FieldRefused(
            f"`{field}` is served as texts: tokens mean nothing to another vocabulary "
            "(langchain-openai: check_embedding_ctx_length=False)",
            field=field,
        )
    return texts
