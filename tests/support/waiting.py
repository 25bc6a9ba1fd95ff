"""Waiting for what only another thread or process can bring about."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from dynamo.runtime import DistributedRuntime
from tests.support.client import TIMEOUT_SECONDS

_T = TypeVar("_T")


def eventually(attempt: Callable[[], _T | None], timeout: float = TIMEOUT_SECONDS) -> _T:
    """The first result that is not None, which must come."""
    deadline = time.monotonic() + timeout
    while (result := attempt()) is None:
        assert time.monotonic() < deadline, f"not within {timeout} s: {attempt}"
        time.sleep(0.02)
    return result


def until_callbacks_run() -> None:
    """Returns when the thread that all runtimes of the process share has run one more callback."""
    ran = Event()
    runtime = DistributedRuntime()
    runtime.metrics.register_callback(ran.set)
    while not ran.is_set():
        runtime.metrics.prometheus_expfmt()
    runtime.shutdown()
