"""What the evaluation of retrieval says, and when it fails."""

import pytest

from app.retrieval.evaluation.gate import Verdict as Gate
from app.retrieval.evaluation.gate import judge
from app.retrieval.evaluation.golden import Golden
from app.retrieval.evaluation.measures import Among, Row, Seen, row_of
from app.retrieval.evaluation.report import Report
from ops.verify.evidence import Verdict
from ops.verify.retrieval import outcome

GOLDEN = Golden(id="plates", question="How many plates?", documents=("kiln.pdf",), pages=(3,), half="kept")


def found_on(page: int, among: Among) -> Row:
    """What came of the question where a passage of that page was found."""
    return row_of(GOLDEN, among, [Seen("kiln.pdf", page, "48 plates", 0.7)])


def report(*pages: int) -> Report:
    """A report of the question, asked of all documents and of its own."""
    rows = tuple(found_on(page, among) for among, page in zip(Among, pages, strict=True))
    return Report(questions="digest", k=5, rows=rows)


SAME, WORSE = judge(report(3, 3), report(3, 3)), judge(report(3, 3), report(2, 2))


@pytest.mark.parametrize(("same", "worse"), [(WORSE, WORSE), (SAME, SAME)])
def test_a_gate_that_is_shut_or_open_whatever_comes_fails(same: Gate, worse: Gate) -> None:
    assert outcome({"samples": report(3, 3)}, same, worse).verdict is Verdict.FAILED


def test_filings_are_told_beside_their_goals_and_without_them_it_is_said_how_to_ask() -> None:
    assert "SWITCHYARD_VERIFY_FILINGS" in outcome({"samples": report(3, 3)}, SAME, WORSE).line
    told = outcome({"samples": report(3, 3), "filings": report(3, 2)}, SAME, WORSE)
    assert told.verdict is Verdict.HELD
    assert told.line == "page hit@5 of the filings: all 1.000 (goal 0.50), named 0.000 (goal 0.65)"
