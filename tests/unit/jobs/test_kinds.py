"""What a kind of job is asked."""

import pytest

from app.jobs.kinds import Kind

LETTER = Kind("letter", queue="post", subject="person", steps=("written", "sealed", "sent"))


def test_a_job_tells_only_of_steps_that_its_kind_has() -> None:
    assert [LETTER.step(step) for step in ("written", "sent")] == ["written", "sent"]
    with pytest.raises(ValueError, match="burnt is no step of letter"):
        LETTER.step("burnt")
