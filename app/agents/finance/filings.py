"""Which filings there are, read from the names, tickers and tags of documents, and which a question means."""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec

from app.agents.finance.periods import Period, period_of, periods_of
from app.errors import BadInput
from app.retrieval.metadata import clean_ticker

FILINGS_SET = "sec_filings"
"""The set in which filings stand; documents elsewhere are filings if their tags or names say so."""
FORM_TAG, PERIOD_TAG, COMPANY_TAG = "form:", "period:", "company:"
LEAST_LETTERS = 3
"""Of a short name, such as MGM."""


class FilingForm(StrEnum):
    """What kind of filing it is."""

    ANNUAL = "10-K"
    """The report on a fiscal year."""
    QUARTERLY = "10-Q"
    """The report on a quarter."""
    CURRENT = "8-K"
    """A notice of an event."""
    EARNINGS = "EARNINGS"
    """A press release on earnings."""


_NAME = re.compile(
    r"(?P<company>[A-Za-z][A-Za-z0-9&.]*?)[_ -](?P<period>(?:FY)?20\d\d(?:[_ -]?Q[1-4])?)"
    r"[_ -](?P<form>10-?K|10-?Q|8-?K|EARNINGS)(?![A-Za-z])",
    re.IGNORECASE,
)
_FORMS = {form.value.replace("-", ""): form for form in FilingForm}
_FORMS_SAID = (
    (FilingForm.ANNUAL, re.compile(r"\b10-?k\b|\bannual reports?\b", re.IGNORECASE)),
    (FilingForm.QUARTERLY, re.compile(r"\b10-?q\b|\bquarterly reports?\b", re.IGNORECASE)),
    (FilingForm.CURRENT, re.compile(r"\b8-?k\b", re.IGNORECASE)),
    (
        FilingForm.EARNINGS,
        re.compile(r"\bearnings (?:(?:press )?release|report|announcement)s?\b|\bpress releases?\b", re.IGNORECASE),
    ),
)
_WORD = re.compile(r"[A-Za-z0-9&.]+")
_OWNS = re.compile(r"['\u2019]s\b")


class Filing(msgspec.Struct, frozen=True):
    """A live document that is a filing: of whom, of which form, on which period; None where nothing says it.

    `names` are what the company is called: by a tag, and by the name of the document.
    """

    document: str
    names: tuple[str, ...] = ()
    ticker: str | None = None
    form: FilingForm | None = None
    period: Period | None = None
    tags: tuple[str, ...] = ()
    """Those that say form and period, as they stand."""
    own_period: Period | None = None
    """What its title calls the period, where that is another year than its name or tag says."""

    @property
    def company(self) -> str:
        """How it is told whose filing it is."""
        return next(iter(self.names), self.ticker or self.document)

    @property
    def owner(self) -> str:
        """What tells its company from others."""
        return self.ticker or _key(self.company)


def form_of(text: str) -> FilingForm | None:
    """Return the form of that name, with or without its hyphen; None for no form."""
    return _FORMS.get(text.strip().upper().replace("-", ""))


def read_filing(
    document: str,
    *,
    ticker: str | None = None,
    tags: Sequence[str] = (),
    set_name: str | None = None,
    title: str = "",
) -> Filing | None:
    """Return the filing that a document is, by its tags, else by its name; None if nothing says that it is one."""
    named = _NAME.search(document)
    said = {
        prefix: [tag for tag in tags if tag.casefold().startswith(prefix)]
        for prefix in (FORM_TAG, PERIOD_TAG, COMPANY_TAG)
    }
    form = next((form_of(tag[len(FORM_TAG) :]) for tag in said[FORM_TAG]), None)
    period = next((period_of(tag[len(PERIOD_TAG) :]) for tag in said[PERIOD_TAG]), None)
    names = [tag[len(COMPANY_TAG) :].strip() for tag in said[COMPANY_TAG]]
    if named is not None:
        form = form or form_of(named["form"])
        period = period or period_of(re.sub(r"[_ -]", "", named["period"]))
        names.append(named["company"])
    if form is None and period is None and set_name != FILINGS_SET:
        return None
    kept = (*said[FORM_TAG], *said[PERIOD_TAG])
    own = _own_period(title, period)
    return Filing(document, tuple(name for name in names if name), ticker, form, period, kept, own)


def _own_period(title: str, period: Period | None) -> Period | None:
    """Return what a title calls the period of a filing, if that is the year before or after."""
    said = () if period is None else periods_of(title)
    return next(
        (one for one in said if period and one.quarter == period.quarter and abs(one.year - period.year) == 1), None
    )


def forms_said(question: str) -> tuple[FilingForm, ...]:
    """Return the forms that a question names."""
    return tuple(form for form, words in _FORMS_SAID if words.search(question))


def owners_said(question: str, filings: Iterable[Filing]) -> tuple[str, ...]:
    """Return the companies that a question names, by `owner`, in the order in which it does."""
    return tuple(places_said(question, filings))


def places_said(question: str, filings: Iterable[Filing]) -> Mapping[str, int]:
    """Return where a question names companies, by `owner`, in that order."""
    words = [(found.group(), found.start()) for found in _WORD.finditer(_OWNS.sub("  ", question))]
    places: dict[str, int] = {}
    for filing in filings:
        found = [at for at in (_place(words, name) for name in filing.names) if at is not None]
        found += [at for word, at in words if filing.ticker is not None and word.rstrip(".") == filing.ticker]
        if found:
            places[filing.owner] = min(found)
    return {owner: places[owner] for owner in sorted(places, key=lambda owner: places[owner])}


def tickers_of(text: str) -> frozenset[str]:
    """Return the tickers of a list with commas. Raises BadInput for what is none."""
    try:
        return frozenset(clean_ticker(one) for one in text.split(",") if one.strip())
    except BadInput as error:
        raise BadInput(error.detail, field="tickers") from error


def forms_of(text: str) -> frozenset[FilingForm]:
    """Return the forms of a list with commas. Raises BadInput for what is none."""
    return frozenset(_form(one) for one in text.split(",") if one.strip())


def _form(text: str) -> FilingForm:
    form = form_of(text)
    if form is None:
        raise BadInput(f"a form is one of {', '.join(FilingForm)}", field="forms")
    return form


def _place(words: Sequence[tuple[str, int]], name: str) -> int | None:
    """Return where the words of a question are a company's name: whole, in several words, or short for it."""
    key = _key(name)
    for first, (word, at) in enumerate(words):
        joined = ""
        for further, _ in words[first:]:
            joined += _key(further)
            if joined == key:
                return at
            if not key.startswith(joined):
                break
        if _is_short_for(word, key, is_first=first == 0):
            return at
    return None


def _is_short_for(word: str, key: str, *, is_first: bool) -> bool:
    """Whether a word is a name's first letters (MGM of MGMRESORTS), or in capitals some of its letters (AMEX)."""
    own = _key(word)
    if len(own) < LEAST_LETTERS or not word[0].isupper():
        return False
    if word.isupper():
        letters = iter(key)
        return own[:2] == key[:2] and all(letter in letters for letter in own)
    # A word that begins a sentence has its capital from there: "Best in revenue was ..."
    return not is_first and len(own) > LEAST_LETTERS and key.startswith(own)


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())
