"""Whether words stand in an answer."""

import re
from collections.abc import Sequence


def stands(wording: str, text: str) -> bool:
    """Whether a wording stands in a text, without regard to case and as no part of a longer word or number.

    Every run of white space is one blank. `2` does not stand in `2.5`, nor `5` in `2.5`, nor `paid` in `unpaid`.
    """
    looked_for = re.escape(_one_blank(wording))
    before = r"(?<![^\W_])(?<!\d[.,])" if wording[:1].isdigit() else r"(?<![^\W_])"
    return re.search(rf"{before}{looked_for}(?![^\W_])(?![.,]\d)", _one_blank(text)) is not None


def are_right(facts: Sequence[Sequence[str]], lacks: Sequence[str], text: str) -> bool:
    """Whether one wording of each of `facts` stands in a text, and nothing of `lacks`, not even inside a word."""
    plain = _one_blank(text)
    return all(any(stands(one, text) for one in wordings) for wordings in facts) and not any(
        _one_blank(one) in plain for one in lacks
    )


def _one_blank(text: str) -> str:
    return " ".join(text.casefold().split())
