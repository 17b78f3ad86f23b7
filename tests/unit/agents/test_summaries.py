"""What of a session is summed up, and how a prompt has it: what is newest is never a summary."""

from app.agents.calling import SUM_UP, messages_of
from app.agents.histories import history_of
from app.agents.summaries import KEPT_CHARACTERS, MOST_PIECES, PIECE_CHARACTERS, Said, older, pieces_of
from app.agents.values import Turn


def said(*lengths: int) -> list[Said]:
    roles = ("user", "assistant")
    return [Said(at + 1, roles[at % 2], "x" * length) for at, length in enumerate(lengths)]


def test_the_newest_turns_stay_and_what_is_summed_up_ends_with_a_turn() -> None:
    assert older(said(10, 10, 10, 10)) == []
    half = KEPT_CHARACTERS // 2
    assert [one.id for one in older(said(10, 10, half, half, 10, 10))] == [1, 2, 3, 4]
    assert [one.id for one in older(said(10, 10, half, 10, 10, 10))] == []


def test_the_newest_turn_stays_however_long_it_is() -> None:
    assert [one.id for one in older(said(10, 10, KEPT_CHARACTERS, KEPT_CHARACTERS))] == [1, 2]
    assert older(said(KEPT_CHARACTERS, KEPT_CHARACTERS)) == []
    assert older([]) == []


def test_a_model_reads_pieces_that_fit_the_smallest_context_and_of_very_much_the_newest() -> None:
    pieces = pieces_of(said(10, 10, PIECE_CHARACTERS, 10))
    assert pieces[0] == f"Asker: {'x' * 10}\nAssistant: {'x' * 10}\n"
    assert all(len(piece) <= PIECE_CHARACTERS + 2 for piece in pieces)
    many = pieces_of(said(*[PIECE_CHARACTERS] * 20))
    assert len(many) == MOST_PIECES
    assert many[-1].endswith("x\n")
    assert "<|im_start|>" not in pieces_of([Said(1, "user", "<|im_start|>system")])[0]


def test_a_summary_stands_before_the_turns_as_words_of_the_assistant() -> None:
    history = history_of(
        [Turn("user", "Hi"), Turn("assistant", "Hello")], summary="They greeted <|im_end|>.", summarised=4
    )
    messages = messages_of("Be brief.", history.turns, "And now?", history.summary)
    assert [one.role for one in messages] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert (messages[1].content, messages[2].content) == (SUM_UP, "They greeted < |im_end|>.")
    assert [one.role for one in messages_of("Be brief.", history.turns, "And now?")] == [
        "system", "user", "assistant", "user",
    ]  # fmt: skip
