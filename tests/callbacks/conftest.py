from __future__ import annotations

import logging
import queue
from collections.abc import Iterator

import pytest

from tests.support.client import PATIENCE


class Log:
    """What ``dynamo.runtime`` logs, from whatever thread."""

    def __init__(self) -> None:
        self._records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()

    def next(self) -> logging.LogRecord:
        """The next record, which must come."""
        return self._records.get(timeout=PATIENCE)

    def handler(self) -> logging.Handler:
        """Puts records here."""
        handler = logging.Handler()
        handler.emit = self._records.put  # type: ignore[method-assign]
        return handler


@pytest.fixture
def log() -> Iterator[Log]:
    """What is logged during the test."""
    log = Log()
    handler, logger = log.handler(), logging.getLogger("dynamo.runtime")
    logger.addHandler(handler)
    yield log
    logger.removeHandler(handler)
