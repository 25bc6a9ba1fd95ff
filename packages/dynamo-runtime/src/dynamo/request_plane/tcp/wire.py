"""The requests on one connection, in both directions."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Protocol

from dynamo._tcp import Connection

REQUEST = b"R"
"""The kind of the first frame of a request."""


class End(Protocol):
    """One end of a request."""

    def take_frame(self, kind: bytes, content: bytes) -> None:
        """Handle what the other end has sent."""
        ...

    def on_lost(self, *, broken: bool) -> None:
        """Handle the end of the connection: ``broken`` is False if the peer closed it, or died."""
        ...


class Wire:
    """Brings the frames of one connection to the requests that they belong to."""

    def __init__(
        self, connection: Connection, on_request: Callable[[Wire, int, bytes], None]
    ) -> None:
        """Have ``on_request(wire, stream, content)`` called for the first frame of a request."""
        self.connection = connection
        self.post = connection.post
        self.post_urgent = connection.post_urgent
        self.ends: dict[int, End] = {}
        self._on_request = on_request
        self._parity = 1 if connection.is_dialler else 0
        self._numbers = itertools.count(2 + self._parity, 2)

    def add(self, end: End) -> int:
        """Enter a request of this side; return its number."""
        number = next(self._numbers)
        self.ends[number] = end
        return number

    def take_frame(self, stream: int, kind: bytes, content: bytes) -> None:
        """Handle a frame. One for a request that has ended, or was never there, is ignored."""
        end = self.ends.get(stream)
        if end is not None:
            end.take_frame(kind, content)
        elif kind == REQUEST and stream & 1 != self._parity:
            self._on_request(self, stream, content)

    def on_lost(self, *, broken: bool) -> None:
        """Tell the requests of both directions."""
        ends, self.ends = self.ends, {}
        for end in ends.values():
            end.on_lost(broken=broken)
