"""Processes in the block of a guard: how they are, the argument says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from dynamo.vllm._guard import guarded


def start(*command: str) -> int:
    return subprocess.Popen([sys.executable, *command]).pid


def sleep() -> int:
    return start("-c", "import time; time.sleep(600)")


def one() -> None:
    with guarded():
        print(sleep())
    print("out")
    input()


def forked() -> None:
    with guarded():
        child = os.fork()
        if child == 0:
            signal.pause()
    print("out")
    os.kill(child, signal.SIGKILL)


def pauses() -> None:
    with guarded():
        print(sleep(), flush=True)
        signal.pause()


def nested() -> None:
    with guarded():
        start(__file__, "pauses")
        input()
    input()


{"one": one, "forked": forked, "pauses": pauses, "nested": nested}[sys.argv[1]]()
