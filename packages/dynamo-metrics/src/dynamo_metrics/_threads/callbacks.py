"""The thread that runs user code before a scrape, and takes samples in between."""

from __future__ import annotations

import logging
import os
import threading
from typing import Protocol

from dynamo_metrics import _native
from dynamo_metrics._threads.log import LOGGER, log, start_log


class Sampler(Protocol):
    """What the thread does when it wakes, besides callbacks."""

    def due_in(self) -> float:
        """Return the seconds until the next sample."""
        ...

    def woke(self, gil_wait: float) -> None:
        """Note that the thread woke and waited ``gil_wait`` seconds for the GIL; sample if due."""


_starting = threading.RLock()
_thread: threading.Thread | None = None
_sampler: Sampler | None = None


def start_callbacks() -> None:
    """Start the thread, if it is not running."""
    global _thread
    if _thread is not None:
        return
    start_log()
    with _starting:
        if _thread is None:
            thread = threading.Thread(target=_run, name="dynamo-callbacks", daemon=True)
            thread.start()
            _thread = thread


def start_sampling(sampler: Sampler) -> None:
    """Have the thread take samples from now on."""
    global _sampler
    if _sampler is None:
        _sampler = sampler
        _native.nudge_jobs()
    start_callbacks()


def _run() -> None:
    logger = logging.getLogger(LOGGER)
    while _run_next(logger):
        pass


def _run_next(logger: logging.Logger) -> bool:
    """Wait for a callback or a sample. Returns False when there will be no more.

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
        _call(job, logger)
    return True


def _call(job: _native.Job, logger: logging.Logger) -> None:
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
            log(
                logger,
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
        result.encode()  # raises here if there are lone surrogates, not where it is passed on
        return result
    raise TypeError(
        f"it returned {type(result).__name__} and its text is to be shown: return a str, or bytes "
        "in UTF-8"
    )


def _after_fork_in_child() -> None:
    global _starting, _thread, _sampler
    _starting, _thread, _sampler = threading.RLock(), None, None


os.register_at_fork(after_in_child=_after_fork_in_child)
