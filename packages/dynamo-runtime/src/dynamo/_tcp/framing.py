"""Frames on a connection: a header, then the content.

The header is the number of bytes after the number of the stream, the number of the stream, and the
kind of the frame, one byte: network byte order, 4, 8 and 1 bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

CHUNK_BYTES = 256 * 1024
"""Bytes of a body in one frame."""
MAX_FRAME_BYTES = CHUNK_BYTES + 64 * 1024
"""Limit of a frame. A peer that announces a longer one is disconnected."""

_HEADER = struct.Struct("!IQc")
_KIND = 1

header = _HEADER.pack
"""``header(1 + len(content), stream, kind)``"""


class BadFramingError(Exception):
    """Bytes that are not frames. The text says why."""


class Splitter:
    """Cuts what arrives into frames, and keeps at most one incomplete frame."""

    __slots__ = ("_needed", "_on_frame", "_rest")

    def __init__(self, on_frame: Callable[[int, bytes, bytes], None]) -> None:
        """Have ``on_frame(stream, kind, content)`` called for each frame."""
        self._on_frame = on_frame
        self._rest = bytearray()
        self._needed = _HEADER.size

    def feed(self, data: bytes) -> None:
        """Split received bytes into frames. Raises ``BadFramingError``."""
        rest = self._rest
        if rest:
            rest += data
            if len(rest) < self._needed:
                return
            data = bytes(rest)
            rest.clear()
        on_frame, unpack, head = self._on_frame, _HEADER.unpack_from, _HEADER.size
        position, end = 0, len(data)
        self._needed = head
        while end - position >= head:
            size, stream, kind = unpack(data, position)
            if not _KIND <= size <= MAX_FRAME_BYTES:
                raise BadFramingError(
                    f"a frame of {size} bytes is refused: the limit is {MAX_FRAME_BYTES}"
                )
            after = position + head - _KIND + size
            if after > end:
                self._needed = after - position
                break
            on_frame(stream, kind, data[position + head : after])
            position = after
        if position < end:
            rest += data[position:] if position else data
