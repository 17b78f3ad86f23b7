"""Which passages an answer rests on, and with which of their words; none where nothing supports it."""

import re
from collections.abc import Collection, Sequence

from app.agents.evidence import Citation, SentenceSupport
from app.agents.quoting import Quoted
from app.retrieval.passages import Passage
from app.retrieval.pertinence import words_asked, words_of
from app.retrieval.quotes import Quote, quote
from app.retrieval.support.checking import Check, Checker
from app.retrieval.support.verdicts import Lack, Supported
from app.retrieval.words import STOP_WORDS, is_number, terms

NUMBER_WEIGHT = 3
WORD_WEIGHT = 1
LEAST_SUPPORT = 2
"""Two words of the answer, or a number: what a further quote must add that no better one holds."""
_ORDER = (Supported.YES, Supported.UNSURE, Supported.NO)
_ITEM_NUMBER = re.compile(r"^[ \t]*\d{1,3}[.)][ \t]+", re.MULTILINE)
_MARKER = re.compile(r"\[(\d{1,2})\]")
_QUOTED = re.compile(r"[\"“«「]([^\"“”«»「」]{12,300})[\"”»」]")
_FIRST_SENTENCE = re.compile(r"\s*([^.!?。！？\n]*)")  # noqa: RUF001 - full-width marks end sentences too
_DECLINES = re.compile(
    r"\bI(?: do not|'m| am| don't| cannot| can't| could not| couldn't)(?: not| unable)?\b.{0,30}"
    r"\b(?:know|sure|find|answer|say|tell|determine|able)\b"
    r"|\b(?:passages?|documents?|text|context|answer|information)\b.{0,40}"
    r"\b(?:not|doesn't|don't|isn't|aren't)\b.{0,30}"
    r"\b(?:mention|contain|say|state|specif|provid|give|includ|found|in the)"
    r"|\bno information\b|\A\W*(?:unknown|not known)\W*\Z"
    r"|weiß (?:es |das |ich )?nicht|ne sais pas|no lo sé|non lo so|не знаю|不知道|分かりません|わかりません|ไม่ทราบ",
    re.IGNORECASE,
)
_GROUPED = re.compile(r"(?<=\d)[ \u00a0-](?=\d)")
_SPELLED = "two three four five six seven eight nine ten eleven twelve"
_DIGITS = {terms(word)[0]: str(number) for number, word in enumerate(_SPELLED.split(), start=2)}


def cite(passages: Sequence[Passage], question: str, answer: str) -> tuple[Citation, ...]:
    """Return the passages that support an answer, in their order, each with the verbatim words that do so best."""
    return back(passages, question, answer)[0]


def back(
    passages: Sequence[Passage], question: str, answer: str
) -> tuple[tuple[Citation, ...], tuple[SentenceSupport, ...]]:
    """Return the passages that support an answer, and for each of its sentences whether they do.

    A passage counts that is about the question (or shares a longer number with the answer) and is marked in the answer,
    if any is. What the answer quotes word for word is cited; otherwise the passage that holds most of the answer's own
    words (else of all its words), then each that adds enough; and of these what is evidence for a sentence, or
    against it. An answer that says it does not know rests on nothing.
    """
    said = _MARKER.sub(" ", _ITEM_NUMBER.sub("", answer))
    if not passages or declines(said):
        return (), ()
    checker = Checker(passages, question)
    checks = checker.check(answer)
    verdicts = _verdicts(checks)
    found = [quote(passage, question, said) for passage in passages]
    chosen = _chosen(passages, found, question, answer, said)
    # One that another holds more of, or that is quoted among other words: what does it say by itself?
    alone = {n: _alone(passages[n], question, answer, said) for n in chosen if n not in verdicts}
    verdicts |= {n: verdict for n, verdict in alone.items() if verdict is not None}
    chosen = [n for n in chosen if n in verdicts]
    chosen = chosen or [n for n, verdict in verdicts.items() if verdict is Supported.YES]
    cited = tuple(_citation(passages[n], found[n], verdicts[n]) for n in sorted(chosen))
    return cited, tuple(_support(passages, check) for check in checks)


def _alone(passage: Passage, question: str, answer: str, said: str) -> Supported | None:
    found = _verdicts(Checker([passage], question).check(answer))
    return found.get(0, Supported.UNSURE if _is_quoted(passage, said) else None)


def cite_extracts(
    passages: Sequence[Passage], quoted: Quoted
) -> tuple[tuple[Citation, ...], tuple[SentenceSupport, ...]]:
    """Return what `back` does, for words that are the passages' own."""
    cited, support = list[Citation](), list[SentenceSupport]()
    for at, one in quoted.extracts:
        passage = passages[one.passage]
        words = Quote(passage.text[one.start : one.end], one.start, one.end)
        cited.append(_citation(passage, words, Supported.YES))
        check = Check(at, at + len(one.text), Supported.YES, None, one.passage, one.start, one.end)
        support.append(_support(passages, check))
    return tuple(cited), tuple(support)


def _verdicts(checks: Sequence[Check]) -> dict[int, Supported]:
    """Return the best verdict that each passage gives; none for what only shares some words with a sentence."""
    verdicts: dict[int, Supported] = {}
    for check in checks:
        if check.passage is None or check.lack in {Lack.WORDS, Lack.NAME}:
            continue
        for n in (check.passage, *check.also):
            verdicts[n] = min(verdicts.get(n, Supported.NO), check.supported, key=_ORDER.index)
    return verdicts


def _chosen(
    passages: Sequence[Passage], found: Sequence[Quote], question: str, answer: str, said: str
) -> Sequence[int]:
    quotes = [one.text for one in found]
    asked = words_asked(question) - STOP_WORDS
    about = [n for n in _marked(answer, len(passages)) if _is_about(passages[n], quotes[n], asked, said)]
    quoted = [n for n in about if _is_quoted(passages[n], said)]
    if quoted:
        return quoted
    every = _facts(said)
    offered = [quotes[n] if n in about else "" for n in range(len(passages))]
    ways = (_covering(offered, wanted) for wanted in (every - _facts(question), every))
    return next((way for way in ways if way), ())


def _support(passages: Sequence[Passage], check: Check) -> SentenceSupport:
    if check.passage is None:
        return SentenceSupport(check.start, check.end, check.supported, check.lack)
    passage = passages[check.passage]
    return SentenceSupport(
        check.start,
        check.end,
        check.supported,
        check.lack,
        passage.document_id,
        passage.page,
        passage.start_offset + check.evidence_start,
        passage.start_offset + check.evidence_end,
    )


def declines(said: str) -> bool:
    """Whether an answer begins by saying that it does not know."""
    first = _FIRST_SENTENCE.match(said.replace("\u2019", "'"))
    return first is not None and _DECLINES.search(first.group(1)) is not None


def _marked(answer: str, count: int) -> list[int]:
    """Return the passages that the answer marks as `[1]`, all of them if it marks none that there is."""
    marked = {int(found) - 1 for found in _MARKER.findall(answer)} & set(range(count))
    return sorted(marked) or list(range(count))


def _is_about(passage: Passage, words: str, asked: Collection[str], said: str) -> bool:
    if not asked or words_of(passage).intersection(asked):
        return True
    shared = set(terms(said)) & set(terms(words))
    return len(shared) > 1 and any(len(term) > 1 and is_number(term) for term in shared)


def _is_quoted(passage: Passage, said: str) -> bool:
    text = " ".join(passage.text.split())
    return any(" ".join(part.split()).strip(" .,") in text for part in _QUOTED.findall(said))


def _covering(quotes: Sequence[str], wanted: set[str]) -> list[int]:
    """Return the quotes that cover the wanted words: the best, then each that adds at least LEAST_SUPPORT."""
    held = [wanted & _facts(text) for text in quotes]
    chosen, covered = list[int](), set[str]()
    while len(chosen) < len(quotes):
        # The first of equals: passages come best first.
        best = max(range(len(quotes)), key=lambda n: (_weigh(held[n] - covered), -n))
        if _weigh(held[best] - covered) < (LEAST_SUPPORT if chosen else WORD_WEIGHT):
            break
        chosen.append(best)
        covered |= held[best]
    return chosen


def _facts(text: str) -> set[str]:
    """Return the terms of a text, with "five" as 5, and "555-14 00" as one number."""
    return {_DIGITS.get(term, term) for term in terms(_GROUPED.sub("", text))}


def _weigh(found: set[str]) -> int:
    return sum(NUMBER_WEIGHT if is_number(term) else WORD_WEIGHT for term in found)


def _citation(passage: Passage, words: Quote, supported: Supported) -> Citation:
    return Citation(
        document=passage.document,
        document_id=passage.document_id,
        heading=passage.heading,
        quote=words.text,
        start_offset=passage.start_offset + words.start,
        end_offset=passage.start_offset + words.end,
        score=round(passage.score, 4),
        also=passage.also,
        title=passage.title,
        page=passage.page,
        supported=supported,
    )
