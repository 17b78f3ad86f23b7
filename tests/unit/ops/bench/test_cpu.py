"""CPU time from /proc."""

import os
import time

from ops.bench import cpu


def test_a_process_is_in_its_own_tree_and_in_its_parents() -> None:
    assert os.getpid() in cpu.descendants(os.getpid())
    assert os.getpid() in cpu.descendants(os.getppid())


def test_the_time_of_a_tree_has_the_time_of_its_root() -> None:
    before = time.process_time()
    used = cpu.tree_s(os.getpid())
    assert used >= before > 0
    assert cpu.tree_s(os.getpid()) > used


def test_a_process_that_is_gone_has_used_nothing() -> None:
    # Process ids end at 2**22 (proc(5)).
    assert cpu.tree_s(2**22 + 1) == 0.0
