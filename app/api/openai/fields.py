"""What becomes of every field of OpenAI's interface (openai-openapi, and its Python client 3.x)."""

from collections.abc import Mapping

from app.api.direct.fields import Field, ignored, refused, served, table
from app.api.openai.bodies import CHOICES

_MODEL = served("model", "`auto`, a tier, `team:<name>` or a model's name")
_NOTES = "nothing is kept of it here"
_SAMPLED = (
    _MODEL,
    served("stream"),
    served("stream_options", "`include_usage`; `include_obfuscation` is ignored"),
    served("temperature", "the model's own, or the team's, if it is not said"),
    served("top_p", "the model's own if it is not said"),
    served("top_k", "not OpenAI's: by Ollama's name"),
    served("min_p", "not OpenAI's: by Ollama's name"),
    served("repeat_penalty", "not OpenAI's: by Ollama's name"),
    served("presence_penalty"),
    served("frequency_penalty"),
    served("seed", "answers after the first take the numbers after it"),
    served("stop", "a text or up to 16"),
    served("n", f"up to {CHOICES}, each a call of its own"),
    ignored("user", "who pays is the api key's owner"),
    refused("logit_bias", "nodes take no bias of single tokens"),
)

CHAT_FIELDS: Mapping[str, Field] = table(
    *_SAMPLED,
    served("messages", "by name, below"),
    served("max_tokens", "the platform's limit if it is not said"),
    served("max_completion_tokens", "before `max_tokens` if both are there; thinking counts"),
    served("tools", "functions, by name below"),
    served("tool_choice", "`none`, `auto`, `required` or a function, which is then held to its schema"),
    served("parallel_tool_calls", "false: at most one call comes back"),
    served("response_format", "`text`, `json_object` or `json_schema`, which is held to whether `strict` or not"),
    served("reasoning_effort", "`none` to `xhigh`; a model that cannot think answers without (`degraded`)"),
    served("reasoning", "`effort`, as `reasoning_effort`"),
    served("service_tier", "`flex` waits behind others (batch); the others are interactive"),
    refused("logprobs", "probabilities of tokens are not kept"),
    refused("top_logprobs", "probabilities of tokens are not kept"),
    served("modalities", "`text` alone"),
    refused("audio", "no model here speaks"),
    ignored("prediction", "it would make an answer faster, never another one"),
    refused("functions", "the old name of `tools`"),
    refused("function_call", "the old name of `tool_choice`"),
    refused("web_search_options", "nobody searches the web here"),
    refused("verbosity", "say it in a message"),
    ignored("metadata", _NOTES),
    refused("store", _NOTES),
    ignored("prompt_cache_key", "a conversation goes back to the node that knows it by itself"),
    ignored("prompt_cache_options", "what stays in a node's memory is decided by the installation"),
    ignored("prompt_cache_retention", "what stays in a node's memory is decided by the installation"),
    ignored("safety_identifier", _NOTES),
    refused("moderation", "nobody judges texts here"),
)
MESSAGE_FIELDS: Mapping[str, Field] = table(
    served("role", "`developer` is `system`; `function` is refused: its new name is `tool`"),
    served("content", "a text, or parts: `text`, `refusal`, and `image_url` as a data URI where the model can see"),
    ignored("name", "models are not told who of several users speaks"),
    served("tool_calls"),
    served("tool_call_id"),
    served("reasoning_content", "what was thought before, as DeepSeek has it"),
    served("reasoning", "the same, as OpenRouter and Ollama have it"),
    served("refusal", "is the text if there is no other"),
    refused("function_call", "the old name of `tool_calls`"),
    refused("audio", "no model here listens"),
    ignored("annotations", "they are about the text, which is there"),
)
TOOL_FIELDS: Mapping[str, Field] = table(
    served("type", "`function`"),
    served("function.name"),
    served("function.description"),
    served("function.parameters"),
    ignored("function.strict", "a call that was chosen is held to its schema; others as well as the model can"),
)
COMPLETION_FIELDS: Mapping[str, Field] = table(
    *_SAMPLED,
    served("prompt", f"a text or up to {CHOICES}, each a question to the model; tokens are refused"),
    served("max_tokens", "the platform's limit if it is not said"),
    served("echo", "the prompt comes before the answer"),
    refused("best_of", "answers are not compared; 1 is what is done anyway"),
    refused("logprobs", "probabilities of tokens are not kept"),
    refused("suffix", "no model here fills in the middle"),
)
EMBEDDINGS_FIELDS: Mapping[str, Field] = table(
    served("model", "the embedding model of the installation, or `auto`"),
    served("input", "a text or up to 2,048; tokens are refused"),
    served("dimensions", "the first so many, made a unit vector again"),
    served("encoding_format", "`float` or `base64`"),
    ignored("user", "who pays is the api key's owner"),
)

OPENAI_FIELDS: Mapping[str, Mapping[str, Field]] = {
    "/v1/chat/completions": CHAT_FIELDS,
    "/v1/chat/completions: each message": MESSAGE_FIELDS,
    "/v1/chat/completions: each tool": TOOL_FIELDS,
    "/v1/completions": COMPLETION_FIELDS,
    "/v1/embeddings": EMBEDDINGS_FIELDS,
}
"""Every field of every request, by what it is a part of."""
