"""The protocol of NATS, as a server speaks it. Needs nats-py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nats.errors import ProtocolError

if TYPE_CHECKING:
    from nats.aio.client import Client

_CRLF = b"\r\n"
_MAX_LINE_BYTES = 1 << 20
"""Limit of a line: INFO lists all servers of a cluster."""


class Parser:
    """Takes what a server sends apart, and hands it to the client of nats-py.

    nats-py's own parser has other separators than the server: a subject with a form feed, which any
    client may publish to, ends the connection.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self.reset()

    def reset(self) -> None:
        """Begin anew, with another connection."""
        self._buffer = bytearray()
        self._message: tuple[bytes, int, bytes, int, int] | None = None

    async def parse(self, data: bytes = b"") -> None:
        """Handle what has arrived. Raises ``ProtocolError``."""
        self._buffer += data
        while True:
            handled = await (self._take_line() if self._message is None else self._take_body())
            if not handled:
                return

    async def _take_line(self) -> bool:
        buffer = self._buffer
        end = buffer.find(_CRLF)
        if end < 0:
            if len(buffer) > _MAX_LINE_BYTES:
                raise ProtocolError(f"a line has more than {_MAX_LINE_BYTES} bytes")
            return False
        line = bytes(buffer[:end])
        del buffer[: end + len(_CRLF)]
        name, _, rest = line.replace(b"\t", b" ").partition(b" ")
        client: Any = self._client
        operation = name.upper()
        if operation in (b"MSG", b"HMSG"):
            self._message = _message(rest.split(b" "), headers=operation == b"HMSG")
        elif operation == b"PING":
            await client._process_ping()
        elif operation == b"PONG":
            await client._process_pong()
        elif operation == b"-ERR":
            await client._process_err(rest.decode("utf-8", "replace").strip().lower())
        elif operation == b"INFO":
            await client._process_info(_info(rest))
        elif operation != b"+OK":
            raise ProtocolError(f"the operation {name[:20]!r} is not known")
        return True

    async def _take_body(self) -> bool:
        assert self._message is not None
        subject, sid, reply, header_bytes, total_bytes = self._message
        buffer = self._buffer
        if len(buffer) < total_bytes + len(_CRLF):
            return False
        headers = bytes(buffer[:header_bytes])
        body = bytes(buffer[header_bytes:total_bytes])
        del buffer[: total_bytes + len(_CRLF)]
        self._message = None
        client: Any = self._client
        await client._process_msg(sid, subject, reply, body, headers)
        return True


def _message(fields: list[bytes], *, headers: bool) -> tuple[bytes, int, bytes, int, int]:
    """Read ``<subject> <sid> [reply] [header bytes] <total bytes>``."""
    fields = [field for field in fields if field]
    sizes = 2 if headers else 1
    try:
        subject, sid, *reply = fields[:-sizes]
        header_bytes, total_bytes = int(fields[-2]) if headers else 0, int(fields[-1])
        if len(reply) > 1 or not 0 <= header_bytes <= total_bytes:
            raise ValueError
        return subject, int(sid), reply[0] if reply else b"", header_bytes, total_bytes
    except (ValueError, IndexError):
        raise ProtocolError(f"not a message: {b' '.join(fields)[:100]!r}") from None


def _info(text: bytes) -> dict[str, Any]:
    try:
        info = json.loads(text)
    except (ValueError, RecursionError):
        info = None
    if not isinstance(info, dict):
        raise ProtocolError("INFO is not a JSON object")
    return info
