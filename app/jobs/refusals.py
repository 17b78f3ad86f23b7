"""Why a job is not cancelled, or not followed."""

from app.errors import Refused, Unavailable


class JobNotCancellable(Refused):
    """The job has ended, or is one of the installation's own, which it would only make again."""

    code = "job_not_cancellable"


class FollowersFull(Unavailable):
    """As many as may follow jobs here do; ask the job itself meanwhile, or follow it later."""

    code = "followers_full"
    retry_after_s = 5
