"""How a model picks its words, beyond temperature and seed."""

import msgspec

PLAIN_JSON = msgspec.Raw(b'"json"')
"""The response format of an answer that is any JSON object (ollama: llm/server.go, `Completion`, `"json"`)."""


class Sampling(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Options of a call by Ollama's names (api/types.go, Options); what is None is left to the model's own settings.

    Those that are a node's own affair (`num_ctx`, `num_gpu`, `num_batch`, `num_thread`, …) have no place here.
    """

    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    typical_p: float | None = None
    repeat_last_n: int | None = None
    repeat_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    stop: tuple[str, ...] = ()
