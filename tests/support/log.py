"""What the runtime logs."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Iterator

import pytest

from tests.support.client import TIMEOUT_SECONDS


class Log:
    """What ``dynamo.runtime`` logs, from whatever thread."""

    def __init__(self) -> None:
        self._records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()

    def until(self, text: str) -> list[logging.LogRecord]:
        """The records up to the next one with this text, which must come.

        Those before it may be of earlier tests: native messages come by a thread of their own.
        """
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
    """What is logged meanwhile."""
    log = Log()
    handler, logger = log.handler(), logging.getLogger("dynamo.runtime")
    logger.addHandler(handler)
    try:
        yield log
    finally:
        logger.removeHandler(handler)


def logged_here(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What has been logged by the test's own thread.

    Messages of the native core come by a thread of their own, and may be of earlier tests.
    """
    return [record for record in caplog.records if record.thread == threading.get_ident()]
