"""The thread that runs user code before a scrape, and takes samples in between.

A standby thread takes over when a callback, or what it returned, occupies the thread beyond the
deadline. The replaced thread ends when that code returns.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Protocol

from dynamo_metrics import _native
from dynamo_metrics._threads.log import log_error, start_log


class Sampler(Protocol):
    """What the thread does when it wakes, besides callbacks."""

    def due_in(self) -> float:
        """Return the seconds until the next sample."""
        ...

    def woke(self, gil_wait: float) -> None:
        """Note that the thread woke and waited ``gil_wait`` seconds for the GIL; sample if due."""


_starting = threading.RLock()
_thread: threading.Thread | None = None
_has_standby = False
_sampler: Sampler | None = None
_process = 0
"""Changes in a forked child: a callback that forked must not go on waiting for work there."""


class PartialExpositionError(Exception):
    """A part of an exposition could not be made; ``text`` is the rest."""

    def __init__(self, message: str, text: str) -> None:
        """Set what is wrong with the part, and the rest."""
        super().__init__(message)
        self.text = text


def start_callbacks() -> None:
    """Start the thread, if it is not running."""
    global _thread
    if _thread is not None and _thread.is_alive():
        return
    start_log()
    with _starting:
        if _thread is None or not _thread.is_alive():
            _thread = _start(_native.take_over_jobs)


def start_sampling(sampler: Sampler) -> None:
    """Have the thread take samples from now on."""
    global _sampler
    if _sampler is None:
        _sampler = sampler
        _native.nudge_jobs()
    start_callbacks()


def _start(begin: Callable[[], bool | None]) -> threading.Thread:
    thread = threading.Thread(target=_run, args=(begin,), name="dynamo-callbacks", daemon=True)
    thread.start()
    return thread


def _start_standby() -> None:
    """Start the standby thread, which takes over when a callback occupies the main one too long."""
    global _has_standby
    if not _has_standby:
        _has_standby = True
        try:
            _start(_native.stand_by)
        except BaseException:  # no more threads, or the interpreter is finalising
            _has_standby = False


def _run(begin: Callable[[], bool | None]) -> None:
    global _has_standby, _thread
    process = _process
    takes_over = begin()
    if takes_over is False or process != _process:
        return
    if takes_over:
        _has_standby = False
        _thread = threading.current_thread()
    goes_on = True
    while goes_on and process == _process:
        # What a sample raises, or another thread sets in this one, is no reason to end.
        try:
            goes_on = _run_next()
        except BaseException as error:
            log_error("exception on the thread of metrics callbacks, which goes on", error)


def _run_next() -> bool:
    """Wait for a callback or a sample. Returns False when this thread must end.

    A function of its own, so that nothing keeps a callback alive while the thread waits.
    """
    sampler = _sampler
    woken = _native.next_job(None if sampler is None else sampler.due_in())
    if woken is None:
        return False
    job, gil_wait = woken
    if sampler is not None:
        sampler.woke(gil_wait)
    if job is not None:
        _start_standby()
        _run_job(job)
    return True


def _run_job(job: _native.Job) -> None:
    """Run a callback.

    Frees what the callback returned or raised before ``job.finish()``. Freeing may run code of the
    user; if that code hangs, another thread takes over.
    """
    succeeded = False
    try:
        _call(job)
        succeeded = True
    except PartialExpositionError as error:
        job.store(error.text)
        _log_first(job, f": {error}; its other families are shown", error)
    except BaseException as error:
        _log_first(job, " raised; it runs again at the next scrape", error)
    finally:
        job.finish(succeeded)


def _call(job: _native.Job) -> None:
    result = job.callback()
    if hasattr(result, "__await__"):
        close = getattr(result, "close", None)
        if close is not None:
            close()
        raise TypeError("it returned an awaitable, and nothing awaits it: use a plain function")
    if job.returns_text:
        job.store(_text(result))


def _log_first(job: _native.Job, what: str, error: BaseException) -> None:
    if job.is_first_failure():
        message = f"metrics callback {job.name}{what}, later exceptions are only counted"
        log_error(message, error)


def _text(result: object) -> str:
    if isinstance(result, bytes):
        return result.decode()
    if isinstance(result, str):
        result.encode()  # raises here if there are lone surrogates, not where it is passed on
        return result
    raise TypeError(
        f"it returned {type(result).__name__} and its text is to be shown: return a str, or bytes "
        "in UTF-8"
    )


def _after_fork_in_child() -> None:
    global _starting, _thread, _has_standby, _sampler, _process
    _starting, _thread, _has_standby, _sampler = threading.RLock(), None, False, None
    _process += 1


os.register_at_fork(after_in_child=_after_fork_in_child)
