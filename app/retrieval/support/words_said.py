"""The words of a sentence as they are held against a passage: names apart, what is denied apart, filler light."""

import re
from collections.abc import Iterator, Mapping

import msgspec

from app.retrieval.support.quantities import quantities
from app.retrieval.support.units import UNITS
from app.retrieval.words import STOP_WORDS, is_number, terms

NAME_WEIGHT = 2.0
WORD_WEIGHT = 1.0
LIGHT_WEIGHT = 0.25
"""Of words that an answer needs and a passage may do without: a table has no verbs."""

_TOKEN = re.compile(r"[^\W_]+(?:[-'\u2019.][^\W_]+)*|[,;:.!?()]")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|(?:https?://)?[\w-]+(?:\.[\w-]+)+(?:/\S*)?", re.ASCII)
_CODE = re.compile(r"[^\W\d_]+-?\d[\w-]*")
_NOT = re.compile(r"(?:not|never|no|none|without|neither|nor|cannot)|\w+n['\u2019]t", re.IGNORECASE)
_UNDONE = re.compile(r"un\w{2,}(?:ed|en|able|ible)", re.IGNORECASE)
_NO_DENIAL = frozenset({"more", "less", "longer", "later", "only", "than", "earlier", "just"})
"""No longer, not only: what follows is not denied."""
_LIGHT_WORDS = """
    according also amount answer approximately around called come comes contain contains context cost costs document
    documents following get gets give given gives going handbook hold holds however include included includes
    information located manual many may mean means mention mentioned mentions might much must need needed needs number
    passage passages please policy possible price provide provided question refer refers say says section should show
    shows specific state stated states table take takes therefore time total use used uses using value
    certain certainly every additionally one within least per each would
"""
LIGHT_TERMS = frozenset(term for word in _LIGHT_WORDS.split() for term in terms(word)) | frozenset(
    term for unit in UNITS for term in terms(unit)
)


class Words(msgspec.Struct, frozen=True):
    """`weights` by term, without numbers; `names` and `codes` among them, and the terms that are `denied`."""

    weights: Mapping[str, float]
    names: frozenset[str]
    codes: frozenset[str]
    denied: frozenset[str]
    denies: bool
    """Whether anything is."""
    undone: Mapping[str, str] = {}
    """The terms that deny another by themselves: that of "unused" denies that of "used"."""

    @property
    def whole(self) -> float:
        """The weight of all of them."""
        return sum(self.weights.values())

    def shared(self, others: frozenset[str] | set[str]) -> float:
        """Return the weight of those that are among `others`."""
        return sum(weight for term, weight in self.weights.items() if term in others)


def words_said(sentence: str) -> Words:
    """Return the words of a sentence."""
    codes = {term for code in _CODE.findall(sentence) for term in terms(code) if is_number(term)}
    names = _names(sentence)
    uncounted = _without_numbers(sentence)
    weights = {
        term: _weight(term, names) for term in terms(uncounted) if not is_number(term) and term not in STOP_WORDS
    }
    for address in _ADDRESS.findall(sentence):
        names |= set(terms(address))
    denied, denies = _denied(sentence)
    undone = dict(_undone(sentence))
    return Words(
        weights | dict.fromkeys(codes, NAME_WEIGHT),
        frozenset(names & set(weights)),
        frozenset(codes),
        denied | frozenset(undone.values()),
        denies,
        undone,
    )


def _without_numbers(sentence: str) -> str:
    """Return the sentence with a blank for each number and its unit: those are compared as numbers."""
    at, parts = 0, list[str]()
    for quantity in quantities(sentence):
        parts.append(sentence[at : quantity.start])
        at = quantity.end
    return " ".join((*parts, sentence[at:]))


def _weight(term: str, names: set[str]) -> float:
    if term in names:
        return NAME_WEIGHT
    return LIGHT_WEIGHT if term in LIGHT_TERMS else WORD_WEIGHT


def _names(sentence: str) -> set[str]:
    """Return the terms of words with a capital letter that does not only begin the sentence."""
    tokens = _TOKEN.findall(sentence)
    words = [n for n, token in enumerate(tokens) if token[0].isalpha()]
    found = set[str]()
    for n in words:
        token, before = tokens[n], tokens[n - 1] if n else "."
        if not token[0].isupper() or token.casefold() in STOP_WORDS:
            continue
        begins = before in ".!?:"
        is_short = len(token) > 1 and token.isupper()
        goes_on = n + 1 < len(tokens) and tokens[n + 1][0].isupper() and tokens[n + 1].casefold() not in STOP_WORDS
        if not begins or is_short or goes_on:
            found.update(terms(token))
    return found


def _denied(sentence: str) -> tuple[frozenset[str], bool]:
    tokens = _TOKEN.findall(sentence)
    denied, denies = set[str](), False
    for n, token in enumerate(tokens):
        if not _NOT.fullmatch(token) or (n + 1 < len(tokens) and tokens[n + 1].casefold() in _NO_DENIAL):
            continue
        denies = True
        for word in tokens[n + 1 :]:
            if not word[0].isalnum():
                break
            if word.casefold() not in STOP_WORDS:
                denied.update(terms(word))
                break
    return frozenset(denied), denies


def _undone(sentence: str) -> Iterator[tuple[str, str]]:
    for token in _TOKEN.findall(sentence):
        if _UNDONE.fullmatch(token):
            yield from zip(terms(token), terms(token[2:]), strict=False)
