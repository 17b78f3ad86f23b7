"""The whole configuration: variables, the files that they name, nodes and prompts, read once with all mistakes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import structlog

from app.agents import summaries
from app.agents.prompts import Prompt, load_prompts
from app.agents.team import needed_prompts
from app.evaluation import judge
from app.files import certificate_problem, directory_problem
from app.inference.fleet.catalogue import Catalogue, read_catalogue
from app.inference.words.records import CallKind
from app.mistakes import ConfigurationWrong, Mistake
from app.settings import Settings, SettingsWrong, gather, make_settings, stand_in, variable_of

log = structlog.get_logger(__name__)

CERTIFICATES = ("database_ca", "redis_ca", "qdrant_ca", "node_ca", "blobs_ca", "rerank_ca")
Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Configuration:
    """All that a process is told at its start. `injected` are names that Kubernetes set, which mean nothing here."""

    settings: Settings
    catalogue: Catalogue
    prompts: Mapping[str, Prompt]
    injected: tuple[str, ...] = ()


def read_configuration(environ: Mapping[str, str]) -> Configuration:
    """Read everything once. Raises ConfigurationWrong with every mistake in it, not the first one."""
    given = gather(environ)
    mistakes = list(given.mistakes)
    catalogue, prompts = _read_files(stand_in(given), mistakes)
    if mistakes or catalogue is None or prompts is None:
        raise SettingsWrong(*mistakes)
    return Configuration(make_settings(given.values), catalogue, prompts, tuple(given.injected))


def with_files(settings: Settings) -> Configuration:
    """Return `settings` with the files that they name. Raises ConfigurationWrong with every mistake in those."""
    mistakes: list[Mistake] = []
    catalogue, prompts = _read_files(settings, mistakes)
    if mistakes or catalogue is None or prompts is None:
        raise ConfigurationWrong(*mistakes)
    return Configuration(settings, catalogue, prompts)


def tell_injected(configuration: Configuration) -> None:
    """Write one debug line about names that Kubernetes set, if it set any."""
    if configuration.injected:
        log.debug("settings.injected_ignored", names=configuration.injected)


def _read_files(settings: Settings, mistakes: list[Mistake]) -> tuple[Catalogue | None, Mapping[str, Prompt] | None]:
    """Return what could be read of the files that are named, and note what is wrong; an empty name names none."""
    for name in CERTIFICATES:
        file = getattr(settings, name)
        if file is not None and (reason := certificate_problem(Path(file))):
            mistakes.append(Mistake(variable_of(name), f"{file} {reason}"))
    if settings.blobs_dir and (reason := directory_problem(Path(settings.blobs_dir))):
        mistakes.append(Mistake(variable_of("blobs_dir"), f"{settings.blobs_dir} {reason}"))
    if settings.node_tokens_dir and not Path(settings.node_tokens_dir).is_dir():
        mistakes.append(Mistake(variable_of("node_tokens_dir"), f"{settings.node_tokens_dir} is not a directory"))
    prompts = _told(
        lambda: load_prompts(Path(settings.prompts_dir), {**needed_prompts(), **judge.PROMPTS, **summaries.PROMPTS}),
        mistakes,
    )
    if not settings.nodes_file:
        return None, prompts
    catalogue = _told(lambda: read_catalogue(Path(settings.nodes_file)), mistakes)
    if catalogue is not None:
        mistakes += _differences(settings, catalogue)
    return catalogue, prompts


def _differences(settings: Settings, catalogue: Catalogue) -> Iterator[Mistake]:
    """Yield what is wrong between the settings and the nodes file."""
    embed = catalogue.find(settings.embed_model)
    if embed is None or embed.kind is not CallKind.EMBED:
        known = ", ".join(model.name for model in catalogue.models if model.kind is CallKind.EMBED) or "none"
        yield Mistake(
            variable_of("embed_model"),
            f"{settings.embed_model} is no model of kind embed in {settings.nodes_file}, which has {known}",
        )


def _told(read: Callable[[], Read], mistakes: list[Mistake]) -> Read | None:
    try:
        return read()
    except ConfigurationWrong as error:
        mistakes += error.mistakes
        return None
