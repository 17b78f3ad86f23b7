"""LiteLLM's proxy as it is measured: its settings, its command, its rows."""

import shlex
from collections.abc import Mapping, Sequence

import msgspec

from ops.bench.install import Installation
from ops.bench.parts import FAST, PACED
from ops.local.layout import Layout
from ops.local.parts.part import Part
from ops.local.parts.probes import http_ok
from ops.local.process import REPOSITORY

NAME, OPENAI = "litellm", "litellm-openai"
"""Its two rows: Ollama's own API (provider `ollama_chat`), and the OpenAI dialect that Ollama speaks too (`openai`)."""

PROVIDERS = {NAME: "ollama_chat", OPENAI: "openai"}
INSTALLATION = Installation(
    NAME, REPOSITORY / "requirements" / "peers-litellm.lock", REPOSITORY / ".local" / "peers" / NAME
)
READY_WITHIN_S = 60.0
CONFIG = "config.yaml"

SETTINGS = {
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "ERROR",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_TELEMETRY": "False",
    "NO_PROXY": "*",
}
"""Its documentation's for production (docs.litellm.ai, "Best practices for production"); nothing is fetched or sent."""


def model(row: str, name: str) -> str:
    """Return what the proxy calls a model of the fake node, for one of its rows."""
    return f"{PROVIDERS[row]}/{name}"


def config(node: str) -> str:
    """Return its configuration, YAML in the form of JSON: no database, one key, no retries, no log of requests."""
    return written([entry(row, name, node) for row in PROVIDERS for name in (FAST, PACED)])


def written(entries: Sequence[Mapping[str, object]]) -> str:
    """Return the configuration of these models; of two with one name, the proxy takes one or the other."""
    settings = {
        "model_list": entries,
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY", "disable_spend_logs": True},
        "litellm_settings": {"telemetry": False, "set_verbose": False, "num_retries": 0, "request_timeout": 60},
    }
    return msgspec.json.format(msgspec.json.encode(settings)).decode()


def entry(row: str, name: str, node: str) -> dict[str, object]:
    """Return a model of a node as one of the rows has it."""
    base = {"api_base": f"{node}/v1", "api_key": "none"} if row == OPENAI else {"api_base": node}
    return {"model_name": model(row, name), "litellm_params": {"model": f"{PROVIDERS[row]}/{name}", **base}}


def arguments(host: str, port: str) -> tuple[str, ...]:
    """Return its arguments: one worker, and the faster of its two servers (uvicorn is the other)."""
    return ("--config", CONFIG, "--host", host, "--port", port, "--num_workers", "1", "--run_granian")


def spelled() -> str:
    """Return settings and command for a reader of the report."""
    settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in SETTINGS.items())
    return f"{settings} {NAME} {' '.join(arguments('HOST', 'PORT'))}"


def part(layout: Layout, text: str, key: str) -> Part:
    """Return the proxy as a part of a stack of its own; `text` is its configuration."""
    port = layout.ports.of(NAME)
    file = layout.directory / CONFIG
    host, _, _ = layout.ports.address(NAME).partition(":")

    def prepare() -> None:
        file.write_text(text, encoding="utf-8")

    given = [str(file) if argument == CONFIG else argument for argument in arguments(host, str(port))]
    return Part(
        name=NAME,
        command=(str(INSTALLATION.bin / "litellm"), *given),
        environ={**SETTINGS, "LITELLM_MASTER_KEY": key},
        address=layout.ports.address(NAME),
        prepare=prepare,
        is_ready=lambda: http_ok(port, "/health/liveliness"),
        ready_within_s=READY_WITHIN_S,
        stop_within_s=10.0,
        port_names=(NAME,),
    )
