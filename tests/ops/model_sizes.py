"""What the models of the nodes files take, as tests count it."""

GB = 1_000_000_000
# Weights as `ollama list` shows them, and key and value of one token in all layers at 16 bits:
# 2 * layers * key-value heads * head size * 2 bytes, from each model's published configuration.
SIZES = {
    "smollm2:135m": (271_000_000, 2 * 30 * 3 * 64 * 2),
    "qwen2.5-coder:0.5b": (398_000_000, 2 * 24 * 2 * 64 * 2),
    "qwen2.5-coder:1.5b": (986_000_000, 2 * 28 * 2 * 128 * 2),
    "phi3:mini": (2_200_000_000, 2 * 32 * 32 * 96 * 2),
    "llama3.1:8b": (4_900_000_000, 2 * 32 * 8 * 128 * 2),
    "qwen2.5:14b": (9_000_000_000, 2 * 48 * 8 * 128 * 2),
    "llama3.1:70b": (43_000_000_000, 2 * 80 * 8 * 128 * 2),
    "all-minilm:22m": (46_000_000, 0),
}
