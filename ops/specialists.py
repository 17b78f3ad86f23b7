"""Fits the weights by which the insurance team chooses specialists: `python -m ops.specialists NODE MODEL`."""

import hashlib
import sys
from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import httpx
import msgspec
import numpy as np
from numpy.typing import NDArray

from app.agents.insurance.learned import QUESTIONS, SHIPPED, SPECIALISTS, Fitted, Wording, read_questions
from app.agents.insurance.wording import BUCKETS, piece_places, spoken, word_places
from app.finish import finish

Matrix: TypeAlias = NDArray[np.float64]

PENALTY = 1e-3
ROUNDS = 200
WORDING_WEIGHT, MEANING_WEIGHT = 8.0, 16.0
"""How much wording and meaning count beside each other; the best of a few by cross-validation over near-duplicates."""
TEXTS_AT_ONCE = 64


class _Embeddings(msgspec.Struct):
    embeddings: list[list[float]]


class _Model(msgspec.Struct):
    name: str
    digest: str


class _Models(msgspec.Struct):
    models: list[_Model]


def main() -> int:
    """Embed the questions by a model of a node, fit, and write the file."""
    node, model = sys.argv[1:]
    questions = read_questions()
    every = [text for specialist in SPECIALISTS for _, text in questions[specialist]]
    with httpx.Client(base_url=node, timeout=300.0, trust_env=False) as client:
        tags = msgspec.json.decode(client.get("/api/tags").raise_for_status().content, type=_Models)
        digest = next(one.digest for one in tags.models if one.name.removesuffix(":latest") == model)
        vectors = [vector for texts in _batches(every) for vector in _embed(client, model, texts)]
    SHIPPED.write_bytes(msgspec.json.format(msgspec.json.encode(fit(digest, vectors)), indent=1) + b"\n")
    return 0


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        yield texts[start : start + TEXTS_AT_ONCE]


def _embed(client: httpx.Client, model: str, texts: Sequence[str]) -> list[list[float]]:
    asked = {"model": model, "input": [spoken(text) for text in texts]}
    reply = client.post("/api/embed", json=asked).raise_for_status()
    return msgspec.json.decode(reply.content, type=_Embeddings).embeddings


def questions_digest() -> str:
    """Return what tells the written questions from others."""
    files = [(QUESTIONS / f"{one}.txt").read_bytes() for one in SPECIALISTS]
    return hashlib.sha256(b"\0".join(files)).hexdigest()


def fit(digest: str, vectors: Sequence[Sequence[float]]) -> Fitted:
    """Return weights fitted to the written questions; `vectors` are theirs, in their order."""
    questions = read_questions()
    texts = [text for specialist in SPECIALISTS for _, text in questions[specialist]]
    right = np.eye(len(SPECIALISTS)).repeat([len(questions[one]) for one in SPECIALISTS], axis=0)
    wording, meaning = wording_of(texts), np.array(vectors)
    meaning /= np.linalg.norm(meaning, axis=1, keepdims=True)
    words, sense = wording @ wording.T, meaning @ meaning.T
    alone = duals(WORDING_WEIGHT * words, right)
    beside = duals(WORDING_WEIGHT * words + MEANING_WEIGHT * sense, right)
    weights = MEANING_WEIGHT * (meaning.T @ beside).T
    return Fitted(
        questions_digest(),
        _pack(WORDING_WEIGHT * (wording.T @ alone).T, alone.sum(axis=0)),
        _pack(WORDING_WEIGHT * (wording.T @ beside).T, beside.sum(axis=0)),
        digest,
        tuple(tuple(round(float(one), 4) for one in row) for row in weights),
    )


def wording_of(texts: Sequence[str]) -> Matrix:
    """Return the places of each text, each kind of length 1."""
    found = np.zeros((len(texts), 2 * BUCKETS))
    for row, text in zip(found, texts, strict=True):
        for offset, places in ((0, word_places(text)), (BUCKETS, piece_places(text))):
            row[[offset + place for place in places]] = 1 / np.sqrt(len(places) or 1)
    return found


def duals(likeness: Matrix, right: Matrix) -> Matrix:
    """Return how much each question counts for each specialist: logistic regression by kernels, Nesterov's steps."""
    count = len(right)
    kernel = likeness + 1.0  # the bias
    step = 1.0 / (0.5 * float(np.linalg.norm(kernel, 1)) / count + PENALTY)
    found = ahead = np.zeros_like(right)
    pace = 1.0
    for _ in range(ROUNDS):
        further = ahead - step * ((chances(kernel @ ahead) - right) / count + PENALTY * ahead)
        faster = (1 + np.sqrt(1 + 4 * pace * pace)) / 2
        ahead = further + (pace - 1) / faster * (further - found)
        found, pace = further, faster
    return found


def chances(sums: Matrix) -> Matrix:
    """Return chances of sums, each row's together 1."""
    raised = np.exp(sums - sums.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def _pack(weights: Matrix, bias: Matrix) -> Wording:
    scale = float(np.abs(weights).max()) / 127
    signed = np.rint(weights / scale).astype(np.int8)
    return Wording(tuple(round(float(one), 4) for one in bias), scale, b64encode(signed.tobytes()).decode())


if __name__ == "__main__":
    finish(main)
