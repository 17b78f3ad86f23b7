"""The demonstration's questions, text, table and waits."""

from collections.abc import Sequence
from hashlib import sha256
from io import StringIO
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.agents.evidence import Citation
from app.agents.values import RouteSummary
from app.ids import DocumentId, RouteId
from app.inference.routing.complexity import rate
from app.inference.words.route import Reason, Route
from app.inference.words.tiers import Tier, TierReason
from ops.local.console import Console
from ops.local.demo import HANDBOOK, Shown, say_next, starting
from ops.local.demo_client import StoredAnswer, StoredRun, Took
from ops.local.demo_models import wait_for_models
from ops.local.demo_questions import FIRST, LATER
from ops.local.demo_table import Answered, rows, show, totals
from ops.local.demo_text import Wrapped, paragraph, printable
from ops.local.models.catalogue import Size
from ops.local.models.progress import Phase, Progress
from ops.local.problems import LocalProblem
from ops.local.progress_file import progress_file


def test_the_three_questions_are_rated_simple_medium_and_complex() -> None:
    ratings = [rate(question, turns=0, session_tier=None) for question in (FIRST, *LATER)]
    assert [rating.tier for rating in ratings] == [Tier.SIMPLE, Tier.MEDIUM, Tier.COMPLEX]
    assert {rating.reason for rating in ratings} == {TierReason.RATED}


def test_the_handbook_holds_what_the_first_question_asks() -> None:
    assert b"The controller draws 11 watts" in (HANDBOOK / "08-lift-link.pdf").read_bytes()


def wrapped(pieces: Sequence[str], width: int = 20) -> str:
    written: list[str] = []
    out = Wrapped(written.append, indent="  ", width=width)
    for piece in pieces:
        out.feed(piece)
    out.end()
    return "".join(written)


def test_streamed_text_is_wrapped_at_words() -> None:
    assert wrapped(["The clean-water ta", "nk holds 68 litres."]) == "  The clean-water\n  tank holds 68\n  litres.\n"


def test_the_answers_own_line_breaks_stay() -> None:
    assert wrapped(["1. a\n2. b\n\n", "c"]) == "  1. a\n  2. b\n\n  c\n"


@given(st.text(st.characters(codec="utf-8"), max_size=200), st.integers(0, 200))
def test_wrapping_loses_no_word_wherever_the_stream_was_cut(text: str, cut: int) -> None:
    shown = wrapped([text[:cut], text[cut:]])
    assert shown == wrapped([text])
    assert shown.split() == printable(text).split()
    assert all(len(line) <= 20 or len(line.split()) == 1 for line in shown.split("\n"))


def test_nothing_that_a_terminal_obeys_is_written() -> None:
    assert printable("a\x1b[31mb\x07\r\tc\n") == "a[31mb c\n"
    assert paragraph("a\x1b\n b", indent="  ", width=20) == ["  a b"]


def answered(model: str, tier: Tier, node: str = "a", degraded: tuple[str, ...] = ()) -> Answered:
    route_id = RouteId(UUID(int=1))
    route = Route(
        id=route_id,
        tier=tier,
        tier_reason=TierReason.ABSTAINED,
        need=0.5,
        reason=Reason.ONLY_CANDIDATE,
        model=model,
        digest=f"sha256:{sha256(model.encode()).hexdigest()}",
        node=node,
        candidates=(),
    )
    call = RouteSummary(
        route_id, "chat", "assistant", tier, "rated", "only_candidate", node, model, route.digest, 300, 40, 80.0, 1.5,
        0.00015, "done",
    )  # fmt: skip
    took = Took(313, 40, 1234, 80.4, 1.5123456, 0.000151, (call,))
    citation = Citation("a.md", DocumentId(uuid4()), "A > B", "quoted\nwords", 0, 12, 0.5)
    return Answered("What?", StoredRun(uuid4(), took, StoredAnswer("Words.", (citation,), degraded)), call, route)


THREE = (
    answered("smollm2:135m", Tier.SIMPLE),
    answered("qwen2.5-coder:0.5b", Tier.MEDIUM),
    answered("qwen2.5-coder:1.5b", Tier.COMPLEX, node="b"),
)


def test_the_table_has_a_column_a_question_and_fits_80_columns() -> None:
    out = StringIO()
    show(THREE, Console(out))
    assert max(map(len, out.getvalue().splitlines())) <= 80
    shown = {row[0]: row[1:] for row in rows(THREE)}
    assert shown["tier"] == ("simple", "medium", "complex")
    assert shown["node"] == ("a", "a", "b")
    assert shown["tokens in"] == ("313",) * 3
    assert shown["first token"] == ("0.08 s",) * 3
    assert shown["total time"] == ("1.23 s",) * 3
    assert shown["GPU-seconds"] == ("1.512",) * 3
    assert shown["cost"] == ("$0.000151",) * 3
    assert len(set(shown["digest"])) == 3
    assert "without" not in shown


def test_what_an_answer_had_to_do_without_is_in_the_table() -> None:
    shown = {row[0]: row[1:] for row in rows((*THREE[:2], answered("m", Tier.SIMPLE, degraded=("retrieval",))))}
    assert shown["without"] == ("-", "-", "retrieval")


def test_the_sums_count_models_by_their_digest() -> None:
    assert totals(THREE) == "3 answers from 3 models on 2 nodes: 4.537 GPU-seconds, $0.000453"
    assert totals(THREE[:1]) == "1 answer from 1 model on 1 node: 1.512 GPU-seconds, $0.000151"


def test_it_is_said_when_one_model_had_to_serve_every_tier() -> None:
    few, three = StringIO(), StringIO()
    show([answered("smollm2:135m", tier) for tier in Tier], Console(few))
    show(THREE, Console(three))
    assert "Fewer models than tiers" in few.getvalue()
    assert "Fewer models than tiers" not in three.getvalue()


def test_the_citations_are_shown_with_document_and_quote() -> None:
    out = StringIO()
    show(THREE[:1], Console(out))
    assert '     a.md: A > B\n       "quoted words"\n' in out.getvalue()


class Clock:
    """A clock that waiting moves, and that does something at each wait."""

    def __init__(self, directory: Path, scenes: Sequence[Phase]) -> None:
        self._file = progress_file(directory)
        self._scenes = list(scenes)
        self.now_s = 0.0

    def wait(self, seconds: float) -> None:
        self.now_s += max(1.0, seconds)
        if self._scenes:
            self._file.write(Progress("big", self._scenes.pop(0), 1, 2, "somewhere"))

    def read(self) -> float:
        return self.now_s


def waited(directory: Path, scenes: Sequence[Phase]) -> tuple[str, Clock]:
    clock, out = Clock(directory, scenes[1:]), StringIO()
    for phase in scenes[:1]:
        progress_file(directory).write(Progress("big", phase, 1, 2, "somewhere"))
    wait_for_models(directory, Console(out), clock=clock.read, wait=clock.wait)
    return out.getvalue(), clock


def test_with_all_models_there_nothing_is_waited_for(tmp_path: Path) -> None:
    for scenes in ((), (Phase.READY,)):
        said, clock = waited(tmp_path, scenes)
        assert (said, clock.now_s) == ("", 0.0)


def test_the_wait_for_models_shows_progress_until_they_are_there(tmp_path: Path) -> None:
    said, _ = waited(tmp_path, (Phase.WAITING, Phase.DOWNLOADING, Phase.FAILED, Phase.DOWNLOADING, Phase.READY))
    assert "50%" in said
    assert said.endswith("all models are there\n")


def test_a_model_that_cannot_be_had_ends_the_demo_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LocalProblem, match=r"big cannot be fetched: somewhere\n.*MODELS=small"):
        waited(tmp_path, (Phase.DOWNLOADING, Phase.FAILED))


def test_what_to_type_next_takes_the_whole_key_file_for_the_key(tmp_path: Path) -> None:
    out = StringIO()
    say_next(Shown("http://127.0.0.1:8080", "sy_a_b", True), tmp_path, Console(out), is_kept=True, starts="make up")
    assert f"export SWITCHYARD_LOCAL_KEY=$(cat '{tmp_path / 'demo-key'}')" in out.getvalue()


def test_a_stack_of_small_models_is_started_again_with_these(tmp_path: Path) -> None:
    shown = Shown("http://127.0.0.1:8080", "sy_a_b", True)
    for size, command in ((Size.SMALL, "make up MODELS=small"), (Size.ALL, "make up")):
        out = StringIO()
        say_next(shown, tmp_path, Console(out), is_kept=False, starts=starting(size))
        assert f"  {command}\n" in out.getvalue()
