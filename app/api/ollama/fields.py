"""What becomes of every field of Ollama's interface (ollama, api/types.go at v0.33, and its Python client 0.6)."""

from collections.abc import Mapping

from app.api.direct.fields import Field, ignored, refused, served, table

_MODEL = served("model", "`auto`, a tier, `team:<name>` or a model's name")
_STREAM = served("stream", "true unless said otherwise")
_KEEP_ALIVE = ignored("keep_alive", "what stays in a node's memory is decided by the installation")
_SHIFT = ignored("shift", "nothing is shifted out of a context: the answer ends with `length`")
_FORMAT = served("format", '`"json"` or a JSON schema')
_THINK = served("think", "true, false or `low`, `medium`, `high`, `max`")
_LOGPROBS = (
    refused("logprobs", "probabilities of tokens are not kept"),
    refused("top_logprobs", "probabilities of tokens are not kept"),
)
_DEBUG = refused("_debug_render_only", "prompts are written by the node that answers")

_LOADING = "how a node loads a model is its operator's affair"
_GONE = "Ollama itself has no such option any more (api/types.go, Options)"
OPTION_FIELDS: Mapping[str, Field] = table(
    served("temperature"),
    served("seed", "a negative one means none"),
    served("num_predict", "-1 and less mean as many as an answer may have here"),
    served("stop"),
    served("top_k"),
    served("top_p"),
    served("min_p"),
    served("typical_p"),
    served("repeat_last_n"),
    served("repeat_penalty"),
    served("presence_penalty"),
    served("frequency_penalty"),
    ignored("num_ctx", "the context is the smallest that the prompt and its answer fit, so that no node loads anew"),
    ignored("num_keep", "nothing is shifted out of a context"),
    *(
        ignored(name, _LOADING)
        for name in ("num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread", "draft_num_predict")
    ),
    *(
        ignored(name, _GONE)
        for name in (
            "numa",
            "low_vram",
            "f16_kv",
            "logits_all",
            "vocab_only",
            "use_mlock",
            "embedding_only",
            "tfs_z",
            "mirostat",
            "mirostat_tau",
            "mirostat_eta",
            "penalize_newline",
        )
    ),
)
"""The fields of `options`; none but the served ones is ever sent to a node."""

MESSAGE_FIELDS: Mapping[str, Field] = table(
    served("role", "`system`, `user`, `assistant` or `tool`"),
    served("content"),
    served("thinking"),
    served("images", "base64, where the model can see"),
    served("tool_calls"),
    served("tool_name"),
    served("tool_call_id"),
)
TOOL_CALL_FIELDS: Mapping[str, Field] = table(
    served("id"),
    served("function", "`name` and `arguments`; `index` is the order in which they come"),
    ignored("type", "there are functions only"),
)

CHAT_FIELDS: Mapping[str, Field] = table(
    _MODEL,
    served("messages", "an empty list asks whether the model can be had, and is answered with `load`"),
    served("tools"),
    _STREAM,
    _FORMAT,
    served("options", "by name, below"),
    _THINK,
    served("truncate", "true leaves out whole earlier turns, oldest first; otherwise what does not fit is refused"),
    _KEEP_ALIVE,
    _SHIFT,
    *_LOGPROBS,
    _DEBUG,
)
_OWN_PROMPT = "the model's own template is used, so that any node can answer"
GENERATE_FIELDS: Mapping[str, Field] = table(
    _MODEL,
    served("prompt", "an empty one asks whether the model can be had, and is answered with `load`"),
    served("system"),
    served("images", "base64, where the model can see"),
    _STREAM,
    _FORMAT,
    served("options", "by name, below"),
    _THINK,
    ignored("truncate", "a prompt is one turn: what does not fit is refused, never cut"),
    _KEEP_ALIVE,
    _SHIFT,
    refused("raw", _OWN_PROMPT),
    refused("template", _OWN_PROMPT),
    refused("suffix", "no model here fills in the middle"),
    refused("context", "tokens mean nothing to another node: send the conversation to /api/chat"),
    *_LOGPROBS,
    *(refused(name, "no model here draws") for name in ("width", "height", "steps")),
    _DEBUG,
)
EMBED_FIELDS: Mapping[str, Field] = table(
    served("model", "the embedding model of the installation"),
    served("input", "a text or a list of texts"),
    served("dimensions", "the first so many, made a unit vector again"),
    ignored("truncate", "nothing is cut: a text that is too long gets the mean of its pieces"),
    ignored("options", "none of them changes a vector"),
    _KEEP_ALIVE,
)
EMBEDDINGS_FIELDS: Mapping[str, Field] = table(
    served("model", "the embedding model of the installation"),
    served("prompt"),
    ignored("options", "none of them changes a vector"),
    _KEEP_ALIVE,
)
SHOW_FIELDS: Mapping[str, Field] = table(
    served("model"),
    served("name", "the old word for `model`"),
    ignored("verbose", "the tensors of a model stay on its node"),
    *(ignored(name, "there is no Modelfile to fill in") for name in ("system", "template", "options")),
)


NOT_FROM_CLIENTS: Mapping[str, str] = {
    "pull": "brings a model from a registry",
    "push": "sends a model to a registry",
    "create": "makes a model of another",
    "delete": "deletes a model",
    "copy": "copies a model under another name",
    "blobs": "takes a part of a model",
}
"""What Ollama does for one machine, by the last part of the path: nobody does it here from a client."""

OLLAMA_FIELDS: Mapping[str, Mapping[str, Field]] = {
    "/ollama/api/chat": CHAT_FIELDS,
    "/ollama/api/chat: each message": MESSAGE_FIELDS,
    "/ollama/api/chat: each tool call of a message": TOOL_CALL_FIELDS,
    "/ollama/api/generate": GENERATE_FIELDS,
    "options of /ollama/api/chat and /ollama/api/generate": OPTION_FIELDS,
    "/ollama/api/embed": EMBED_FIELDS,
    "/ollama/api/embeddings": EMBEDDINGS_FIELDS,
    "/ollama/api/show": SHOW_FIELDS,
}
"""Every field of every request, by what it is a part of."""
