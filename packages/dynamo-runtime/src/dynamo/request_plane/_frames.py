"""The frames of planes between processes: one byte for the kind, then the content.

The first frame of a request is a JSON object and a line feed, then the body or its first chunk.

| from the worker | content |
|---|---|
| ``A`` the request is taken | |
| ``I`` an item, or its last part | bytes |
| ``P`` a part of an item | bytes |
| ``E`` the end of the answer | |
| ``!`` the answer ends with an error, or the request is refused | JSON |

| from the client | content |
|---|---|
| ``C`` a chunk of the body | bytes |
| ``X`` the request is cancelled | |

| from both | content |
|---|---|
| ``+`` credits: the number of frames that may be sent in addition | decimal |
| ``K`` keepalive | |
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from dynamo.request_plane._errors import RequestError, from_wire

ACCEPTED = b"A"
ITEM = b"I"
PART = b"P"
END = b"E"
ERROR = b"!"
CHUNK = b"C"
CANCEL = b"X"
CREDIT = b"+"
KEEPALIVE = b"K"

VERSION = 1
MAX_BODY_BYTES = 1 << 30
"""Limit of a request: the worker holds all of it before the handler sees any."""


class Opening(NamedTuple):
    """The first frame of a request."""

    id: str
    size: int
    first: bytes


class BadFrameError(Exception):
    """Bytes that are not a frame. The text says why."""


def opening(request_id: str, size: int, first: bytes) -> bytes:
    """Return the first frame of a request whose body has ``size`` bytes, ``first`` among them."""
    head = json.dumps({"v": VERSION, "id": request_id, "size": size}, separators=(",", ":"))
    return b"%s\n%s" % (head.encode(), first)


def parse_opening(data: bytes) -> Opening:
    """Read the first frame of a request. Raises ``BadFrameError``."""
    head, separator, first = data.partition(b"\n")
    try:
        fields: Any = json.loads(head)
        version, request_id, size = fields["v"], fields["id"], fields["size"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise BadFrameError("not a request: see the frames of dynamo.request_plane") from None
    if version != VERSION:
        raise BadFrameError(f"protocol version {version!r} is not known: use {VERSION}")
    if not (separator and _is_text(request_id) and type(size) is int):
        raise BadFrameError("the head of the request has the wrong types")
    if not len(first) <= size <= MAX_BODY_BYTES:
        raise BadFrameError(f"a body of {size} bytes is refused: the limit is {MAX_BODY_BYTES}")
    return Opening(request_id, size, first)


def error(failure: RequestError) -> bytes:
    """Return the frame of an error."""
    return ERROR + json.dumps(failure.to_wire()).encode()


def _is_text(value: Any) -> bool:
    """Whether it is a ``str`` that UTF-8 can hold: logs and headers carry it on."""
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False


def parse_error(content: bytes) -> RequestError:
    """Read the content of an error frame."""
    try:
        return from_wire(json.loads(content))
    except (ValueError, RecursionError):
        return from_wire(None)


def credit(count: int) -> bytes:
    """Return the frame that gives the peer ``count`` more credits."""
    return CREDIT + b"%d" % count


def parse_credit(content: bytes) -> int:
    """Read the credits of a frame: 0 for anything but a number."""
    return int(content) if content.isdigit() and len(content) < 10 else 0


def parts(body: bytes, size: int) -> list[bytes]:
    """Cut a body into chunks of at most ``size`` bytes: an empty body is one empty chunk."""
    if len(body) <= size:
        return [body]
    return [body[start : start + size] for start in range(0, len(body), size)]
