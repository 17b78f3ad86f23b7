"""The node's settings: the environment variables of a real Ollama server, read as it reads them."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from ops.local.ollama import duration

_FIVE_MINUTES_NS = 300_000_000_000


class Environment(msgspec.Struct, frozen=True):
    """Durations are nanoseconds; `context_length` and `max_loaded_models` are None when Ollama decides by itself."""

    host: str
    port: int
    models: Path
    num_parallel: int
    max_queue: int
    keep_alive_ns: int
    max_loaded_models: int | None
    context_length: int | None
    load_timeout_ns: int
    origins: tuple[str, ...]


def read(variables: Mapping[str, str], home: Path) -> Environment:
    """The settings in `variables`, with Ollama's defaults (envconfig/config.go)."""
    texts = {name: value.strip().strip("\"'") for name, value in variables.items() if name.startswith("OLLAMA_")}
    host, port = _host(texts.get("OLLAMA_HOST", ""))
    kept_ns = _duration(texts, "OLLAMA_KEEP_ALIVE")
    load_ns = _duration(texts, "OLLAMA_LOAD_TIMEOUT")
    models = texts.get("OLLAMA_MODELS", "")
    return Environment(
        host=host,
        port=port,
        models=Path(models) if models else home / ".ollama" / "models",
        num_parallel=max(_unsigned(texts, "OLLAMA_NUM_PARALLEL", 1), 1),
        max_queue=_unsigned(texts, "OLLAMA_MAX_QUEUE", 512),
        keep_alive_ns=duration.FOREVER_NS if kept_ns < 0 else kept_ns,
        max_loaded_models=_unsigned(texts, "OLLAMA_MAX_LOADED_MODELS", 0) or None,
        context_length=_unsigned(texts, "OLLAMA_CONTEXT_LENGTH", 0) or None,
        load_timeout_ns=duration.FOREVER_NS if load_ns <= 0 else load_ns,
        origins=tuple(origin for origin in texts.get("OLLAMA_ORIGINS", "").split(",") if origin),
    )


def _duration(texts: Mapping[str, str], name: str) -> int:
    text = texts.get(name, "")
    return duration.setting(text, _FIVE_MINUTES_NS) if text else _FIVE_MINUTES_NS


def _unsigned(texts: Mapping[str, str], name: str, default: int) -> int:
    text = texts.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else default


def _host(text: str) -> tuple[str, int]:
    """Address and port of OLLAMA_HOST: `host`, `host:port`, `[v6]:port`, or a URL (envconfig/config.go, Host)."""
    scheme, mark, rest = text.partition("://")
    hostport = (rest if mark else text).partition("/")[0]
    default_port = {"http": 80, "https": 443}.get(scheme, 11434) if mark else 11434
    if hostport.count(":") > 1 and not hostport.startswith("["):
        return hostport, default_port
    head, colon, tail = hostport.rpartition(":")
    if not colon or tail.endswith("]"):
        head, tail = hostport, ""
    port = int(tail) if tail.isascii() and tail.isdigit() and int(tail) <= 65535 else default_port
    host = head.strip("[]")
    return host or ("" if colon and tail else "127.0.0.1"), port
