"""Small GGUF files and stores for tests."""

import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path

Value = str | int | float | bool | list[str] | list[int]
TYPES = {str: 8, int: 4, float: 6, bool: 7}

CHAT: dict[str, Value] = {
    "general.architecture": "llama",
    "general.name": "Small",
    "general.file_type": 3,
    "llama.context_length": 2048,
    "llama.embedding_length": 64,
    "llama.block_count": 2,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "tokenizer.ggml.tokens": ["a", "b", "c", "d", "e", "f", "g"],
    "tokenizer.ggml.token_type": [1, 1, 1],
    "tokenizer.chat_template": "{{ messages }}",
}
EMBED: dict[str, Value] = {"general.architecture": "bert", "bert.pooling_type": 1, "bert.context_length": 512}


def gguf_bytes(values: Mapping[str, Value], tensors: Mapping[str, tuple[int, ...]]) -> bytes:
    """A GGUF file of version 3 without tensor bytes."""
    whole = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values))
    for key, value in values.items():
        whole += text(key) + _value(value)
    for name, shape in tensors.items():
        whole += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, 0)
    return whole


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def _value(value: Value) -> bytes:
    if isinstance(value, list):
        items = b"".join(text(item) if isinstance(item, str) else struct.pack("<I", item) for item in value)
        return struct.pack("<IIQ", 9, TYPES[type(value[0])], len(value)) + items
    kind = struct.pack("<I", TYPES[type(value)])
    if isinstance(value, str):
        return kind + text(value)
    return kind + struct.pack({bool: "<?", int: "<I", float: "<f"}[type(value)], value)


class StoreMaker:
    """Writes models in Ollama's layout under one directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "blobs").mkdir(parents=True)

    def blob(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        (self.root / "blobs" / f"sha256-{digest}").write_bytes(content)
        return f"sha256:{digest}"

    def layer(self, kind: str, content: bytes) -> dict[str, object]:
        return {
            "mediaType": f"application/vnd.ollama.image.{kind}",
            "digest": self.blob(content),
            "size": len(content),
        }

    def add(
        self, path: str, values: Mapping[str, Value], config: Mapping[str, object], **layers: bytes
    ) -> dict[str, object]:
        """A model at `host/namespace/model/tag`; returns its manifest."""
        weights = gguf_bytes(values, {"token_embd.weight": (64, 7), "output_norm.weight": (64,)})
        settings = json.dumps(config).encode()
        manifest: dict[str, object] = {
            "config": {"digest": self.blob(settings), "size": len(settings)},
            "layers": [self.layer("model", weights), *(self.layer(kind, text) for kind, text in layers.items())],
        }
        target = self.root / "manifests" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(manifest))
        return manifest
