"""What sending a request can come to, the same for each protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Accepted:
    """The receiver has the request, without some data points if it rejected any."""

    rejected: int = 0
    message: str = ""


class RetryableError(Exception):
    """The request may be accepted later; ``after`` is when, in seconds, if the receiver says so."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class RefusedError(Exception):
    """The receiver does not accept the request, now or later."""


class Sender(Protocol):
    """A connection to the receiver, for one export."""

    def send(self, request: bytes, timeout: float) -> Accepted:
        """Send one request.

        Raises ``RetryableError`` or ``RefusedError``.
        """
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


def accepted(response: bytes) -> Accepted:
    """Read an ``ExportMetricsServiceResponse``: the number of rejected data points, and why."""
    partial = _field(response, 1)
    if not isinstance(partial, bytes):
        return Accepted()
    rejected, message = _field(partial, 1), _field(partial, 2)
    return Accepted(
        rejected if isinstance(rejected, int) else 0,
        message.decode(errors="replace") if isinstance(message, bytes) else "",
    )


def retry_delay(status: bytes) -> float | None:
    """Read the delay of a ``RetryInfo`` in a ``google.rpc.Status``, in seconds."""
    detail = _field(status, 3)
    if not isinstance(detail, bytes) or not str(_field(detail, 1)).endswith("RetryInfo'"):
        return None
    info = _field(detail, 2)
    delay = _field(info, 1) if isinstance(info, bytes) else None
    if not isinstance(delay, bytes):
        return None
    seconds, nanos = (_field(delay, number) or 0 for number in (1, 2))
    return float(seconds) + float(nanos) / 1e9


_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def _field(message: bytes, wanted: int) -> int | bytes | None:
    """Return the last value of a field of a protobuf message; None if it is missing or torn."""
    found: int | bytes | None = None
    at = 0
    try:
        while at < len(message):
            key, at = _varint(message, at)
            value: int | bytes
            if key & 7 == _VARINT:
                value, at = _varint(message, at)
            elif key & 7 == _BYTES:
                length, at = _varint(message, at)
                value, at = message[at : at + length], at + length
            else:
                length = {_FIXED64: 8, _FIXED32: 4}[key & 7]
                value, at = message[at : at + length], at + length
            if key >> 3 == wanted:
                found = value
    except (IndexError, KeyError):
        return None
    return found


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
