"""The frames of the NATS plane: one byte that says what it is, then its content.

A request is published to ``<address>.new``, with the client's own subject for it as the reply
subject: a JSON object and a line feed, then the body or its first chunk. The worker numbers it, and
further frames of the client go to ``<address>.<number>``, which is the reply subject of all frames
of the worker. Until a client knows that number it asks at ``<address>.alive`` whether the worker is
there. Whoever publishes to a side that is gone gets NATS' "no responders" on the reply subject.

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
| ``X`` nobody waits any more | |

| from both | content |
|---|---|
| ``+`` so many frames more may be sent | decimal |
| ``K`` still here | |
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
ALIVE = b"K"

VERSION = 1
LARGEST_BODY = 1 << 30
"""Bytes that a request may have: the worker holds them all before the handler sees any."""


class Opening(NamedTuple):
    """The first frame of a request."""

    id: str
    size: int
    first: bytes


class BadFrameError(Exception):
    """Bytes that are no frame. The text says why."""


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
        raise BadFrameError("this is no request: see the frames of dynamo.request_plane") from None
    if version != VERSION:
        raise BadFrameError(f"version {version!r} of the protocol is not known: use {VERSION}")
    if not (separator and isinstance(request_id, str) and type(size) is int):
        raise BadFrameError("the head of the request has the wrong types")
    if not len(first) <= size <= LARGEST_BODY:
        raise BadFrameError(f"a body of {size} bytes is refused: at most {LARGEST_BODY} are taken")
    return Opening(request_id, size, first)


def error(failure: RequestError) -> bytes:
    """Return the frame that tells of a failure."""
    return ERROR + json.dumps(failure.to_wire()).encode()


def parse_error(content: bytes) -> RequestError:
    """Read what a frame tells of a failure."""
    try:
        return from_wire(json.loads(content))
    except (ValueError, RecursionError):
        return from_wire(None)


def credit(count: int) -> bytes:
    """Return the frame that lets the other side send ``count`` more frames."""
    return CREDIT + b"%d" % count


def parse_credit(content: bytes) -> int:
    """Read how many frames more may be sent: 0 if that is no number."""
    return int(content) if content.isdigit() and len(content) < 10 else 0


def parts(body: bytes, size: int) -> list[bytes]:
    """Cut a body into chunks of at most ``size`` bytes: one empty one if it is empty."""
    if len(body) <= size:
        return [body]
    return [body[start : start + size] for start in range(0, len(body), size)]
