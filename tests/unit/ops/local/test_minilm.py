"""The conversion of MiniLM, on a tiny model of the same shape."""

from pathlib import Path

import gguf
import msgspec
import numpy as np
import pytest

from ops.local.models.minilm import convert

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hello", "##ing", "é"]
TENSORS = {
    "embeddings.word_embeddings.weight": (len(VOCABULARY), 32),
    "embeddings.position_embeddings.weight": (4, 32),
    "embeddings.token_type_embeddings.weight": (2, 32),
    "embeddings.LayerNorm.weight": (32,),
    "encoder.layer.0.attention.self.query.weight": (32, 32),
    "encoder.layer.0.attention.self.query.bias": (32,),
    "pooler.dense.weight": (32, 32),
}


def write_safetensors(path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    body = b""
    for number, (name, shape) in enumerate(shapes.items()):
        values = np.random.default_rng(number).standard_normal(shape).astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(body), len(body) + len(values)]}
        body += values
    positions = np.arange(4, dtype="<i8").tobytes()
    offsets = [len(body), len(body) + len(positions)]
    header["embeddings.position_ids"] = {"dtype": "I64", "shape": [1, 4], "data_offsets": offsets}
    encoded = msgspec.json.encode(header)
    path.write_bytes(len(encoded).to_bytes(8, "little") + encoded + body + positions)


def make(folder: Path, name: str = "out.gguf") -> Path:
    write_safetensors(folder / "model.safetensors", TENSORS)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    convert(folder / "model.safetensors", folder / "vocab.txt", folder / name)
    return folder / name


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    assert make(tmp_path, "one.gguf").read_bytes() == make(tmp_path, "two.gguf").read_bytes()


def test_matrices_are_quantized_and_small_tensors_are_exact(tmp_path: Path) -> None:
    kinds = {tensor.name: tensor.tensor_type.name for tensor in gguf.GGUFReader(make(tmp_path)).tensors}
    assert kinds == {
        "token_embd.weight": "Q8_0",
        "blk.0.attn_q.weight": "Q8_0",
        "blk.0.attn_q.bias": "F32",
        "position_embd.weight": "F32",
        "token_types.weight": "F32",
        "token_embd_norm.weight": "F32",
    }


def test_words_are_marked_at_their_start_and_special_tokens_are_known(tmp_path: Path) -> None:
    fields = gguf.GGUFReader(make(tmp_path)).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    assert tokens == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "\u2581hello", "ing", "\u2581é"]
    assert fields["tokenizer.ggml.bos_token_id"].contents() == 2
    assert fields["tokenizer.ggml.eos_token_id"].contents() == 3
    assert fields["bert.pooling_type"].contents() == gguf.PoolingType.MEAN
    assert fields["bert.attention.causal"].contents() is False


def test_a_tensor_that_minilm_does_not_have_is_refused(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "model.safetensors", {"decoder.weight": (32, 32)})
    (tmp_path / "vocab.txt").write_text("\n".join(VOCABULARY), encoding="utf-8")
    with pytest.raises(ValueError, match=r"decoder\.weight"):
        convert(tmp_path / "model.safetensors", tmp_path / "vocab.txt", tmp_path / "out.gguf")
