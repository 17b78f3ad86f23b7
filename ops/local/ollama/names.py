"""Model names: how Ollama reads, completes, checks and shows them."""

import re

import msgspec

from ops.local.ollama.faults import Refused, bad_request

DEFAULT_HOST = "registry.ollama.ai"
DEFAULT_NAMESPACE = "library"
DEFAULT_TAG = "latest"

# types/model/name.go: which characters and how many each part may have.
_PARTS = {
    "host": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}", re.ASCII),
    "namespace": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,79}", re.ASCII),
    "model": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}", re.ASCII),
    "tag": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}", re.ASCII),
}


class ModelName(msgspec.Struct, frozen=True):
    """The four parts of a full name, `host/namespace/model:tag`."""

    host: str
    namespace: str
    model: str
    tag: str

    @property
    def full(self) -> str:
        return f"{self.host}/{self.namespace}/{self.model}:{self.tag}"

    @property
    def shortest(self) -> str:
        """The name as lists show it: default host and namespace left out, the tag always there."""
        if self.host.lower() != DEFAULT_HOST:
            return self.full
        if self.namespace.lower() != DEFAULT_NAMESPACE:
            return f"{self.namespace}/{self.model}:{self.tag}"
        return f"{self.model}:{self.tag}"

    @property
    def is_valid(self) -> bool:
        parts = {"host": self.host, "namespace": self.namespace, "model": self.model, "tag": self.tag}
        return all(_PARTS[kind].fullmatch(part) is not None for kind, part in parts.items())


def parse(text: str) -> ModelName:
    """The parts of a name, defaults filled in (types/model/name.go, ParseName); may be invalid."""
    tag = ""
    if text.rfind(":") > text.rfind("/"):
        text, _, tag = text.rpartition(":")
        tag = tag or "!MISSING!"
        text = text or "!MISSING!"
    text, slash, model = text.rpartition("/")
    namespace = host = ""
    if slash:
        model = model or "!MISSING!"
        text, slash, namespace = (text or "!MISSING!").rpartition("/")
        if slash:
            host = (text or "!MISSING!").split("://", 1)[-1]
            namespace = namespace or "!MISSING!"
    return ModelName(host or DEFAULT_HOST, namespace or DEFAULT_NAMESPACE, model, tag or DEFAULT_TAG)


def resolve(raw: str, when_missing: Refused) -> ModelName:
    """A request's model name, checked (server/model_resolver.go, parseAndValidateModelRef).

    `when_missing` is raised for an empty name, Refused(400) for an invalid one, Refused(403) for a model
    that only Ollama's cloud could serve.
    """
    name = raw.strip()
    if not name:
        raise when_missing
    head, colon, suffix = name.rpartition(":")
    suffix = suffix.strip().lower()
    if colon and suffix in ("cloud", "local"):
        name = head
        if suffix == "cloud":
            raise Refused(403, "ollama cloud is disabled: remote inference is unavailable")
    elif colon and suffix.endswith("-cloud") and "/" not in suffix:
        raise Refused(403, "ollama cloud is disabled: remote inference is unavailable")
    parsed = parse(name)
    if not parsed.is_valid:
        raise bad_request("invalid model name")
    return parsed
