"""The TCP connection to a server; closing it is immediate. Needs nats-py."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from nats.aio.transport import TcpTransport

from dynamo import _tasks

_CLOSE_TIMEOUT = 0.5
"""Seconds that the peer may take to read what was sent before the connection is closed."""


class Transport(TcpTransport):
    """A TCP connection, with TLS or without."""

    async def connect(self, uri: Any, buffer_size: int, connect_timeout: int) -> None:
        """Connect anew: an earlier connection, if there is one, is dropped."""
        self.abort()
        opening = asyncio.ensure_future(
            asyncio.open_connection(uri.hostname, uri.port, limit=buffer_size)
        )
        try:
            reader, writer = await _tasks.within(connect_timeout, opening)
        except BaseException:
            opening.add_done_callback(_abort_opened)
            raise
        self._bare_io_reader = self._io_reader = reader
        self._bare_io_writer = self._io_writer = writer

    async def wait_closed(self) -> None:
        """Wait until all was sent; after ``_CLOSE_TIMEOUT`` the rest is dropped."""
        try:
            if self._io_writer is not None:
                with suppress(OSError, asyncio.TimeoutError):
                    await _tasks.within(_CLOSE_TIMEOUT, self._io_writer.wait_closed())
        finally:
            self.abort()

    def abort(self) -> None:
        """Close the connection at once. What was not sent yet is dropped."""
        for writer in (self._io_writer, self._bare_io_writer):
            if writer is not None:
                writer.transport.abort()

    def __bool__(self) -> bool:
        """Whether it can be used for the next connection: always."""
        return True


def _abort_opened(opening: asyncio.Future[Any]) -> None:
    """Close a connection whose opening was cancelled as it completed."""
    if not opening.cancelled() and opening.exception() is None:
        _, writer = opening.result()
        writer.transport.abort()
