"""Why a task is not begun again."""

from app.errors import Refused


class TaskNotRequeuable(Refused):
    """The task has not ended, or ended in a way in which it would end again."""

    code = "task_not_requeuable"
