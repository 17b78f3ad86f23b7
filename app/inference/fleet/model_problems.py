"""Which models a node should hold and does not, and what it has instead."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

import structlog

from app.inference.fleet.catalogue import Catalogue, Model, Node, full_name
from app.inference.fleet.traits import Room

log = structlog.stdlib.get_logger(__name__)

SHOWN = 20
"""How many of a node's models are named."""


class ModelFault(StrEnum):
    """Why a node may not serve a model that it is declared to hold."""

    MODEL_MISSING = "model_missing"
    """The node does not hold it."""
    DIGEST_DIFFERS = "digest_differs"
    """The node holds it with another digest than the catalogue pins."""
    UNDECLARED = "undeclared"
    """No `[[models]]` entry of the nodes file describes it."""
    TOO_LARGE = "too_large"
    """Its weights and the cache of its smallest context, for all slots, do not fit the memory of the node's GPUs."""


@dataclass(frozen=True, slots=True)
class ModelProblem:
    """One declared model that a node may not serve: its name as declared, the reason, and what the node has.

    `has` are the names of models that the node holds (`model_missing`), its digest (`digest_differs`), or the
    arithmetic (`too_large`).
    """

    model: str
    reason: ModelFault
    has: tuple[str, ...]


def problems_of(
    node: Node, holds: Mapping[str, str], catalogue: Catalogue, rooms: Mapping[str, Room]
) -> tuple[ModelProblem, ...]:
    """Return what is wrong with the declared models of a node that holds these (full names and digests)."""
    found: list[ModelProblem] = []
    for name in node.models:
        digest, model = holds.get(full_name(name)), catalogue.find(name)
        if model is None:
            found.append(ModelProblem(name, ModelFault.UNDECLARED, ()))
        elif digest is None:
            found.append(ModelProblem(name, ModelFault.MODEL_MISSING, tuple(sorted(holds))[:SHOWN]))
        elif not digest_fits(model, digest):
            found.append(ModelProblem(name, ModelFault.DIGEST_DIFFERS, (digest,)))
        elif (room := rooms.get(full_name(name))) is not None and not room.sizes:
            found.append(ModelProblem(name, ModelFault.TOO_LARGE, (room.arithmetic,)))
    return tuple(found)


def digest_fits(model: Model | None, digest: str) -> bool:
    """Return whether a node's digest is the one the catalogue pins (if it pins one)."""
    return model is not None and (model.digest is None or model.digest.removeprefix("sha256:") == digest)


def tell_problems(node: str, was: Collection[ModelProblem], now: Collection[ModelProblem]) -> None:
    """Tell of each model that is no longer as it was."""
    before = {(problem.model, problem.reason) for problem in was}
    for problem in now:
        if (problem.model, problem.reason) not in before:
            log.warning(
                "node.model_misconfigured",
                node=node,
                model=problem.model,
                reason=problem.reason.value,
                node_has=problem.has,
            )
    for model in {model for model, _ in before} - {problem.model for problem in now}:
        log.info("node.model_held", node=node, model=model)
