"""What a node says while it streams a chat: lines to text, thinking, and the end."""

from dataclasses import dataclass, replace

from app.inference.wire.bodies import ChatLine, Lines, LineTooLong, failure_of_line, read_line, sanitise
from app.inference.words.failures import Failure
from app.inference.words.messages import ToolCall


@dataclass(frozen=True, slots=True)
class Broken:
    """How a stream ended that did not end well, in the node's words where it gave some."""

    failure: Failure
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """What one piece of a stream brought, made safe to store.

    `texts` are those of its lines. `tokens` counts the lines that held something: Ollama sends one a token, or several
    tokens in one where it has to look ahead. `thinking_tokens` are those among them that held thinking. Text that came
    before an error is text all the same: what the node has said need not be said again.
    """

    texts: tuple[str, ...] = ()
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tokens: int = 0
    thinking_tokens: int = 0
    end: ChatLine | Broken | None = None

    @property
    def text(self) -> str:
        """The text of all lines."""
        return "".join(self.texts)


class ChatStream:
    """Reads the body of one streamed chat, however it is cut."""

    def __init__(self) -> None:
        self._lines = Lines()

    def feed(self, piece: bytes) -> Heard:
        """Return what `piece` completes."""
        heard = Heard()
        try:
            for raw in self._lines.feed(piece):
                heard = _add(heard, read_line(raw))
                if heard.end is not None:
                    break
        except (LineTooLong, ValueError, RecursionError):
            return replace(heard, end=Broken(Failure.GARBAGE))
        return heard

    def close(self) -> Heard:
        """Return what the last line held, if the body ended without the end of one; nothing of one that was cut."""
        rest = self._lines.close()
        try:
            return _add(Heard(), read_line(rest)) if rest else Heard()
        except (ValueError, RecursionError):
            return Heard()


def _broken(error: str) -> Broken:
    return Broken(failure_of_line(error), error)


def _add(heard: Heard, line: ChatLine) -> Heard:
    if line.error is not None:
        return replace(heard, end=_broken(sanitise(line.error)[:300]))
    end = line if line.done else None
    said = line.message
    if said is None:
        return replace(heard, end=end)
    return Heard(
        texts=(*heard.texts, sanitise(said.content)) if said.content else heard.texts,
        thinking=heard.thinking + sanitise(said.thinking),
        tool_calls=heard.tool_calls + said.tool_calls,
        tokens=heard.tokens + bool(said.content or said.thinking or said.tool_calls),
        thinking_tokens=heard.thinking_tokens + bool(said.thinking),
        end=end,
    )
