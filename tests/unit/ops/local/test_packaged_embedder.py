"""The weights that ship know the vectors of the embedder that the local stack packages."""

import hashlib
from pathlib import Path

from app.inference.routing.complexity import SHIPPED, read_weights
from ops.local.models.catalogue import read_catalogue
from ops.local.models.store import manifest_path, put_model


def test_the_shipped_prototypes_are_of_the_packaged_embedder(tmp_path: Path) -> None:
    model = read_catalogue().get("all-minilm:22m")
    weights = tmp_path / "weights.gguf"
    weights.touch()
    put_model(tmp_path / "store", model, weights)
    # A model's digest is that of its manifest (ollama: server/manifest.go, GetManifestPath).
    digest = hashlib.sha256(manifest_path(tmp_path / "store", model.name).read_bytes()).hexdigest()
    prototypes = read_weights(SHIPPED).prototypes
    assert prototypes is not None
    assert prototypes.digest == digest
