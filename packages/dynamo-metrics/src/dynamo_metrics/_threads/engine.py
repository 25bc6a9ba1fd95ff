"""The thread that takes the calls of engine routes from the status server.

Each call runs on a thread of its own, so that a slow one delays no other; the server limits their
number.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from dynamo_metrics import _native
from dynamo_metrics._threads.daemon import DaemonThread
from dynamo_metrics._threads.log import LOGGER, log, start_log


def start_engine() -> None:
    """Start the thread, if it is not running."""
    start_log()
    _thread.start()


def _run(goes_on: Callable[[], bool]) -> None:
    while goes_on() and (call := _native.next_engine_call()) is not None:
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


_thread = DaemonThread("dynamo-engine", _run)
