"""Why a task is not taken, or not begun again."""

from app.errors import Refused, Unavailable


class TaskNotRequeuable(Refused):
    """The task has not ended, or ended in a way in which it would end again."""

    code = "task_not_requeuable"


class TooManyTasks(Unavailable):
    """The tenant has as many tasks that have not ended as it may; one of them must end first."""

    code = "too_many_tasks"
    retry_after_s = 30
