"""Sparse vectors whose dot product is BM25, once Qdrant has multiplied them by the inverse document frequency."""

from collections import Counter
from collections.abc import Mapping

import mmh3

from app.retrieval.points import SparseVector
from app.retrieval.words import terms

K1 = 1.2
B = 0.75
"""Robertson, Zaragoza, "The Probabilistic Relevance Framework" (2009), §3.5: 1.2 < k1 < 2 and 0.5 < b < 0.8 do well."""
MEAN_TERMS = 80
"""Terms of a chunk of usual size (900 characters of English without stop words). A constant, so that a chunk's vector
never depends on the other chunks; BM25 with b = 0.75 is flat around the true mean."""


def of_chunk(text: str) -> SparseVector:
    """Return the vector of a chunk: one entry a distinct term, `tf·(k1+1) / (tf + k1·(1-b+b·terms/mean))`.

    The factor ln(1 + (N-n+0.5)/(n+0.5)) is Qdrant's (`modifier: idf`), because only Qdrant knows N and n.
    """
    found = terms(text)
    length = K1 * (1 - B + B * len(found) / MEAN_TERMS)
    return _vector({term: count * (K1 + 1) / (count + length) for term, count in Counter(found).items()})


def of_question(text: str) -> SparseVector:
    """Return the vector of a question: 1 for every distinct term. Empty when the text has no word."""
    return _vector(dict.fromkeys(terms(text), 1.0))


def _vector(weights: Mapping[str, float]) -> SparseVector:
    by_index: dict[int, float] = {}
    for term, weight in weights.items():
        # Two terms with one hash are seen as one word: at 32 bits that is rarer than a misspelling.
        index = mmh3.hash(term, signed=False)
        by_index[index] = by_index.get(index, 0.0) + weight
    indices = sorted(by_index)
    return SparseVector(tuple(indices), tuple(by_index[index] for index in indices))
