"""What the runtime logs."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Iterator

import pytest

from dynamo_metrics._threads.log import log_error, start_log
from tests.support.client import TIMEOUT_SECONDS


class Log:
    """What ``dynamo.runtime`` logs, from whatever thread."""

    def __init__(self) -> None:
        self._records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()

    def until(self, text: str) -> list[logging.LogRecord]:
        """The records up to the next one with this text, which must come."""
        records = []
        while not records or text not in records[-1].getMessage():
            records.append(self._records.get(timeout=TIMEOUT_SECONDS))
        return records

    def handler(self) -> logging.Handler:
        """Puts records here."""
        handler = logging.Handler()
        handler.emit = self._records.put  # type: ignore[assignment,method-assign]
        return handler


@contextlib.contextmanager
def logged() -> Iterator[Log]:
    """What is logged meanwhile, without what the thread of the log has left from before."""
    log = Log()
    handler, logger = log.handler(), logging.getLogger("dynamo.runtime")
    logger.addHandler(handler)
    try:
        start_log()
        log_error("the log begins", Exception())
        log.until("the log begins")
        yield log
    finally:
        logger.removeHandler(handler)


def logged_here(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What has been logged by the test's own thread.

    Messages of the native core come by a thread of their own, and may be of earlier tests.
    """
    return [record for record in caplog.records if record.thread == threading.get_ident()]
