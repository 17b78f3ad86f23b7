"""all-MiniLM-L6-v2 from its publisher's safetensors to a GGUF, the same bytes on every machine.

python -m ops.local.models.minilm model.safetensors vocab.txt OUTPUT
"""

import sys
from pathlib import Path

import gguf
import msgspec
import numpy as np
import numpy.typing as npt

# From the model's config.json and tokenizer_config.json.
LAYERS = 6
HEADS = 12
WIDTH = 384
FEED_FORWARD = 1536
POSITIONS = 512
NORM_EPSILON = 1e-12
TOKEN_TYPES = 2
SPECIAL = {"[PAD]": "padding", "[UNK]": "unknown", "[CLS]": "cls", "[SEP]": "sep", "[MASK]": "mask"}
# llama.cpp's word-piece vocabulary marks the start of a word, where BERT marks its continuation by "##".
WORD_START = "\u2581"
# Kept in 32 bits by llama.cpp's own converter: they are small and added, not multiplied.
EXACT = ("position_embd", "token_types", "_norm", "bias")

Array = npt.NDArray[np.float32]


class _Tensor(msgspec.Struct, frozen=True):
    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


def convert(safetensors: Path, vocabulary: Path, target: Path) -> None:
    """Write to `target` the GGUF (`bert`, mean pooling, Q8_0 matrices) of `safetensors` and its `vocab.txt`."""
    writer = gguf.GGUFWriter(target, "bert")
    try:
        _write_description(writer)
        _write_vocabulary(writer, vocabulary.read_text(encoding="utf-8").split("\n"))
        names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, LAYERS)
        for name, tensor in _read_tensors(safetensors):
            gguf_name = names.get_name(name, try_suffixes=(".weight", ".bias"))
            if gguf_name is None:
                raise ValueError(f"{safetensors.name} has a tensor {name} that MiniLM does not have")
            _add(writer, gguf_name, tensor)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()


def _write_description(writer: gguf.GGUFWriter) -> None:
    writer.add_type("model")
    writer.add_name("all-MiniLM-L6-v2")
    writer.add_organization("sentence-transformers")
    writer.add_license("apache-2.0")
    writer.add_block_count(LAYERS)
    writer.add_context_length(POSITIONS)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_eps(NORM_EPSILON)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def _write_vocabulary(writer: gguf.GGUFWriter, lines: list[str]) -> None:
    tokens = lines[:-1] if lines[-1] == "" else lines
    writer.add_token_type_count(TOKEN_TYPES)
    writer.add_tokenizer_model("bert")
    writer.add_token_list([_marked(token) for token in tokens])
    writer.add_token_types([gguf.TokenType.CONTROL if token in SPECIAL else gguf.TokenType.NORMAL for token in tokens])
    ids = {kind: tokens.index(token) for token, kind in SPECIAL.items()}
    writer.add_bos_token_id(ids["cls"])
    writer.add_eos_token_id(ids["sep"])
    writer.add_unk_token_id(ids["unknown"])
    writer.add_sep_token_id(ids["sep"])
    writer.add_pad_token_id(ids["padding"])
    writer.add_mask_token_id(ids["mask"])


def _marked(token: str) -> str:
    if token in SPECIAL:
        return token
    return token[2:] if token.startswith("##") else WORD_START + token


def _read_tensors(path: Path) -> list[tuple[str, Array]]:
    """Return the float tensors by name, sorted. Format: u64 length, JSON header, then the bytes it points into."""
    raw = path.read_bytes()
    start = 8 + int.from_bytes(raw[:8], "little")
    header = msgspec.json.decode(raw[8:start], type=dict[str, msgspec.Raw])
    wanted = [name for name in sorted(header) if name != "__metadata__" and not name.startswith("pooler.")]
    tensors: list[tuple[str, Array]] = []
    for name in wanted:
        about = msgspec.json.decode(header[name], type=_Tensor)
        if about.dtype != "F32":  # position_ids, which is 0..511
            continue
        first, last = about.data_offsets
        values = np.frombuffer(raw[start + first : start + last], dtype="<f4").reshape(about.shape)
        tensors.append((name, values))
    return tensors


def _add(writer: gguf.GGUFWriter, name: str, tensor: Array) -> None:
    if tensor.ndim < 2 or any(part in name for part in EXACT):
        writer.add_tensor(name, tensor)
        return
    kind = gguf.GGMLQuantizationType.Q8_0
    writer.add_tensor(name, gguf.quants.quantize(tensor, kind), raw_dtype=kind)


if __name__ == "__main__":
    convert(*map(Path, sys.argv[1:4]))
