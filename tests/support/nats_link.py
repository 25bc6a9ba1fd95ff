"""A link to a NATS server that can hold up what a client sends, from a chosen command on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.nats import NatsServer


class NatsLink:
    """Passes on, line by line, all that goes between clients and a server."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.held = asyncio.Event()
        """Set when something is held up."""
        self._command: bytes | None = None
        self._passing = 0
        self._clients: list[asyncio.StreamWriter] = []
        self._received = bytearray()
        self._released = asyncio.Event()

    def hold(self, command: str, passing: int = 0) -> None:
        """From the next such command on, after ``passing`` others, holds up what clients send."""
        self._command = command.encode()
        self._passing = passing

    def release(self) -> None:
        """Passes on what was held up, and all that comes."""
        self._command = None
        self._released.set()

    def came(self, subject: str) -> int:
        """How many messages of a subject the server has sent through here."""
        return self._received.count(f"MSG {subject} ".encode())

    def tell_clients(self, line: str) -> None:
        """Sends a line of NATS' protocol to all clients, as the server would."""
        for client in self._clients:
            client.write(line.encode() + b"\r\n")

    async def up(self, client: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        """Passes on what a client sends."""
        # Bodies that contain the end of a line are lines as well, and each has such an end.
        while line := await client.readline():
            if self._command is not None and line.split()[:1] == [self._command]:
                self._passing -= 1
                if self._passing < 0:
                    self.held.set()
                    await self._released.wait()
            server.write(line)
            await server.drain()

    async def down(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        """Passes on what the server sends."""
        self._clients.append(client)
        while data := await server.read(2**16):
            client.write(data)
            await client.drain()
            self._received += data


@asynccontextmanager
async def link_to(nats: NatsServer) -> AsyncIterator[NatsLink]:
    """Has a link to a server meanwhile; what uses it must have ended before."""
    host, _, port = nats.url.rpartition("//")[2].partition(":")
    connections: set[asyncio.Task[None]] = set()

    async def connected(client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        server, there = await asyncio.open_connection(host, int(port), limit=2**20)
        try:
            ways = [
                asyncio.create_task(link.up(client, there)),
                asyncio.create_task(link.down(server, back)),
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        finally:
            there.close()
            back.close()

    def on_connection(client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        connections.add(asyncio.create_task(connected(client, back)))

    listening = await asyncio.start_server(on_connection, "127.0.0.1", 0, limit=2**20)
    link = NatsLink(f"nats://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
    try:
        yield link
    finally:
        link.release()
        listening.close()
        if connections:
            await asyncio.wait(connections)
