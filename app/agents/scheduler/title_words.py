"""What a request calls its event: the words that are left of it, without those that only ask."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from app.agents.scheduler.corrections import NO_CORRECTION, Correction
from app.agents.scheduler.spans import READ, Spans

LONGEST_TITLE = 200
_GAP = rf"[\s{READ},]+"
_TRIMS = ' \t\r\n,;:.!?-\u2013\u2014()"/*\u2022' + READ
_END = rf"(?=[\s{READ},;:.!?]|$)"


def _lead(pattern: str) -> re.Pattern[str]:
    """Return a pattern of words with which a clause may begin; a blank in it is any gap."""
    return re.compile(rf"(?:{pattern.replace(' ', _GAP)}){_END}", re.IGNORECASE)


_QUOTED = re.compile(r"[\"\u201c](?P<title>[^\"\u201d\0]{1,200})[\"\u201d]|(?<!\w)'(?P<also>[^'\0]{2,200})'(?!\w)")
_CALLED = re.compile(
    rf"(?:,?\s*\b(?:called|titled|named|entitled))\s+(?P<title>[^{READ},;.!?]+?)"
    rf"(?=\s*(?:[{READ},;.!?]|$|\b(?:with|at|on|in|for|from|and\s+invite)\b))",
    re.IGNORECASE,
)
_LABELS = r"(?:title|subject|topic|event|what|purpose|reason|re|occasion)"
_LABELLED = re.compile(rf"(?:^|(?<=[\s{READ}])){_LABELS}:\s*(?P<title>[^{READ},;.!?\n]+)", re.IGNORECASE)

# Clauses: a sentence ends, or a comma or a conjunction is followed by words with which a new wish begins.
_STARTS = (
    r"(?:please|pls|kindly|(?:can|could|would|will)\s+(?:you|we|i)\b|let'?s|let\s+us|(?:i|we)(?:'\w+)?\s"
    r"|it(?:'s|\s+is)\b|they(?:'\w+)?\s|(?:just\s+)?(?:add|put|book|schedule|reserve|enter|note)\s)"
)
_CLAUSE = re.compile(
    rf"[!?;\n](?=\s|{READ}|$)|(?<!\b[A-Z])(?<!Dr)(?<!Mr)(?<!Mrs)(?<!Ms)(?<!Prof)(?<!\bSt)\.+(?=\s|{READ}|$)"
    rf"|,\s*(?:and\s+|so\s+|but\s+|then\s+)?(?={_STARTS})|,?\s*\bbecause(?!\s+of)\s|,\s*(?:so|but|hope|thanks"
    rf"|thank\s+you)\s|\s(?:so\s+(?:that\s+)?|and\s+|but\s+)(?={_STARTS})"
    r"|(?<!what)(?<!all)\s(?=(?:i|we)(?:'d\s+(?:like|need)|\s+would\s+like|\s+need)\s)"
    rf"|(?<=[\s{READ}])(?=(?:(?:many\s+)?thanks|thank\s+you|cheers|(?:best|kind|warm)\s+regards|regards)\b)",
    re.IGNORECASE,
)
_PIECE = re.compile(rf"(?:{READ}\s*,|,\s*{READ})[\s{READ},]*")
_COLON = re.compile(r":(?=\s)|\s[-\u2013\u2014]\s")

_ARTICLE = r"(?:an?|the|my|our|your|some|another|any|this|that|these|those)"
_WHO = r"(?:i|we|you|it|there|they|he|she|one|someone|somebody|anyone|anybody|everyone|me|us)"
_GLAD = (
    r"(?:good|great|lovely|nice|okay|ok|fine|perfect|possible|ideal|best|wonderful|helpful|kind|able|free|available"
    r"|grateful|happy|glad|thankful)"
)
_POLITE = _lead(
    r"(?:(?:hi|hello|hey|dear|good (?:morning|afternoon|evening|day))(?: (?:there|all|team|everyone|everybody|folks))?"
    r"|please|pls|plz|kindly|thanks|thank you|ok|okay|yes|yeah|also|and|but|then|so|now|just|maybe|perhaps|well"
    r"|oh|again"
    r"|fyi|btw|by the way|asap|quick (?:one|question|request|note)|one more thing|if possible|if you (?:can|could)"
    r"|if it(?:'s| is) possible|when(?:ever)? you (?:can|could|get (?:a|the) chance|have (?:a moment|time))"
    r"|hereby|changes? of plans?|update|news|good news|heads up"
    r"|attention|important|urgent|tentatively|ideally|as discussed|forwarded message|fwd|fw)"
)
_FRAME = _lead(
    rf"(?:(?:how|what) (?:about|if)|why (?:don'?t|not)|(?:is|are|was) (?:there|it)|(?:would|might|could) (?:it|that) be"
    rf"|(?:it|that|this) (?:would|will|might|could|should) be|be (?:so|very|really)?(?: )?{_GLAD}|{_GLAD} (?:if"
    rf"|to|for|as to|that|when)"
    r"|(?:any|a) (?:way|chance|possibility|option|opening)(?: (?:that|to|of|for))?"
    rf"|(?:would|will|does|do) {_GLAD}(?: for)?|(?:works?|suits?|fits)(?: (?:well|best|us|me|fine))*(?: for| with)?"
    rf"|(?:can|could|would|will|may|might|shall|should|do|does|did|must|cannot|can'?t) (?:please )?{_WHO}"
    rf"|{_WHO}(?:'(?:d|ll|ve|m|re|s))?(?: (?:would|will|can|could|should|must|might|may|shall|am|are|was|were"
    rf"|is|do|did))*"
    r"(?: (?:really|also|just|kindly|still|then|probably))*"
    r"|let'?s|let(?: us| me)?|(?:would|will|should|shall|must|may|might|can|could|be|been|being|is|are|am|was|were)"
    r"|if|whether|that|as|to|in order to|because of|due to|mind|think|thinking of|appreciate it|appreciate|say"
    r"|(?:comes?|coming|come) (?:in|along|over|by|for)(?: for)?|go(?:es)? for|join (?:me|us)(?: for)?"
    r"|help (?:me|us)|go ahead and|make sure(?: that| of)?|ensure(?: that)?|see to it(?: that)?"
    r"|(?:do not|don'?t|not)(?: let (?:me|us))? (?:forget|miss)(?: (?:about|to|that))?|(?:to )?remember(?: to)?)"
)
_COMPOUND = (
    r"(?!book (?:club|fair|launch|signing|swap|group|reading|sale|exchange|circle|report)|plan review|set design"
    r"|block party|make sure)"
)
"""`book club` and `plan review` are no wishes; `book a club` is one."""
_WANT = _lead(
    rf"{_COMPOUND}(?:(?:want|need|wish|hope|intend|would like|would love|like|love|plan|try|aim|expect|decide)s?"
    r"|wanna|gonna|gotta|having|have got to|(?:wanting|needing|calling|writing|asking|emailing|expecting"
    r"|wishing|hoping|looking|trying|planning|thinking|going|aiming|wondering|have|has|had|ought|wanted|needed|hoped)"
    rf"(?= (?:to|of|for|about|on|if|whether|that|{_ARTICLE})\b))"
    r"(?: (?:to|for|that|about|on|of|if|whether|forward to))*"
)
_OBJECT = r"(?: (?:me|us|you|it|them|everyone|everybody))?(?: all)?"
_VERBS = (
    r"schedule|book|reserve|set aside|set up|set|arrange|organi[sz]e|plan|create|make|add|put|enter|fix|block"
    r"|pencil|squeeze"
    r"|fit|slot|remind|get|give|find|grab|hold|keep|mark|note|save|sign|enrol|enroll|register|list|log|jot"
    r"|write|stick|pop|drop"
    r"|place|assign|insert|confirm|secure|request|record|do|have|has|got|use|take down|move|allocate|prepare"
    r"|host|throw|want|need"
)
_PARTICLES = r"(?: (?:in|down|up|off|out|aside|together|on|for|to|about|of|that))*"
_ASKS = _lead(rf"{_COMPOUND}(?:{_VERBS}|gimme|lemme have|lemme){_OBJECT}{_PARTICLES}")
_ASKS_SO = _lead(
    r"(?:schedul|book|reserv|sett|arrang|organi[sz]|plann|creat|mak|add|putt|enter|fixx?|block|pencill?|squeez"
    r"|fitt|slott|gett|hav|keep|mark|not|find|host|hold|us|do)ing"
    rf"(?= (?:{_ARTICLE}|for|in|up|off|out|aside|me|us|it|time)\b|\s*{READ}){_OBJECT}{_PARTICLES}"
    r"|(?:booked|scheduled|reserved|arranged|added|made|organi[sz]ed|planned|asked|signed up|enrolled"
    r"|invited)(?: (?:for|to|in))*"
)
_TO_DO = re.compile(r"(?!(?:need|want|have|has|got)\b).+\sto", re.IGNORECASE | re.DOTALL)
"""What is to be done follows, as in `remind me to`."""
_SMALL = _lead(
    rf"(?:(?:us|me) to|{_ARTICLE}|for|about|of|on|at|in|into|to|from|with|regarding|re|over|by|via|free|busy"
    rf"|open|ready|ours"
    rf"|quickly)"
)
_KINDS = (
    r"(?:calendar |diary )?(?:event|slot|entry|time|booking|date|spot|space|item|note|room|place|something"
    r"|following|calendar|diary|agenda|schedule|hour|topic|purpose|occasion|opening|place in the calendar)s?"
)
_LINKED_KINDS = r"(?:appointment|reservation|reminder|invite|invitation|request)s?"
_PREPOSITION = r"(?:on|at|in|from|for|into|to|by|with|via|about|over|until)"
_LINK = r"(?P<{name}>for|to|of|about|because of|is|in which|where|when|:|that)"
_KIND = _lead(
    rf"(?:(?:{_ARTICLE}|free|open|new) )*(?:{_KINDS}(?:[\s{READ}]*{_LINK.format(name='link')}"
    rf"|(?=\s*(?:[{READ},;.!?]|$)))|{_LINKED_KINDS}[\s{READ}]*{_LINK.format(name='also')}|(?:appointment"
    rf"|reminder)(?=\s*{READ}[\s{READ}]*\w)(?!\s*{READ}[\s{READ}]*{_PREPOSITION}\b))"
)
_BE = (
    r"(?:(?:(?:will|would|should|shall|can|could|may|might|must|(?:needs?|has|have|ought|is"
    r"|are)\s+to)\s+)?(?:be|go(?=\s+(?:on|in)|\s*(?:\0|$))|happen)|is|are|was|were|(?:has|have)\s+been|'s"
    r"|(?:(?:will|should|would)\s+)?(?:starts?|begins?|happens?|takes?\s+place|meets?|leaves?|comes?|arrives?"
    r"|opens?|departs?|goes|runs)|works|suits|gets)"
)
_STATES = (
    r"(?:be|agreed|held|planned|set(?:\s+up)?|scheduled|due|on|happening|taking\s+place|moved|going|coming|starting"
    r"|booked|reserved|arranged|organi[sz]ed|added|found|made|done|ours|here|there|over|in)"
)
_STANDS = re.compile(
    rf"(?P<what>.+?)(?:\s+|(?='s)){_BE}(?:\s+{_STATES})*(?:\s+{_PREPOSITION})*\s*(?:[{READ},]|$)",
    re.IGNORECASE | re.DOTALL,
)
"""Something is at a time that was read."""
_COMES_FOR = re.compile(
    rf"[\s{READ}]*(?:[\w'\u2019-]+\s+){{0,3}}?[\w\u2019-]+(?:'s|\s+{_BE})(?:\s+{_STATES})+[\s{READ},]+for\s+(?=\w)"
    rf"|(?:i|we|they)(?:'\w+)?\s+(?:\w+\s+){{1,2}}?(?:on\s+|for\s+)?{READ}[\s{READ},]*(?:for|to|about)\s+(?=\w)",
    re.IGNORECASE,
)
"""Somebody is there, or has agreed on a time, for what is the title."""
_NEEDS = re.compile(rf"(?P<what>.+?)\s+(?:needs?|wants?|requires?|uses?)[\s{READ},]*$", re.IGNORECASE | re.DOTALL)
_TELLS = re.compile(r"\s(?:said|says|told|wrote|called|promised|confirmed)\s.*", re.IGNORECASE | re.DOTALL)
_SAYS = re.compile(
    rf"(?:let\s+)?(?:[\w'\u2019,-]+\s+){{1,5}}?(?:(?:is|are|am)\s+having|(?:has|have)(?:\s+(?:got|to))?"
    rf"|(?:wants?|needs?|would\s+like|asked|asks|requests?)(?:\s+(?:to|for))?)(?:\s*{READ}[\s{READ}]*(?:for"
    rf"|to)?|\s)\s*(?:an?\s+|the\s+)?(?=\w)",
    re.IGNORECASE,
)
"""Somebody has or wants something, which is the title."""
_TAIL = re.compile(
    rf"(?:^|[\s{READ},;:]+)(?:on|at|for|from|in|into|with|by|and|or|the|a|an|my|our|please|pls|thanks"
    rf"|thank\s+you|to|is|are|was|be|starting"
    r"|of|every|each|until|between|if\s+(?:possible|that\s+works|you\s+can|that'?s\s+ok)|meets|takes?\s+place"
    r"|happens|starts|begins"
    rf"|(?:is|will\s+be|to\s+be|was|got|has\s+been)\s+(?:held|moved|rescheduled|confirmed|postponed|fixed)"
    rf"|(?:would|will)\s+(?:be(?:\s+{_GLAD})?|work|do)|{_GLAD}|(?:works|suits)\s+(?:us|me|well|fine)"
    r"|ready|ours|(?:will|should|to)\s+join|joins|comes?\s+along|too|(?:put|added|entered|scheduled"
    r"|booked)(?:\s+(?:in|down|on))?|when|where|then|there|as\s+usual"
    r"|again|will|would|could|should|starting|beginning|lasting|it|up|via|over|about)$",
    re.IGNORECASE,
)
_CALENDAR = re.compile(
    r"\s*\b(?:(?:on|in|into|to|onto)\s+)?(?:(?:my|our|the|his|her)\s+)(?:calendar|schedule|agenda|diary|planner)\b"
    r"|\b(?:on|in)\s+the\s+books\b"
    r"|\b(?:in|on|into|to)\s+(?:calendar|diary|agenda)\b|\bfor\s+(?:me|us)\b(?!\s+to)|\bto\s+(?:calendar|diary)\b"
    r"|\b(?:some\s*time\s+)?(?:next|this|coming)\s+(?:week|month)\b|\b(?:first\s+thing|early"
    r"|some\s?time)(?=\s*(?:\0|on\b|$))",
    re.IGNORECASE,
)
_BRACKETS = re.compile(r"\([^)]*\)?")
_NAMES_ONLY = re.compile(r"[A-Z\u00c0-\u00de][\w'\u2019.-]*(?:\s+[A-Z\u00c0-\u00de][\w'\u2019.-]*)+")
_LABEL_ONLY = re.compile(rf"(?:{_LABELS}|date|time|when|where|place|location|venue|who|with)", re.IGNORECASE)


class Clause(NamedTuple):
    """One wish or sentence of a request: what it would be called, and how much speaks for that."""

    title: str
    weight: int


def read_quoted(spans: Spans) -> str:
    """Return the title that stands in quotes, which nothing else is read in; "" where none does."""
    return _title_of(spans, _QUOTED)


def read_named(spans: Spans) -> str:
    """Return the title that a request gives as one, as in `called Harvest Feast`, and blank it; "" for none."""
    return _title_of(spans, _CALLED) or _title_of(spans, _LABELLED)


def _title_of(spans: Spans, pattern: re.Pattern[str]) -> str:
    found = spans.find(pattern)
    return "" if found is None else next(text for text in found.groupdict().values() if text).strip(_TRIMS)


def read_title(spans: Spans, turn: Correction = NO_CORRECTION) -> str:
    """Return what is left of the clause that asks: the first of those for which most speaks; "" where nothing is left.

    What a correction puts in the place of a title is one.
    """
    before, after = (list(_named(piece)) for piece in (spans.left[: turn.starts], spans.left[turn.ends :]))
    if before and after and not spans.left[: turn.starts].rstrip().endswith(READ):
        before = []
    clauses = [*before, *after]
    return max(clauses, key=lambda one: one.weight).title[:LONGEST_TITLE].strip(_TRIMS) if clauses else ""


def _named(left: str) -> Iterator[Clause]:
    text = _CALENDAR.sub(READ, _BRACKETS.sub(READ, re.sub(r"\s/\s", ", ", left)))
    for clause in _CLAUSE.split(text):
        title, asks = _of_colon(clause)
        if title:
            yield Clause(title, 3 * asks + 2 * (READ in clause))


def _of_colon(clause: str) -> tuple[str, bool]:
    """Return the title of a clause: what stands behind a colon or a dash, unless that is a name or nothing."""
    parts = [(_bare_piece(part), part.strip(_TRIMS)) for part in _COLON.split(clause)]
    named = [one for one in parts if one[0][0]]
    if len(named) > 1 and _NAMES_ONLY.fullmatch(named[-1][0][0]) and not _LABEL_ONLY.fullmatch(named[0][1]):
        return f"{named[-2][0][0]}: {named[-1][0][0]}", named[-2][0][1]
    return (named[-1][0][0], any(one[0][1] for one in parts)) if named else ("", False)


def _bare_piece(clause: str) -> tuple[str, bool]:
    """Return the title of the first piece of a clause that has one; between pieces stand a comma and what was read."""
    pieces = [bare(piece) for piece in _PIECE.split(clause)]
    return next((one[0] for one in pieces if one[0]), ""), any(one[1] for one in pieces)


def bare(clause: str) -> tuple[str, bool]:
    """Return a clause without the words that ask, and whether any did."""
    text = re.sub(rf"\s*{READ}[\s{READ}]*", f" {READ} ", clause).strip(_TRIMS + " ")
    comes = _COMES_FOR.match(text)
    if comes is not None:
        return _without_shell(text[comes.end() :])
    stands = _STANDS.match(clause.strip(_TRIMS)) or _NEEDS.match(clause.strip(_TRIMS))
    if stands is not None:
        title, asks = _without_shell(_TELLS.sub("", stands["what"]))
        if title:
            return title, asks
    return _without_shell(text)


def _without_shell(text: str) -> tuple[str, bool]:
    text, asks = _without_leads(text)
    said = _SAYS.match(text)
    if said is not None:
        text, _ = _without_leads(text[said.end() :])
    text = " ".join(text.replace(READ, " ").split())
    before = None
    while before != text:
        before, text = text, _TAIL.sub("", text).strip(_TRIMS)
    return re.sub(r"(?:\s*,)+", ",", text), asks


def _without_leads(text: str) -> tuple[str, bool]:
    """Return a text from its first word on that does not ask; verbs ask only until an article or a preposition came."""
    asks = is_noun = False
    while True:
        text = text.lstrip(_TRIMS)
        kind = _KIND.match(text)
        if kind is not None:
            text, link = text[kind.end() :], (kind["link"] or kind["also"] or "").lower()
            if link == "to":
                return text.lstrip(_TRIMS), asks
            is_noun = is_noun or bool(link)
            continue
        found = None if is_noun else _asking(text)
        if found is None:
            small = _SMALL.match(text) or _POLITE.match(text)
            if small is None:
                return text, asks
            is_noun = is_noun or small.re is _SMALL
            text = text[small.end() :]
            continue
        asks = asks or found.re in {_ASKS, _ASKS_SO}
        text = text[found.end() :]
        if found.re is _ASKS and _TO_DO.fullmatch(found[0]):
            return text.lstrip(_TRIMS), asks


def _asking(text: str) -> re.Match[str] | None:
    for pattern in (_POLITE, _ASKS, _ASKS_SO, _WANT, _FRAME):
        found = pattern.match(text)
        if found is not None and found.end():
            return found
    return None
