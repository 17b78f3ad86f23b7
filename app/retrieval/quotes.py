"""The words of a passage that support an answer best, verbatim."""

import re
from collections.abc import Iterator, Mapping

import msgspec

from app.retrieval.passages import Passage
from app.retrieval.support import sentences
from app.retrieval.support.sentences import Span
from app.retrieval.words import is_number, terms

QUOTE_CHARS = 300
NUMBER_WEIGHT = 3.0
"""A number that the answer shares with a sentence says more than a word does: answers are checked by their numbers."""
ANSWER_WEIGHT = 2.0
QUESTION_WEIGHT = 1.0

_HEADING = re.compile(r"\s{0,3}(?:#{1,6}(?:\s|$)|=+\s*$|-+\s*$|\|?[\s:|-]+\|?\s*$)")

_PARAGRAPH_END = re.compile(r"\n[ \t]*\n")


class Quote(msgspec.Struct, frozen=True):
    """Words of a passage: `passage.text[start:end]`, verbatim."""

    text: str
    start: int
    end: int


def quote(passage: Passage, question: str, answer: str) -> Quote:
    """Return the sentence or neighbouring sentences that support the answer best, at most 300 characters.

    Best is by weight of the distinct terms shared with the answer (2), the question (1) and by numbers (times 3). The
    result is empty only if the passage is blank.
    """
    start, end = _span(passage, question, answer)
    words = passage.text[start:end]
    start += len(words) - len(words.lstrip())
    words = words.strip()
    return Quote(words, start, start + len(words))


def _span(passage: Passage, question: str, answer: str) -> Span:
    text = passage.text
    spans = list(_sentences(text))
    if not spans:
        start = len(text) - len(text.lstrip())
        return start, min(len(text), start + QUOTE_CHARS)
    weights = _weights(question, answer)
    best = max(spans, key=lambda span: (_score(text, span, weights), -spans.index(span)))
    start, end = _widened(text, spans, best, weights)
    shorter = _shortened(text[start:end], weights)
    return start + shorter[0], start + shorter[1]


def _weights(question: str, answer: str) -> Mapping[str, float]:
    weights: dict[str, float] = {}
    for words, weight in ((answer, ANSWER_WEIGHT), (question, QUESTION_WEIGHT)):
        for term in set(terms(words)):
            weights[term] = weights.get(term, 0.0) + weight * (NUMBER_WEIGHT if is_number(term) else 1.0)
    return weights


def _sentences(text: str) -> Iterator[Span]:
    """Yield the sentences in order, trimmed, without headings and rules unless there is nothing else."""
    spans = list(sentences.spans(text))
    telling = [span for span in spans if not _HEADING.match(text[span[0] : span[1]])]
    yield from telling or spans


def _score(text: str, span: Span, weights: Mapping[str, float]) -> float:
    return sum(weights.get(term, 0.0) for term in set(terms(text[span[0] : span[1]])))


def _widened(text: str, spans: list[Span], best: Span, weights: Mapping[str, float]) -> Span:
    """Add a neighbour of the same paragraph while it adds a word of the answer and all of it still fits."""
    first = last = spans.index(best)
    while True:
        start, end = spans[first][0], spans[last][1]
        options = [(first - 1, last)] if first > 0 else []
        options += [(first, last + 1)] if last + 1 < len(spans) else []
        wider = [(a, b) for a, b in options if _is_quotable(text[spans[a][0] : spans[b][1]])]
        score, first_wider, last_wider = max(
            ((_score(text, (spans[a][0], spans[b][1]), weights), a, b) for a, b in wider), default=(0.0, first, last)
        )
        if score < _score(text, (start, end), weights) + ANSWER_WEIGHT:
            return start, end
        first, last = first_wider, last_wider


def _is_quotable(part: str) -> bool:
    return len(part) <= QUOTE_CHARS and _PARAGRAPH_END.search(part) is None


def _shortened(sentence: str, weights: Mapping[str, float]) -> Span:
    """Cut a sentence that is too long at words, to the part with most support."""
    if len(sentence) <= QUOTE_CHARS:
        return 0, len(sentence)
    starts = [0, *(match.end() for match in re.finditer(r"\s+", sentence))]
    best = max(starts, key=lambda start: (_score(sentence, _cut(sentence, start), weights), -start))
    return _cut(sentence, best)


def _cut(sentence: str, start: int) -> Span:
    end = min(len(sentence), start + QUOTE_CHARS)
    if end < len(sentence) and (space := sentence.rfind(" ", start, end)) > start:
        end = space
    return start, end
