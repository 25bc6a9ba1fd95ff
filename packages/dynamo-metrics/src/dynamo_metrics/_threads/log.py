"""The thread that passes the messages of the native core to ``logging``."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import traceback

from dynamo_metrics import _native

LOGGER = "dynamo.runtime"

_starting = threading.RLock()
_thread: threading.Thread | None = None
_process = 0
"""Changes in a forked child."""


def start_log() -> None:
    """Start the thread, if it is not running."""
    global _thread
    if _thread is not None and _thread.is_alive():
        return
    with _starting:
        if _thread is None or not _thread.is_alive():
            logger = logging.getLogger(LOGGER)
            thread = threading.Thread(target=_run, args=(logger,), name="dynamo-log", daemon=True)
            thread.start()
            _thread = thread


def join(timeout: float) -> None:
    """Wait for the thread to end, for at most ``timeout`` seconds."""
    if _thread is not None:
        _thread.join(timeout)


def log(logger: logging.Logger, level: int, message: str, *, exc_info: bool = False) -> None:
    """Log. What a filter or handler of the user raises must not end a thread of this package."""
    try:
        logger.log(level, message, exc_info=exc_info)
    except BaseException:  # also what ends programs: a handler may call sys.exit()
        with contextlib.suppress(BaseException):  # sys.stderr may be closed
            traceback.print_exc()


def _run(logger: logging.Logger) -> None:
    process = _process
    # In a child that a handler has forked, the handler's thread must not go on.
    while process == _process and (message := _native.next_message()) is not None:
        log(logger, *message)


def _after_fork_in_child() -> None:
    global _starting, _thread, _process
    _starting, _thread = threading.RLock(), None
    _process += 1


os.register_at_fork(after_in_child=_after_fork_in_child)
