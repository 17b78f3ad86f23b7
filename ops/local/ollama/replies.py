"""Lines of chat and generate replies: their fields in Ollama's order, and how lines join into one reply."""

import time
from collections.abc import Mapping, Sequence

import msgspec

from ops.local.ollama.clock import now_text
from ops.local.ollama.gojson import Json
from ops.local.ollama.llama import Piece, Probability

_NS_PER_MS = 1_000_000


class Line(msgspec.Struct, frozen=True):
    """One JSON object of a reply; `is_whole` says that it is the entire reply, streamed or not."""

    fields: dict[str, Json]
    is_whole: bool = False


class Stopwatch:
    """Nanoseconds of a call: in all, and until its model was loaded."""

    def __init__(self) -> None:
        self._started_ns = time.perf_counter_ns()
        self._loaded_ns = self._started_ns

    def loaded(self) -> None:
        self._loaded_ns = time.perf_counter_ns()

    @property
    def total_ns(self) -> int:
        return time.perf_counter_ns() - self._started_ns

    @property
    def load_ns(self) -> int:
        return self._loaded_ns - self._started_ns


def head(model: str) -> dict[str, Json]:
    """The fields that begin every line."""
    return {"model": model, "created_at": now_text()}


def ending(piece: Piece, watch: Stopwatch) -> dict[str, Json]:
    """Reason and metrics of the last line; zero values are left out (api/types.go, Metrics)."""
    timings = piece.timings
    metrics: dict[str, Json] = {
        "total_duration": watch.total_ns,
        "load_duration": watch.load_ns,
        "prompt_eval_count": timings.cache_n + timings.prompt_n,
        "prompt_eval_duration": int(timings.prompt_ms * _NS_PER_MS),
        "eval_count": timings.predicted_n,
        "eval_duration": int(timings.predicted_ms * _NS_PER_MS),
    }
    return {name: value for name, value in metrics.items() if value}


def done_reason(piece: Piece) -> str:
    """`length` when a limit ended the answer, else `stop`."""
    return "length" if piece.stop_type == "limit" else "stop"


def logprobs(probabilities: Sequence[Probability], *, top: bool) -> dict[str, Json]:
    """The `logprobs` field (server/logprob.go), none without probabilities."""
    found: list[Json] = [
        {
            **_logprob(item),
            **({"top_logprobs": [_logprob(other) for other in item.top_logprobs]} if top else {}),
        }
        for item in probabilities
    ]
    return {"logprobs": found} if found else {}


def _logprob(item: Probability) -> dict[str, Json]:
    spelt: dict[str, Json] = {"bytes": list(item.token.encode())} if item.token else {}
    return {"token": item.token, "logprob": item.logprob, **spelt}


def joined(before: dict[str, Json], line: dict[str, Json]) -> dict[str, Json]:
    """Two lines of one reply as one: texts added up, the rest as the later line has it (server/routes.go)."""
    whole = dict(line)
    if "response" in line:
        whole["response"] = f"{before.get('response', '')}{line['response']}"
        whole = _with_thinking(whole, before, line)
    message, earlier = line.get("message"), before.get("message")
    if isinstance(message, Mapping) and isinstance(earlier, Mapping):
        content = f"{earlier.get('content', '')}{message.get('content', '')}"
        whole["message"] = _with_thinking({**earlier, **message, "content": content}, earlier, message)
    probabilities = [*_items(before.get("logprobs")), *_items(line.get("logprobs"))]
    if probabilities:
        whole["logprobs"] = probabilities
    return whole


def thought(thinking: str) -> dict[str, Json]:
    """The field of a piece of thinking, none without one; it follows the text's."""
    return {"thinking": thinking} if thinking else {}


def _with_thinking(whole: Mapping[str, Json], before: Mapping[str, Json], after: Mapping[str, Json]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for name, value in whole.items():
        if name != "thinking":
            found[name] = value
        if name in ("response", "content"):
            found |= thought(f"{before.get('thinking', '')}{after.get('thinking', '')}")
    return found


def _items(value: Json) -> Sequence[Json]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()
