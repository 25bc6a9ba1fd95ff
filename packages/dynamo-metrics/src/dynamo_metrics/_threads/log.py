"""The thread that passes messages of the native core and failures of callbacks to ``logging``.

A handler of the user that hangs blocks this thread, and no other.
"""

from __future__ import annotations

import contextlib
import logging
import os
import traceback
from collections import deque
from collections.abc import Callable

from dynamo_metrics import _native
from dynamo_metrics._threads.daemon import DaemonThread

LOGGER = "dynamo.runtime"

_errors: deque[tuple[str, BaseException]] = deque(maxlen=256)
"""Exceptions to log, with the message. When it is full, the oldest is dropped."""


def start_log() -> None:
    """Start the thread, if it is not running."""
    _thread.start()


def join(timeout: float) -> None:
    """Wait for the thread to end, for at most ``timeout`` seconds."""
    _thread.join(timeout)


def log_error(message: str, error: BaseException) -> None:
    """Have the thread log an exception."""
    _errors.append((message, error))
    _native.nudge_messages()


def log(
    logger: logging.Logger,
    level: int,
    message: str,
    *,
    exc_info: bool | BaseException = False,
) -> None:
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
        level, text = message
        if text:
            log(logger, level, text)
        else:
            _log_errors(logger, goes_on)


def _log_errors(logger: logging.Logger, goes_on: Callable[[], bool]) -> None:
    while goes_on() and _errors:
        text, error = _errors.popleft()
        log(logger, logging.ERROR, text, exc_info=error)


os.register_at_fork(after_in_child=_errors.clear)
_thread = DaemonThread("dynamo-log", _run)
