"""The demonstration: real questions to a real stack, and what each answer took."""

import os
import sys
from collections.abc import Sequence

from ops.local.commands import up
from ops.local.console import Console


def main(arguments: Sequence[str]) -> int:
    """Start the stack if it does not run; returns the exit status. Raises LocalProblem."""
    del arguments
    return up(os.environ, Console(sys.stdout), is_system=False, is_foreground=False)
