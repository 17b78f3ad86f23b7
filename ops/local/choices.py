"""What the user chose, by flags and variables: directory, size, outside servers."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from app import kinds
from app.mistakes import ConfigurationWrong, Mistake
from app.settings import gather
from app.telemetry.masking import Mask
from app.telemetry.secrets import find_secrets
from app.urls import AddressWrong, read_http_address
from app.variables import Given, kinds_of, read_variables
from ops.local.layout import SECRETS, Layout, Outside
from ops.local.models.catalogue import Size
from ops.local.parts import application
from ops.local.parts.probes import http_ok
from ops.local.process import REPOSITORY
from ops.local.secrets_file import find_secrets_of

OURS = "SWITCHYARD_"
PREFIX = f"{OURS}LOCAL_"
QDRANT_KEY = f"{PREFIX}QDRANT_API_KEY"
MODELS = "MODELS"
FIRST_CHOICE_PORT = 8080
OLLAMA_PORT = 11434
QDRANT_PORT = 6333


def _read_server(text: str) -> str:
    return read_http_address(text if "://" in text else f"http://{text}")


def _read_network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise AddressWrong("must be an address or a network, like 10.0.0.0/8") from None


_SERVERS = kinds.addresses("addresses of servers, separated by commas", _read_server)


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """What `SWITCHYARD_LOCAL_*` variables may say, each with its kind; nothing said is nothing chosen."""

    dir: Annotated[str | None, kinds.path("a directory")] = None
    port: Annotated[int, kinds.port()] = FIRST_CHOICE_PORT
    ollama_host: Annotated[str | None, _SERVERS] = None
    qdrant_url: Annotated[str | None, _SERVERS] = None
    qdrant_api_key: Annotated[str | None, kinds.secret()] = None
    database_url: Annotated[str | None, kinds.database_address()] = None
    cache_url: Annotated[str | None, kinds.redis_address()] = None
    coordination_url: Annotated[str | None, kinds.redis_address()] = None
    unlimited: Annotated[str | None, kinds.addresses("networks, separated by commas", _read_network)] = None
    weights: Annotated[str | None, kinds.path("a file or a directory")] = None
    url: Annotated[str | None, kinds.address("http:// or https:// address", read_http_address)] = None
    key: Annotated[str | None, kinds.secret()] = None


def directory_from(environ: Mapping[str, str]) -> Path:
    """Return the stack's directory: SWITCHYARD_LOCAL_DIR, or `.local` in the clone."""
    return Path(environ.get(f"{PREFIX}DIR", "").strip() or REPOSITORY / ".local").expanduser()


def mask_from(environ: Mapping[str, str]) -> Mask:
    """Return the mask of the secrets that variables give, and of the passwords of the stack's own parts."""
    found = find_secrets(environ, OURS)
    found.secrets |= find_secrets_of(directory_from(environ) / SECRETS)
    return found.mask()


def layout_from(environ: Mapping[str, str], *, is_system: bool, is_running: bool = False) -> Layout:
    """Return the layout that the environment asks for; `is_system` prefers servers and programs of this machine.

    With `is_running` it is that of a stack that was started with this environment.

    Raises ConfigurationWrong with every variable that makes no sense, to the stack or to its application.
    """
    given = _read(environ)
    mistakes = [*given.mistakes, *_size_mistakes(environ)]
    if mistakes:
        raise ConfigurationWrong(*mistakes, *gather(environ, ()).mistakes)
    outside = outside_from(environ, is_system=is_system)
    if outside.qdrant_api_key is not None and outside.qdrant_urls is None:
        raise ConfigurationWrong(Mistake(QDRANT_KEY, f"is the key of a Qdrant of yours: give {PREFIX}QDRANT_URL too"))
    layout = Layout.open(
        directory_from(environ),
        environ,
        outside=outside,
        is_system=is_system,
        size=size_from(environ),
        port=_choices(given).port,
        is_running=is_running,
    )
    check_application(layout)
    return layout


def check_application(layout: Layout) -> None:
    """Raise ConfigurationWrong for what the stack's application would refuse of the environment it will get."""
    told = gather({**layout.environ, **application.environ(layout)}, ())
    if told.mistakes:
        raise ConfigurationWrong(*told.mistakes)


def outside_from(environ: Mapping[str, str], *, is_system: bool) -> Outside:
    """Return the outside servers: those named by variables, and with `is_system` those at their usual address."""
    given = _choices(_read(environ))
    ollama, qdrant = _several(given.ollama_host), _several(given.qdrant_url)
    if is_system and ollama is None and http_ok(OLLAMA_PORT, "/api/version"):
        ollama = (f"http://127.0.0.1:{OLLAMA_PORT}",)
    if is_system and qdrant is None and http_ok(QDRANT_PORT, "/readyz"):
        qdrant = (f"http://127.0.0.1:{QDRANT_PORT}",)
    return Outside(
        ollama_hosts=ollama,
        qdrant_urls=qdrant,
        # Never guessed: what the stack finds in a database it takes for its own.
        database_url=given.database_url,
        cache_url=given.cache_url,
        coordination_url=given.coordination_url,
        qdrant_api_key=given.qdrant_api_key,
    )


def size_from(environ: Mapping[str, str]) -> Size:
    """Return the set of models that the variable `MODELS` asks for: `small`, or `all` when it is unset.

    Raises ConfigurationWrong for another word.
    """
    mistakes = _size_mistakes(environ)
    if mistakes:
        raise ConfigurationWrong(*mistakes)
    return Size(environ.get(MODELS, "").strip().lower() or Size.ALL)


def _size_mistakes(environ: Mapping[str, str]) -> list[Mistake]:
    word = environ.get(MODELS, "").strip().lower()
    return [] if word in {"", *Size} else [Mistake(MODELS, "must be one of small, all")]


def _read(environ: Mapping[str, str]) -> Given:
    # An empty variable is no choice: this is how a shell takes one back.
    given = {name: value for name, value in environ.items() if value.strip(" ,\t\r\n")}
    return read_variables(kinds_of(Choices), given, PREFIX)


def _choices(given: Given) -> Choices:
    return Choices(**given.values)  # pyright: ignore[reportArgumentType]


def _several(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(text.split(","))
