"""A callback that forks, whose child returns from the callback, or raises."""

from __future__ import annotations

import os
import sys

from tests.programs.served import metrics


@metrics.register_callback
def forks() -> None:
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        print("ended", os.waitstatus_to_exitcode(status), flush=True)
    elif sys.argv[1] == "raise":
        raise KeyError


print("ready")
input()
