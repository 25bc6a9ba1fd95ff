"""The log of a program, as programs written for Dynamo set it up.

    from dynamo.runtime.logging import configure_dynamo_logging

    configure_dynamo_logging()

``DYN_LOG`` is a level or a list: ``info``, or ``warn,dynamo.runtime=debug,vllm=error``. Levels are
``trace``, ``debug``, ``info``, ``warn``, ``error`` and ``off``. A name is that of a logger, and
counts for those below it; ``::`` is read as a dot. With ``DYN_LOGGING_JSONL`` each record is a
line of JSON; a record of a handler has the ``request_id``, ``trace_id`` and ``span_id`` of its
request.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from dynamo._requests import CURRENT
from dynamo._settings import LOG, LOGGING_JSONL

if TYPE_CHECKING:
    _StreamHandler = logging.StreamHandler[Any]
else:
    _StreamHandler = logging.StreamHandler  # takes no type before Python 3.11

TRACE = 5
_OFF = logging.CRITICAL + 10
_LEVELS = {
    "trace": TRACE,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "off": _OFF,
}
_WORDS = {number: word.upper() for word, number in _LEVELS.items() if word != "warning"}


def configure_dynamo_logging(
    service_name: str | None = None, worker_id: int | str | None = None
) -> None:
    """Have all loggers write to stderr, with the levels of ``DYN_LOG``.

    Replaces what an earlier call, or ``logging.basicConfig()``, has set up. JSON lines also have
    ``service_name`` and ``worker_id``, if given. Raises ``ValueError`` for a bad setting.
    """
    levels = _parse(LOG.read())
    handler = _Handler()
    handler.setFormatter(
        _JsonLines(service_name, worker_id) if LOGGING_JSONL.read() else _Text(service_name)
    )
    logging.addLevelName(TRACE, "TRACE")
    root = logging.getLogger()
    for known in list(root.handlers):
        if type(known) in (_Handler, logging.StreamHandler):
            root.removeHandler(known)
    root.addHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name or None).setLevel(level)


class _Handler(_StreamHandler):
    """Writes to what ``sys.stderr`` is at the time."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)


class _Text(logging.Formatter):
    def __init__(self, service_name: str | None) -> None:
        super().__init__()
        self._service = f"{service_name}: " if service_name else ""

    def format(self, record: logging.LogRecord) -> str:
        level = _word(record)
        line = f"{_time(record)} {level:>5} {self._service}{record.name}: {record.getMessage()}"
        return "\n".join([line, *self._more(record)])

    def _more(self, record: logging.LogRecord) -> list[str]:
        more = [self.formatException(record.exc_info)] if record.exc_info else []
        return [*more, record.stack_info] if record.stack_info else more


class _JsonLines(_Text):
    def __init__(self, service_name: str | None, worker_id: int | str | None) -> None:
        super().__init__(None)
        given = {"service_name": service_name, "worker_id": worker_id}
        self._fixed = {name: value for name, value in given.items() if value is not None}

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "time": _time(record),
            "level": _word(record),
            "target": record.name,
            "message": record.getMessage(),
            "file": record.pathname,
            "line": record.lineno,
            **self._fixed,
        }
        if (request := CURRENT.get()) is not None:
            fields["request_id"] = request.id()
            if request.trace_id is not None:
                fields["trace_id"], fields["span_id"] = request.trace_id, request.span_id
        if more := self._more(record):
            fields["exception"] = "\n".join(more)
        return json.dumps(fields, ensure_ascii=False, default=str)


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, timezone.utc)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _word(record: logging.LogRecord) -> str:
    return _WORDS.get(record.levelno, record.levelname)


def _parse(text: str) -> dict[str, int]:
    """Return the level of each logger; that of the root, info unless set, has the name ``""``."""
    levels = {"": logging.INFO}
    for part in text.split(","):
        name, equals, word = part.strip().rpartition("=")
        if not equals and not word:
            continue
        level = _LEVELS.get(word.strip().lower())
        if level is None:
            raise LOG.refuse(
                text,
                "has a level that is not known",
                "trace, debug, info, warn, error or off, or a list such as info,dynamo=debug",
            )
        levels[name.strip().replace("::", ".")] = level
    return levels
