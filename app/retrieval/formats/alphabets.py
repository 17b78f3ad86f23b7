"""Whether decoded text looks like a language: by the letters that it uses together, and by what stands beside them."""

import unicodedata
from collections.abc import Iterator

ALPHABETS = {
    "Catalan": "àçèéíïòóúü",
    "Croatian": "čćđšž",
    "Czech": "áčďéěíňóřšťúůýž",
    "Danish": "æøåéü",
    "Dutch": "áäèéëïöóü",
    "Estonian": "äõöüšž",
    "Finnish": "äöåšž",
    "French": "àâæçéèêëîïôœùûüÿñ",
    "German": "äöüßéàè",
    "Hungarian": "áéíóöőúüű",
    "Icelandic": "áéíóúýþæöð",
    "Italian": "àèéìíîòóùú",
    "Latvian": "āčēģīķļņšūž",
    "Lithuanian": "ąčęėįšųūž",
    "Polish": "ąćęłńóśźż",
    "Portuguese": "áâãàçéêíóôõú",
    "Romanian": "ăâîșțşţ",
    "Slovak": "áäčďéíĺľňóôŕšťúýž",
    "Spanish": "áéíñóúü",
    "Swedish": "åäöéü",
    "Turkish": "çğ\u0131öşüâîûi\u0307",
}
"""Letters beyond ASCII that texts in a language use; loan words bring a few of the neighbours'."""
MOST_ODD = 0.1

_ALPHABETS = [frozenset(letters) for letters in ALPHABETS.values()]
_AFTER_LETTERS = frozenset("°²³®™©€ªº")


def is_plausible(text: str) -> bool:
    """Whether a language has the Latin letters of the text, and few of its signs stand where no text has them.

    The wrong one of two code pages puts signs into words, capitals at their ends and letters at numbers; or it shouts,
    or gives letters that no language uses together.
    """
    strange = [at for at, sign in enumerate(text) if not sign.isascii()]
    if sum(_is_odd(text, at) for at in strange) >= MOST_ODD * max(1, len(strange)):
        return False
    if _is_shouted(text) or sum(unicodedata.name(text[at], "").startswith("HALFWIDTH") for at in strange) * 2 > len(
        strange
    ):
        return False
    letters = frozenset(_latin_letters(text))
    return not letters or any(letters <= alphabet for alphabet in _ALPHABETS)


def is_latin(text: str) -> bool:
    """Whether all letters of a text are Latin."""
    strange = (sign for sign in set(text) if not sign.isascii() and sign.isalpha())
    return all(unicodedata.name(sign, "").startswith("LATIN") for sign in strange)


def _is_shouted(text: str) -> bool:
    """Whether capitals of another alphabet than the Latin outnumber its small letters: one read as another does so."""
    cased = [sign for sign in text if not sign.isascii() and sign.isalpha() and sign.lower() != sign.upper()]
    others = [sign for sign in cased if not unicodedata.name(sign, "").startswith("LATIN")]
    return sum(sign.isupper() for sign in others) * 2 > len(others)


def _latin_letters(text: str) -> Iterator[str]:
    for sign in set(text):
        if not sign.isascii() and sign.isalpha() and unicodedata.name(sign, "").startswith("LATIN"):
            yield from sign.lower()


def _is_odd(text: str, at: int) -> bool:
    sign, before, after = text[at], text[at - 1 : at], text[at + 1 : at + 2]
    kind = unicodedata.category(sign)
    if kind.startswith("L"):
        is_at_number = (before.isdigit() or after.isdigit()) and sign not in _AFTER_LETTERS and kind != "Lo"
        is_latin = unicodedata.name(sign, "").startswith("LATIN")
        mixes = not is_latin and kind != "Lo" and any(one.isascii() and one.isalpha() for one in (before, after))
        return is_at_number or mixes or (kind == "Lu" and before.islower())
    if kind[0] == "Z":
        return all(one.isalpha() and not one.isascii() for one in (before, after))
    is_sign = kind[0] in "SNM" or sign in "¿¡"
    return is_sign and kind[0] != "M" and before.isalpha() and (after.isalpha() or sign not in _AFTER_LETTERS)
