"""Names of models, read and compared as Ollama does (types/model/name.go and internal/modelref/modelref.go, v0.33)."""

import re
from functools import lru_cache

_HOST, _NAMESPACE, _TAG = "registry.ollama.ai", "library", "latest"
_PARTS = (
    re.compile(r"[a-z0-9_][a-z0-9_.:-]{0,349}", re.ASCII),
    re.compile(r"[a-z0-9_][a-z0-9_-]{0,79}", re.ASCII),
    re.compile(r"[a-z0-9_][a-z0-9_.-]{0,79}", re.ASCII),
    re.compile(r"[a-z0-9_][a-z0-9_.-]{0,79}", re.ASCII),
)


@lru_cache(maxsize=1024)
def full_name(name: str) -> str:
    """Return the one name of a model: two names mean the same model if and only if this is equal.

    Case, the registry `registry.ollama.ai`, its namespace `library` and the suffix `:local` make no difference, and no
    tag is `latest`: `Registry.Ollama.ai/library/M` is `m:latest`. Other registries and namespaces stay.
    """
    host, namespace, model, tag = _split(name)
    if host != _HOST:
        return f"{host}/{namespace}/{model}:{tag}"
    return f"{model}:{tag}" if namespace == _NAMESPACE else f"{namespace}/{model}:{tag}"


def is_model_name(name: str) -> bool:
    """Whether Ollama takes the name: `[[host/]namespace/]model[:tag]` of letters, digits, `_`, `-` and `.`."""
    return all(form.fullmatch(part) for form, part in zip(_PARTS, _split(name), strict=True))


def _split(name: str) -> tuple[str, str, str, str]:
    """Return host, namespace, model and tag in small letters, with defaults where there is no separator."""
    rest = name.strip().lower().removesuffix(":local")
    tag = _TAG
    if rest.rfind(":") > rest.rfind("/"):
        rest, _, tag = rest.rpartition(":")
    rest, has_namespace, model = rest.rpartition("/")
    if not has_namespace:
        return _HOST, _NAMESPACE, model, tag
    rest, has_host, namespace = rest.rpartition("/")
    return rest.rpartition("://")[2] if has_host else _HOST, namespace, model, tag
