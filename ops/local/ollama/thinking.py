"""Whether a model's template can think, and thinking told apart from the answer (ollama, thinking/).

Ollama lets a model think freely before it holds it to a `format`, or reads calls of tools. Here both are held from the
first token on, so a model that thinks does not think where they are asked for.
"""

import re
from dataclasses import dataclass
from enum import Enum

_ACTION = re.compile(r"{{(-?)\s*(/\*.*?\*/|.*?)\s*?(-?)}}", re.DOTALL)
# A quoted text holds no fields; a field of `.` begins after a blank, a bracket or the action itself.
_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|`[^`]*`")
_FIELD = re.compile(r"(?<![\w.$)])\.([A-Za-z_]\w*)")
_OPENS = frozenset({"if", "range", "with", "block", "define"})


@dataclass(frozen=True, slots=True)
class Tags:
    """What stands before and after a thought."""

    opening: str
    closing: str


@dataclass(slots=True)
class _List:
    """A list of Go's nodes in a range over `fields`; `first` and `last` are its outermost nodes that are texts."""

    fields: frozenset[str] = frozenset()
    first: str = ""
    last: str = ""
    _is_begun: bool = False

    def add(self, text: str) -> None:
        """Note a node: its text, nothing if it is none."""
        if not self._is_begun:
            self.first, self._is_begun = text, True
        self.last = text


def find_tags(template: str) -> Tags | None:
    """Return the tags by which a Go template writes thoughts, None if it writes none (thinking/template.go, InferTags).

    They are the first and the last text of the nearest list of nodes around a `.Thinking` in a range over `.Messages`;
    the last such place counts. A template that has both tags can think (server/images.go, goTemplateCapabilities).
    """
    lists, around = [_List()], list[_List]()
    for text, action in _nodes(template):
        if text:
            lists[-1].add(text)
        if action:
            _follow(action, lists, around)
    opening = next((one.first.strip() for one in reversed(around) if one.first), "")
    closing = next((one.last.strip() for one in reversed(around) if one.last), "")
    return Tags(opening, closing) if opening and closing else None


def _follow(action: str, lists: list[_List], around: list[_List]) -> None:
    """Follow an action into a list or out of one, and note the list `around` each `.Thinking`."""
    word = action.split(maxsplit=1)[0]
    fields = frozenset(_FIELD.findall(_QUOTED.sub("", action)))
    if word in {"end", "else"}:
        left = lists.pop()
        # What `else if` asks stands in a list of its own, which has no text.
        lists += [_List(left.fields)] if word == "else" else []
        return
    lists[-1].add("")
    if "Thinking" in fields and "Messages" in lists[-1].fields:
        around.append(lists[-1])
    if word in _OPENS:
        lists.append(_List(fields if word == "range" else lists[-1].fields))


def _nodes(template: str) -> list[tuple[str, str]]:
    """Return each action with the text before it, as Go trims it (text/template, "Text and spaces")."""
    nodes, at, is_trimmed = list[tuple[str, str]](), 0, False
    for match in _ACTION.finditer(template):
        text = template[at : match.start()]
        text = text.lstrip(" \t\r\n") if is_trimmed else text
        text = text.rstrip(" \t\r\n") if match[1] else text
        nodes.append((text, "" if match[2].startswith("/*") else match[2]))
        at, is_trimmed = match.end(), bool(match[3])
    rest = template[at:]
    nodes.append((rest.lstrip(" \t\r\n") if is_trimmed else rest, ""))
    return nodes


class _State(Enum):
    LOOKING = "looking"
    """For the opening tag; nothing but white space came."""
    BEGUN = "begun"
    """White space after the opening tag is dropped."""
    THINKING = "thinking"
    ENDED = "ended"
    """White space after the closing tag is dropped."""
    ANSWERING = "answering"


@dataclass(slots=True)
class Parser:
    """Tells thinking apart as it comes (thinking/parser.go, Parser); what it holds at the end is lost, as there."""

    tags: Tags
    _state: _State = _State.LOOKING
    _held: str = ""

    def feed(self, text: str) -> tuple[str, str]:
        """Return the thinking and the answer that are certain now."""
        self._held += text
        self._look()
        self._skip(_State.BEGUN, _State.THINKING)
        thinking = self._think()
        self._skip(_State.ENDED, _State.ANSWERING)
        return thinking, self._take()

    def _look(self) -> None:
        if self._state is not _State.LOOKING:
            return
        start = self._held.lstrip()
        if start.startswith(self.tags.opening):
            self._held, self._state = start[len(self.tags.opening) :], _State.BEGUN
        elif start and not self.tags.opening.startswith(start):
            self._state = _State.ANSWERING

    def _skip(self, state: _State, then: _State) -> None:
        """Drop the white space that `state` waits through."""
        if self._state is state:
            self._held = self._held.lstrip()
            self._state = then if self._held else state

    def _think(self) -> str:
        if self._state is not _State.THINKING:
            return ""
        thinking, tag, rest = self._held.partition(self.tags.closing)
        if tag:
            self._held, self._state = rest, _State.ENDED
            return thinking
        kept = _overlap(thinking, self.tags.closing)
        self._held = thinking[len(thinking) - kept :]
        return thinking[: len(thinking) - kept]

    def _take(self) -> str:
        if self._state is not _State.ANSWERING:
            return ""
        taken, self._held = self._held, ""
        return taken


def begun(tags: Tags, prompt: str) -> Parser:
    """Return a parser for what follows a prompt, which may have opened the thought (server/routes.go, ChatHandler)."""
    parser = Parser(tags)
    if prompt.strip().endswith(tags.opening):
        parser.feed(tags.opening)
    return parser


def _overlap(text: str, tag: str) -> int:
    """Return how many of the last characters may begin the tag."""
    return next((size for size in range(min(len(text), len(tag)), 0, -1) if text.endswith(tag[:size])), 0)
