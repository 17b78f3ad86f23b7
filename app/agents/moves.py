"""Which statement makes each move of a run's life."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import LiteralString

from app.agents import run_rows, task_rows
from app.agents.life import Move

STATEMENTS: Mapping[Move, LiteralString] = MappingProxyType(
    {
        Move.ACCEPT: run_rows.INSERT_RUN,
        Move.SUBMIT: task_rows.SUBMIT,
        Move.TAKE_OVER: run_rows.TAKE_OVER,
        Move.HAND_OVER: run_rows.HAND_OVER,
        Move.BEGIN_AGAIN: run_rows.BEGIN_AGAIN,
        Move.REQUEUE: task_rows.REQUEUE,
        Move.WAIT: run_rows.WAIT,
        Move.ANSWER: run_rows.ANSWER,
        Move.RESUME: run_rows.RESUME,
        Move.WITHDRAW: run_rows.WITHDRAW,
        Move.EXPIRE: run_rows.EXPIRE,
        Move.FINISH: run_rows.END,
        Move.REFUSE: run_rows.END,
        Move.FAIL: run_rows.END,
        Move.CANCEL: run_rows.END,
        Move.GIVE_UP: run_rows.END,
    }
)
"""What makes each move."""
