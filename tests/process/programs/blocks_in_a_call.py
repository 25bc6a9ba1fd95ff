"""A call, named by the argument, of Python code that blocks until the interpreter finalises.

The interpreter then ends the thread at its next instruction: below it lies a frame of the metric's
method.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import types
from collections.abc import Iterator

from tests.programs.served import metrics

read_end, write_end = os.pipe()


def block() -> None:
    print("blocks")
    os.read(read_end, 1)


def blocking_items() -> Iterator[str]:
    block()
    yield "a"


class Callback:
    def __call__(self) -> None:
        pass

    def __getattr__(self, name: str) -> None:
        block()


class Last:
    """Deleted when the interpreter has begun to finalise."""

    def __del__(self, write=os.write, sleep=time.sleep, end=write_end) -> None:
        write(end, b"x")
        sleep(0.1)  # so that the thread gets to its next instruction before the process ends
        write(1, b"outlived it\n")


# The thread keeps the variables of this module, but not those of another.
sys.modules["other"] = types.ModuleType("other")
sys.modules["other"].last = Last()
vec = metrics.create_countervec("vec_total", "help", ["a"])
CALLS = {
    "register_callback": lambda: metrics.register_callback(Callback()),
    "with_label_values": lambda: vec.with_label_values(blocking_items()),
    "create_countervec": lambda: metrics.create_countervec("m", "help", blocking_items()),
    "create_counter": lambda: metrics.create_counter("m", "help", blocking_items()),
    "create_histogram": lambda: metrics.create_histogram("m", "help", buckets=blocking_items()),
}
threading.Thread(target=CALLS[sys.argv[1]], daemon=True).start()
input()
