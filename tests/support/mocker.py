"""The mocker as a process."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from tests.support.process import Worker

OVERLOADED = (
    *("--model", "mock-8b", "--load", "100", "--speedup", "20"),
    *("--num-gpu-blocks", "256", "--max-model-len", "4000"),
)
"""Arguments of one with more to do than it can: requests wait, and are preempted."""

Start = Callable[..., Worker]


@contextlib.contextmanager
def mockers() -> Iterator[Start]:
    """Starts mockers, with arguments and settings, that end with the block at the latest."""
    with contextlib.ExitStack() as started:

        def start(*arguments: str, **settings: str) -> Worker:
            served = {"DYN_SYSTEM_PORT": "0", "DYN_SYSTEM_HOST": "127.0.0.1", **settings}
            worker = Worker([sys.executable, "-m", "dynamo.mocker", *arguments], served)
            started.callback(worker.close)
            return worker

        yield start


def address_of(worker: Worker) -> str:
    """Where a mocker shows its metrics: the first line that it prints."""
    return worker.line().removeprefix("metrics: http://").removesuffix("/metrics")
