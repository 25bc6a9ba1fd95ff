"""The thread that passes the messages of the native core to ``logging``."""

from __future__ import annotations

import contextlib
import logging
import traceback
from collections.abc import Callable

from dynamo_metrics import _native
from dynamo_metrics._threads.daemon import DaemonThread

LOGGER = "dynamo.runtime"


def start_log() -> None:
    """Start the thread, if it is not running."""
    _thread.start()


def join(timeout: float) -> None:
    """Wait for the thread to end, for at most ``timeout`` seconds."""
    _thread.join(timeout)


def log(logger: logging.Logger, level: int, message: str, *, exc_info: bool = False) -> None:
    """Log. What a filter or handler of the user raises must not end a thread of this package."""
    try:
        logger.log(level, message, exc_info=exc_info)
    except BaseException:  # also what ends programs: a handler may call sys.exit()
        with contextlib.suppress(BaseException):  # sys.stderr may be closed
            traceback.print_exc()


def _run(goes_on: Callable[[], bool]) -> None:
    logger = logging.getLogger(LOGGER)
    # In a child that a handler has forked, the handler's thread must not go on.
    while goes_on() and (message := _native.next_message()) is not None:
        log(logger, *message)


_thread = DaemonThread("dynamo-log", _run)
