"""What an answer made of figures rests on: the rows that they stand in, cited word for word."""

from collections.abc import Iterator, Sequence

import msgspec

from app.agents.citing import back
from app.agents.evidence import Citation, SentenceSupport
from app.agents.finance.facts import Fact, behind
from app.agents.finance.figures import Figure
from app.agents.finance.researching import Finding
from app.agents.reply import Reply
from app.agents.support_policy import AnsweredBy
from app.retrieval.passages import Passage
from app.retrieval.quotes import quote
from app.retrieval.support.verdicts import Supported
from app.retrieval.words import STOP_WORDS, terms

NEAREST = "I have no answer of my own that the filings support. Nearest to the question they say:"
QUOTES = 2
Stands = tuple[Figure, Passage]


def rested(reply: Reply, findings: Sequence[Finding], facts: Sequence[Fact], question: str) -> Reply:
    """Return a reply with what it rests on: the rows of its figures are its citations.

    A sentence that tells a fact is supported by the first row that the fact is of, or was computed from; any other is
    held against all passages.
    """
    stands = dict(_stands(findings))
    cited = dict.fromkeys(figure for fact in facts for figure in fact.figures if figure in stands)
    citations = {
        (citation.document_id, citation.start_offset): citation
        for figure in cited
        if (citation := _citation(figure, stands[figure]))
    }
    passages = tuple(dict.fromkeys(stands[figure] for figure in cited))
    support = tuple(
        _supported(one, behind(reply.text[one.start : one.end], facts, question), stands)
        for one in back(passages, question, reply.text)[1]
    )
    return msgspec.structs.replace(reply, citations=tuple(citations.values()), support=support)


def is_unsupported(reply: Reply) -> bool:
    """Whether an answer claims something, and the passages say nothing of it."""
    return bool(reply.support) and not any(one.supported is Supported.YES for one in reply.support)


def quoted(agent: str, passages: Sequence[Passage], question: str) -> Reply:
    """Return the reply that is the best passages' own words, those nearest to the question."""
    text, support, citations = NEAREST, list[SentenceSupport](), list[Citation]()
    asked = set(terms(question)) - STOP_WORDS
    found = [(passage, quote(passage, question, "")) for passage in passages]
    # The best passage may be a table whose header has the words: what says more of them comes first.
    for passage, words in sorted(found, key=lambda one: -len(asked & set(terms(one[1].text))))[:QUOTES]:
        place = passage.document if passage.page is None else f"{passage.document}, page {passage.page}"
        start = len(text) + 1
        text = f'{text} "{" ".join(words.text.split())}" ({place}).'
        citations.append(_cited(passage, words.text, words.start, words.end))
        at = (passage.start_offset + words.start, passage.start_offset + words.end)
        support.append(SentenceSupport(start, len(text), Supported.YES, None, passage.document_id, passage.page, *at))
    return Reply(agent, text, tuple(citations), support=tuple(support), answered_by=AnsweredBy.EXTRACT)


def _stands(findings: Sequence[Finding]) -> Iterator[Stands]:
    for finding in findings:
        for figure in finding.figures:
            yield figure, finding.passages[figure.passage]


def _citation(figure: Figure, passage: Passage) -> Citation:
    return _cited(passage, passage.text[figure.start : figure.end], figure.start, figure.end)


def _cited(passage: Passage, words: str, start: int, end: int) -> Citation:
    return Citation(
        document=passage.document,
        document_id=passage.document_id,
        heading=passage.heading,
        quote=words,
        start_offset=passage.start_offset + start,
        end_offset=passage.start_offset + end,
        score=round(passage.score, 4),
        also=passage.also,
        title=passage.title,
        page=passage.page,
        supported=Supported.YES,
    )


def _supported(one: SentenceSupport, fact: Fact | None, stands: dict[Figure, Passage]) -> SentenceSupport:
    if fact is None or not fact.figures or fact.figures[0] not in stands:
        return one
    figure, passage = fact.figures[0], stands[fact.figures[0]]
    return SentenceSupport(
        one.start,
        one.end,
        Supported.YES,
        document_id=passage.document_id,
        page=passage.page,
        start_offset=passage.start_offset + figure.start,
        end_offset=passage.start_offset + figure.end,
    )
