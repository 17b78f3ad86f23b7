"""Whether a model fits a node's memory beside what is to stay there, by what Ollama does with models that do not."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from app.inference.fleet.catalogue import Model, full_name
from app.inference.fleet.traits import needed_bytes
from app.inference.fleet.views import NodeView

MODELS_PER_GPU = 3
"""Ollama holds no more, unless told otherwise (ollama: server/sched.go, defaultModelsPerGPU)."""
FREE_SHARE = 0.8
"""Beside another model one is loaded into so much of what is free; a larger one has Ollama unload others first (ollama:
server/sched.go, `load`: `predictedForLoad > freeMemory*80/100`)."""


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of a node. `most_models` bounds what it is taken to hold, where it was seen to drop more."""

    view: NodeView
    most_models: int | None = None

    @property
    def free_bytes(self) -> int | None:
        """What no model takes; None where the memory of its GPUs is not declared."""
        whole = self.view.node.memory_bytes
        return None if whole is None else max(0, whole - self.taken(self.view.loaded))

    def taken(self, models: Iterable[str]) -> int:
        """Return the GPU memory that these resident models (full names) take."""
        residents = self.view.residents
        return sum(residents[model].gpu_bytes for model in models if model in residents)

    def needed(self, model: Model) -> int | None:
        """Return what a model takes, by Ollama's own arithmetic; None where its size is not known."""
        key = full_name(model.name)
        traits, size = self.view.traits.get(key), self.view.sizes.get(key, 0)
        return (
            needed_bytes(traits, size, context_of(self.view, model), self.view.node.slots) if traits and size else None
        )

    def is_unknown(self) -> bool:
        """Whether nobody can say what fits beside another model: GPUs of which the memory is not declared."""
        return self.view.node.memory_bytes is None and any(one.gpu_bytes for one in self.view.residents.values())

    def fits(self, model: Model, kept: Collection[str]) -> bool:
        """Whether the model can be loaded without Ollama unloading one of `kept` (full names). Alone any may be."""
        if not kept:
            return True
        if len(kept) >= self._most():
            return False
        if self.view.node.memory_bytes is None and not self.is_unknown():
            # On processors only the count has Ollama unload (server/sched.go: `len(loadGpus) > 0`).
            return True
        needed, taken = self.needed(model), self.taken(kept)
        if needed is None:
            return False
        if self.view.node.memory_bytes is None:
            return taken + needed <= self.view.most_bytes
        return needed <= (self.view.node.memory_bytes - taken) * FREE_SHARE

    def room_by(self, model: Model, kept: Collection[str], spare: Iterable[str]) -> tuple[str, ...] | None:
        """Return the fewest of `spare`, the first ones first, without which the model fits; None if it never does."""
        leaving: list[str] = []
        for one in spare:
            if self.fits(model, _without(kept, leaving)):
                break
            leaving.append(one)
        if not self.fits(model, _without(kept, leaving)):
            return None
        for one in tuple(leaving):
            fewer = [other for other in leaving if other != one]
            if self.fits(model, _without(kept, fewer)):
                leaving = fewer
        return tuple(leaving)

    def _most(self) -> int:
        if self.most_models is not None:
            return self.most_models
        return max(MODELS_PER_GPU * self.view.node.gpus, self.view.most_models)


def context_of(view: NodeView, model: Model) -> int:
    """Return the context to load a model with: that which it had there last, else the smallest."""
    key = full_name(model.name)
    sizes = view.sized(model, key).num_ctx
    last = view.contexts.get(key, 0)
    return last if sizes[0] <= last <= sizes[-1] else sizes[0]


def leaving_order(view: NodeView, models: Iterable[str]) -> Iterator[str]:
    """Yield models in the order in which they would leave by themselves, those of which it is not known first."""

    def leaves(model: str) -> tuple[float, str]:
        resident = view.residents.get(model)
        at = None if resident is None else resident.leaves_at
        return (0.0 if at is None else at.timestamp(), model)

    yield from sorted(models, key=leaves)


def _without(kept: Collection[str], leaving: Collection[str]) -> list[str]:
    return [one for one in kept if one not in leaving]
