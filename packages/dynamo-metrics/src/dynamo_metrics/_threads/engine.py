"""The thread that takes the calls of engine routes from the status server.

Each call runs on a thread of its own, so that a slow one delays no other; the server limits their
number.
"""

from __future__ import annotations

import logging
import os
import threading

from dynamo_metrics import _native
from dynamo_metrics._threads.log import LOGGER, log, start_log

_starting = threading.RLock()
_thread: threading.Thread | None = None
_process = 0
"""Changes in a forked child."""


def start_engine() -> None:
    """Start the thread, if it is not running."""
    global _thread
    if _thread is not None and _thread.is_alive():
        return
    start_log()
    with _starting:
        if _thread is None or not _thread.is_alive():
            thread = threading.Thread(target=_run, name="dynamo-engine", daemon=True)
            thread.start()
            _thread = thread


def _run() -> None:
    process = _process
    while process == _process and (call := _native.next_engine_call()) is not None:
        name = f"dynamo-engine-{call.name}"
        try:
            threading.Thread(target=_answer, args=(call,), name=name, daemon=True).start()
        except RuntimeError as error:  # no more threads, or the interpreter is finalising
            call.respond(succeeded=False, text=str(error))
        del call  # its handler must not live on while this thread waits


def _answer(call: _native.EngineCall) -> None:
    try:
        text = call.handler(call.body)
    except BaseException as error:
        call.respond(succeeded=False, text=str(error) or type(error).__name__)
        message = f"the handler of POST /engine/{call.name} raised"
        log(logging.getLogger(LOGGER), logging.ERROR, message, exc_info=True)
    else:
        call.respond(succeeded=True, text=text)


def _after_fork_in_child() -> None:
    global _starting, _thread, _process
    _starting, _thread = threading.RLock(), None
    _process += 1


os.register_at_fork(after_in_child=_after_fork_in_child)
