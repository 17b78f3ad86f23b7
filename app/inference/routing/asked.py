"""Tells the question from what is pasted beside it, and from what leads up to it."""

import re

import msgspec

HEAD_CHARS = 420
TAIL_CHARS = 300
"""Only so much of each end of a text is looked at: what is asked stands at an end of what is pasted, and a decision
must cost the same for a page as for a paragraph."""
SHORT_CHARS = 240
"""A text of one line and up to this length (in bytes) is a question as a whole."""

_SENTENCES = re.compile(r"[^.!?。！？\n]+(?:[.!](?=\w)[^.!?。！？\n]+)*[.!?。！？]*")
_ASKING = ("?", "？", "か。")
_CALLING = (*_ASKING, ":", "：")


class Asked(msgspec.Struct, frozen=True):
    """The parts of a text; what is far from both of its ends is in none of them."""

    question: str
    lead: str = ""
    """Sentences that lead up to the question, in the same paragraph."""
    pasted: str = ""
    """What was looked at of the material beside the question."""
    pasted_chars: int = 0
    """How long the material is as a whole."""


def asked(text: str) -> Asked:
    """Tell the parts by where they stand: a short paragraph that asks, first or last, is the question."""
    text = text.strip()
    if "\n" in text:
        return _of_paragraphs(text)
    # A character of another script takes two or three bytes, and says about as much more.
    is_short = len(text) <= SHORT_CHARS and (text.isascii() or len(text.encode(errors="replace")) <= SHORT_CHARS)
    return Asked(text) if is_short else _of_sentences(text)


def _of_paragraphs(text: str) -> Asked:
    first, last = _ends(text)
    if first.endswith(_CALLING) and "(" not in first:
        last = last if last.endswith(_ASKING) else ""
    else:
        first = ""
    if not first and not last.endswith(_ASKING) and "?" in text[-TAIL_CHARS:]:
        # A letter: what is asked stands before the greeting.
        return _of_sentences(text)
    if not first and not last:
        return _of_sentences(text)
    rest = text[len(first) : len(text) - len(last)].strip()
    return Asked(f"{first}\n{last}".strip(), pasted=rest[:HEAD_CHARS], pasted_chars=len(rest))


def _ends(text: str) -> tuple[str, str]:
    """Return the first and the last paragraph, empty where they are long; without blank lines, lines."""
    mark = "\n\n" if "\n\n" in text else "\n"
    head, tail = text.find(mark, 0, HEAD_CHARS), text.rfind(mark, max(0, len(text) - TAIL_CHARS))
    return text[: max(head, 0)].strip(), text[tail:].strip() if tail >= 0 else ""


def _of_sentences(text: str) -> Asked:
    """The sentences that ask are the question; a text without any is a question as a whole."""
    looked = text if len(text) <= HEAD_CHARS + TAIL_CHARS else f"{text[:HEAD_CHARS]}\n{text[-TAIL_CHARS:]}"
    if not any(map(looked.__contains__, _ASKING)):
        return Asked(looked)
    asking: list[str] = []
    leading: list[str] = []
    for sentence in _SENTENCES.findall(looked):
        (asking if sentence.endswith(_ASKING) else leading).append(sentence)
    return Asked(" ".join(asking), lead=" ".join(leading)) if asking else Asked(looked)
