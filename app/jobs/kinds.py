"""What jobs of one kind have in common."""

import msgspec


class Kind(msgspec.Struct, frozen=True):
    """A kind of job, as the part of the product declares it whose work it is.

    `queue` is where workers look for it, and the name of their task there. `subject` is what its subject's id is called
    in log lines. A job begins at the first of `steps` and names one of them whenever it tells how far it is. Nobody
    `may_cancel` jobs that the installation makes for itself: it would only make them again.
    """

    name: str
    queue: str
    subject: str
    steps: tuple[str, ...]
    may_cancel: bool = True
    is_urgent: bool = True
    """Whether somebody waits: workers take errands of other kinds when there are none of these."""

    def step(self, step: str) -> str:
        """Return the step. Raises ValueError for one that the kind has not."""
        if step not in self.steps:
            raise ValueError(f"{step} is no step of {self.name}")
        return step
