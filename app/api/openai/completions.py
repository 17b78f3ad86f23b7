"""What calls bring, in the words of OpenAI's interface: completions."""

from collections.abc import Sequence

from app.api.direct.talk import Piece, Place, Told
from app.api.openai.shapes import CompletionReply, TextChoice
from app.api.openai.told import (
    ALIVE,
    EVENTS,
    JSON,
    Frames,
    encode,
    failed,
    place_of,
    reason_of,
    switchyard_of,
    usage_of,
)
from app.api.problems import Problem


class CompletionTeller:
    """Writes completions: one object, or chunks. `echoes` stand before the answers, if they are wanted."""

    alive = ALIVE

    def __init__(
        self, model: str, now_s: int, *, stream: bool, echoes: Sequence[str] = (), with_usage: bool = False
    ) -> None:
        self.media_type = EVENTS if stream else JSON
        self._frames = Frames("text_completion", "cmpl", model, now_s, with_usage=with_usage)
        self._model = model
        self._now_s = now_s
        self._echoes = echoes

    def begin(self) -> bytes:
        """Return the prompts, if they are wanted."""
        return b"".join(self._chunk(number, echo) for number, echo in enumerate(self._echoes))

    def piece(self, piece: Piece) -> bytes:
        """Return a chunk; completions have no place for thinking."""
        return b"" if piece.is_thinking else self._chunk(piece.number, piece.text)

    def place(self, place: Place) -> bytes:
        """Return a comment of the stream: whoever reads events passes over it."""
        return place_of(place)

    def end(self, told: Sequence[Told]) -> bytes:
        """Return why each answer ended, and the usage if that was asked for."""
        ends = (self._chunk(number, "", reason_of(one, ())) for number, one in enumerate(told))
        return b"".join([*ends, self._frames.end(told)])

    def fail(self, problem: Problem, request_id: str) -> bytes:
        """Return the error as OpenAI's clients look for it in a stream."""
        return failed(problem, request_id)

    def whole(self, told: Sequence[Told]) -> bytes:
        """Return the whole reply."""
        return encode(
            CompletionReply(
                id=self._frames.id,
                object="text_completion",
                created=self._now_s,
                model=self._model,
                choices=tuple(self._choice(number, one) for number, one in enumerate(told)),
                usage=usage_of(told),
                switchyard=tuple(map(switchyard_of, told)),
            )
        )

    def _choice(self, number: int, told: Told) -> TextChoice:
        echo = self._echoes[number] if self._echoes else ""
        return TextChoice(index=number, text=echo + told.text, finish_reason=reason_of(told, ()))

    def _chunk(self, number: int, text: str, finish_reason: str | None = None) -> bytes:
        return self._frames.event(TextChoice(index=number, text=text, finish_reason=finish_reason))
