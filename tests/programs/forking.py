"""Two metrics, and children that show whether they could use them.

A child ends with 0 if what it does raises nothing.
"""

from __future__ import annotations

import os
import traceback
import warnings
from collections.abc import Callable

from tests.programs.served import metrics

warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)

counter = metrics.create_intcounter("counted_total", "help")
vec = metrics.create_intcountervec("vec_total", "help", ["a"])
counter.inc()


def fork(child: Callable[[], object]) -> int:
    """Run a function in a child, and return its process id."""
    pid = os.fork()
    if not pid:
        code = 1
        try:
            child()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return pid


def ended(pid: int) -> int:
    """Wait for a child, and return its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
