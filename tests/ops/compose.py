"""Reads docker-compose.yml as the engine would: variables, anchors, merges, and both ways to write a list."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias, cast

import msgspec

from tests.ops.yaml_files import parse

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
EXAMPLE = ROOT / ".env.example"
PROFILES = ("cpu", "gpu", "gpu80")

# A sign alone, a bare name, or a name in braces with what to say when it is not set, which may hold one more.
_PLACE = re.compile(
    r"\$(?:(?P<sign>\$)|(?P<bare>\w+)"
    r"|\{(?P<name>\w+)(?:(?P<how>:?[-?])(?P<text>(?:[^{}]|\$\{[^{}]*\})*))?\})"
)
Tree: TypeAlias = "str | int | float | bool | list[Tree] | dict[str, Tree] | None"


class VariableMissing(Exception):
    """A variable that the file insists on is not set."""


class Healthcheck(msgspec.Struct, frozen=True):
    """What the engine runs, or `disable`."""

    test: tuple[str, ...] = ()
    interval: str = ""
    timeout: str = ""
    retries: int = 0
    start_period: str = ""
    disable: bool = False


class Limits(msgspec.Struct, frozen=True):
    """The most that a container may use."""

    cpus: str
    memory: str
    pids: int


class Resources(msgspec.Struct, frozen=True):
    """Limits, and devices that are set aside."""

    limits: Limits
    reservations: dict[str, list[dict[str, str | list[str]]]] = {}


class Deploy(msgspec.Struct, frozen=True):
    """How many containers, and how large."""

    resources: Resources
    replicas: int = 1


class Secret(msgspec.Struct, frozen=True):
    """A secret and where the container finds it."""

    source: str
    target: str


class Network(msgspec.Struct, frozen=True):
    """Other names of a service in a network."""

    aliases: tuple[str, ...] = ()


class Need(msgspec.Struct, frozen=True):
    """What another service must have reached before this one starts."""

    condition: str


class Service(msgspec.Struct, frozen=True):
    """One service, normalised: every list is written the long way."""

    image: str
    deploy: Deploy
    logging: dict[str, str | dict[str, str]]
    restart: str
    build: dict[str, str] = {}
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    depends_on: dict[str, Need] = {}
    entrypoint: tuple[str, ...] = ()
    env_file: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    expose: tuple[str, ...] = ()
    healthcheck: Healthcheck | None = None
    networks: dict[str, Network | None] = {}
    ports: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    read_only: bool = False
    secrets: tuple[Secret, ...] = ()
    security_opt: tuple[str, ...] = ()
    stop_grace_period: str = "10s"
    tmpfs: tuple[str, ...] = ()
    user: str = ""
    volumes: tuple[str, ...] = ()

    def names(self) -> set[str]:
        """Other names that the service has in its networks."""
        return {alias for network in self.networks.values() if network for alias in network.aliases}

    def mounts(self) -> list[tuple[str, str, bool]]:
        """Return (source, target, whether read-only) of every mount; a source without a slash is a named volume."""
        parts = [volume.split(":") for volume in self.volumes]
        return [(part[0], part[1], part[2:] == ["ro"]) for part in parts]


class Compose(msgspec.Struct, frozen=True):
    """The file, with its variables filled in."""

    name: str
    services: dict[str, Service]
    networks: dict[str, dict[str, bool]]
    volumes: dict[str, dict[str, str]]
    secrets: dict[str, dict[str, str]]

    def of_profile(self, profile: str) -> dict[str, Service]:
        """Return the services that run with `profile`."""
        return {
            n: service for n, service in self.services.items() if not service.profiles or profile in service.profiles
        }


def fill(text: str, variables: Mapping[str, str]) -> str:
    """Replace `$X`, `${X}`, `${X:-default}` and `${X:?message}` as compose does. Raises VariableMissing."""

    def value(match: re.Match[str]) -> str:
        if match["sign"]:
            return "$"
        name = match["name"] or match["bare"]
        found, how = variables.get(name), match["how"] or ""
        if found or (found is not None and not how.startswith(":")):
            return found
        if how.endswith("?"):
            raise VariableMissing(f"{name}: {match['text']}")
        return fill(match["text"] or "", variables)

    return _PLACE.sub(value, text)


def load(path: Path = FILE, variables: Mapping[str, str] | None = None) -> Compose:
    """Read the file with `variables`, or those of .env.example. Raises VariableMissing, msgspec.ValidationError."""
    given = read_variables() if variables is None else variables
    tree = _each(_parse(path), lambda text: fill(text, given))
    return msgspec.convert(_normalise(tree), Compose, strict=False)


def variable_names(path: Path = FILE) -> set[str]:
    """Return every variable that the file reads."""
    names: set[str] = set()

    def note(text: str) -> str:
        for match in _PLACE.finditer(text):
            if not match["sign"]:
                names.add(match["name"] or match["bare"])
                note(match["text"] or "")
        return text

    _each(_parse(path), note)
    return names


def read_variables(path: Path = EXAMPLE) -> dict[str, str]:
    """Read a file of `NAME=value` lines; a value may stand in double quotes."""
    lines = [line.strip() for line in path.read_text().splitlines()]
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    return {name: value.removeprefix('"').removesuffix('"') for name, _, value in pairs}


def _parse(path: Path) -> Tree:
    return cast(Tree, parse(path.read_text()))


def _each(tree: Tree, change: Callable[[str], str]) -> Tree:
    match tree:
        case str():
            return change(tree)
        case list():
            return [_each(item, change) for item in tree]
        case dict():
            return {key: _each(value, change) for key, value in tree.items()}
        case _:
            return tree


def _normalise(tree: Tree) -> Tree:
    if not isinstance(tree, dict) or not isinstance(services := tree["services"], dict):
        raise TypeError("services is not a mapping")
    long: dict[str, Tree] = {name: _long(service) for name, service in services.items()}
    return dict(tree, services=long)


def _long(service: Tree) -> Tree:
    if not isinstance(service, dict):
        raise TypeError("a service is not a mapping")
    networks, secrets = service.get("networks", {}), service.get("secrets", [])
    if isinstance(networks, list):
        networks = {str(name): cast(Tree, None) for name in networks}
    if isinstance(secrets, list):
        secrets = [_secret(secret) for secret in secrets]
    return dict(service, networks=networks, secrets=secrets)


def _secret(secret: Tree) -> Tree:
    return secret if isinstance(secret, dict) else {"source": secret, "target": f"/run/secrets/{secret}"}
