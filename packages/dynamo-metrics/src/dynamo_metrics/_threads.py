"""The threads that run user code and log, and what happens to them at exit and fork.

User code runs on one daemon thread that Python creates. It waits for work in the native core,
without the GIL, and calls it from here, so that no native frame lies below user code: the
interpreter may end such a thread while it finalises. Native threads never take the GIL; what they
have to log waits for a second daemon thread. Neither imports anything: the end of the process, or a
fork, may come in the middle, and an import must not be left half done.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import traceback
from collections.abc import Callable

from dynamo_metrics import _native, _sampling

_LOGGER = "dynamo.runtime"

_starting = threading.RLock()
_callbacks: threading.Thread | None = None
_log: threading.Thread | None = None
_interval: float | None = None


def prepare_callback(callback: Callable[[], object]) -> str:
    """Refuse what cannot be a callback, start the thread for it, and return its name."""
    import inspect

    if not callable(callback):
        raise TypeError(
            f"a metrics callback must be callable, not {type(callback).__name__}: "
            f"{_shown(callback)}"
        )
    call = getattr(callback, "__call__", None)  # noqa: B004
    is_async = (inspect.iscoroutinefunction, inspect.isasyncgenfunction)
    if any(test(function) for test in is_async for function in (callback, call)):
        raise TypeError(
            f"a metrics callback must be a plain function, {_shown(callback)} is async: it runs on "
            "a thread without an event loop; let a task update the metrics instead"
        )
    start_callbacks()
    name = getattr(callback, "__qualname__", None) or _shown(callback)
    return f"{getattr(callback, '__module__', None) or '?'}.{name}"


def _shown(value: object) -> str:
    """Return ``value`` as Python shows it, but on one line and not endless: for messages."""
    longest = 100
    try:
        line = " ".join(repr(value).split())
    except Exception:
        return f"<{type(value).__name__}>"
    return line if len(line) <= longest else f"{line[:longest]}…"


def start_callbacks() -> None:
    """Start the thread that runs callbacks, if none does."""
    global _callbacks
    start_log()
    with _starting:
        if _callbacks is None:
            _callbacks = _start("dynamo-callbacks", _run_callbacks)


def start_log() -> None:
    """Start the thread that passes native messages to ``logging``, if none does."""
    global _log
    with _starting:
        if _log is None:
            _log = _start("dynamo-log", _run_log, logging.getLogger(_LOGGER))


def _start(name: str, run: Callable[..., None], *args: object) -> threading.Thread:
    thread = threading.Thread(target=run, args=args, name=name, daemon=True)
    thread.start()
    return thread


def start_sampling() -> None:
    """Have the thread that runs callbacks sample what stalls the process, from now on."""
    global _interval
    if _interval is None:
        _interval = _sampling.INTERVAL
        _native.nudge_jobs()
    start_callbacks()


def _run_callbacks() -> None:
    while (job := _native.next_job(_interval)) is not None:
        if job is False:
            _sampling.sample()
        else:
            _run(job)
        del job  # not to be kept alive while waiting


def _run(job: _native.Job) -> None:
    try:
        result = job.callback()
        if hasattr(result, "__await__"):
            close = getattr(result, "close", None)
            if close is not None:
                close()
            raise TypeError("it returned an awaitable, and nothing awaits it: use a plain function")
        text = _text(result) if job.returns_text else None
    except BaseException:
        if job.finish(succeeded=False):
            _tell(
                logging.getLogger(_LOGGER),
                logging.ERROR,
                f"metrics callback {job.name} raised; it runs again at the next scrape, later "
                "exceptions are only counted",
                exc_info=True,
            )
    else:
        job.finish(succeeded=True, text=text)


def _text(result: object) -> str:
    if isinstance(result, bytes):
        return result.decode()
    if isinstance(result, str):
        result.encode()  # raises here, and not where it is passed on, if there are lone surrogates
        return result
    raise TypeError(
        f"it returned {type(result).__name__} and its text is to be shown: return a str, or bytes "
        "in UTF-8"
    )


def _run_log(logger: logging.Logger) -> None:
    while (message := _native.next_message()) is not None:
        _tell(logger, *message)


def _tell(logger: logging.Logger, level: int, message: str, *, exc_info: bool = False) -> None:
    """Log. What a filter or handler of the user raises must not end a thread of ours."""
    try:
        logger.log(level, message, exc_info=exc_info)
    except Exception:
        traceback.print_exc()


def _at_exit() -> None:
    _native.stop_jobs()
    _native.stop_servers()
    _native.stop_messages()
    # What is left is logged, unless a handler of the user takes too long for it.
    if _log is not None:
        _log.join(0.5)


def _forget_threads() -> None:
    global _callbacks, _log, _starting, _interval
    _callbacks = _log = _interval = None
    _starting = threading.RLock()
    _sampling.after_fork_in_child()


atexit.register(_at_exit)
# Native locks and sockets have been seen to by then.
os.register_at_fork(after_in_child=_forget_threads)
