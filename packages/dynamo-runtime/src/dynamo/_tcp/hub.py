"""The listening socket and the connections of one event loop."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
from collections.abc import Callable
from urllib.parse import quote

from dynamo import _fork, _tasks
from dynamo._settings import POD_IP, TCP_RPC_HOST
from dynamo._tcp import handshake
from dynamo._tcp.address import Address, is_loopback, own_loopback
from dynamo._tcp.connection import Connection, Session

_CONNECT_TIMEOUT = 5.0
"""Seconds that the host of a worker may take to accept a connection."""
CLOSE_TIMEOUT = 0.5
"""Seconds that peers have, at the end, to read what was sent to them."""
_BACKLOG = 1024
_MAX_STRANGERS = 128
"""Connections that have not proved yet that they have the key; the oldest one goes."""
_KEY_BYTES = 32
_ANYWHERE = "192.0.2.1"
"""An address of RFC 5737, outside of every network, that shows which way leads out."""

_log = logging.getLogger("dynamo.runtime")


class Hub:
    """One connection to each other hub, whichever of the two opened it."""

    def __init__(self, session_of: Callable[[Connection], Session]) -> None:
        """Give each connection the session that ``session_of`` returns."""
        self.id = secrets.token_bytes(handshake.ID_BYTES)
        self._key = secrets.token_bytes(_KEY_BYTES)
        self._session_of = session_of
        self._socket: socket.socket | None = None
        self._place = ("", 0, "")
        self._server: asyncio.Server | None = None
        self._starting = asyncio.Lock()
        self._connections: set[Connection] = set()
        self._strangers: dict[Connection, None] = {}
        self._by_peer: dict[bytes, Connection] = {}
        self._dialling: dict[bytes, asyncio.Task[Connection]] = {}
        self._refused = False

    def address(self, *names: str) -> Address:
        """Return where others find a target with these names; the socket is bound now.

        Raises ``OSError`` if ``DYN_TCP_RPC_HOST`` cannot be listened on.
        """
        if self._socket is None:
            self._bind()
        target = ".".join(quote(name, safe="", errors="surrogatepass") for name in names)
        host, port, loopback = self._place
        return Address(host, port, self.id, self._key, loopback, target)

    async def listen(self) -> None:
        """Accept connections."""
        async with self._starting:
            if self._server is None and self._socket is not None:
                loop = asyncio.get_running_loop()
                self._server = await loop.create_server(
                    self._accepting, sock=self._socket, backlog=_BACKLOG
                )

    async def connect(self, address: Address) -> Connection:
        """Return the connection to the hub of an address, made now if there is none.

        Raises ``OSError``, also for a peer that does not have the key.
        """
        connection = self._by_peer.get(address.peer)
        if connection is not None and connection.is_up:
            return connection
        dialling = self._dialling.get(address.peer)
        if dialling is None:
            dialling = asyncio.get_running_loop().create_task(self._dial(address))
            self._dialling[address.peer] = dialling
            dialling.add_done_callback(lambda task: self._on_dialled(task, address.peer))
        try:
            # The task goes on when one of those who wait for it is cancelled.
            return await asyncio.shield(dialling)
        except asyncio.CancelledError:
            if dialling.cancelled():
                raise OSError("this runtime was shut down") from None
            raise

    async def close(self) -> None:
        """Close all connections when they have sent what was posted, and the socket."""
        await _tasks.end(self._dialling.values())
        if self._socket is not None:
            _fork.forget(self._socket.fileno())
            if self._server is not None:
                self._server.close()
            self._socket.close()
        connections = list(self._connections)
        for connection in connections:
            connection.close()
        closing = [connection.closed for connection in connections]
        if closing:
            try:
                await asyncio.wait(closing, timeout=CLOSE_TIMEOUT)
            finally:
                for connection in connections:
                    connection.abort()
            await asyncio.wait(closing)

    def _bind(self) -> None:
        host = TCP_RPC_HOST.read()
        try:
            listening = _listening(host.strip("[]"))
        except OSError as error:
            raise OSError(
                f"{TCP_RPC_HOST.variable}={host} cannot be listened on: "
                f"{error.strerror or error}; name an address of this host"
            ) from None
        self._socket = listening
        family = listening.family
        _fork.withhold(listening.fileno())
        name = listening.getsockname()
        bound, port = str(name[0]), int(name[1])
        shown = bound
        if bound in ("0.0.0.0", "::"):
            shown = POD_IP.read() or _own_host(family)
        if ":" in shown and not shown.startswith("["):
            shown = f"[{shown}]"
        self._place = (shown, port, own_loopback() if is_loopback(bound) else "")

    def _accepting(self) -> Connection:
        connection = Connection(handshake.listener(self._key), self._on_open)
        self._note(connection)
        self._strangers[connection] = None
        if len(self._strangers) > _MAX_STRANGERS:
            next(iter(self._strangers)).abort()
        connection.opened.add_done_callback(lambda _: self._on_decided(connection))
        return connection

    def _on_decided(self, connection: Connection) -> None:
        self._strangers.pop(connection, None)
        if isinstance(connection.opened.exception(), handshake.RefusedError) and not self._refused:
            self._refused = True
            _log.warning(
                "a connection to the request plane was refused, %s: it comes from a program that "
                "does not use this discovery; further ones are not logged",
                connection.opened.exception(),
            )

    async def _dial(self, address: Address) -> Connection:
        loop = asyncio.get_running_loop()

        def dialling() -> Connection:
            connection = Connection(
                handshake.dialler(address.key, self.id, address.peer), self._on_open
            )
            connection.is_dialler = True
            self._note(connection)
            return connection

        try:
            _, connection = await _tasks.within(
                _CONNECT_TIMEOUT,
                loop.create_connection(dialling, address.host.strip("[]"), address.port),
            )
        except asyncio.TimeoutError:
            raise OSError(f"no connection within {_CONNECT_TIMEOUT:g} s") from None
        try:
            await asyncio.shield(connection.opened)
        except handshake.RefusedError as error:
            raise OSError(str(error)) from None
        except asyncio.CancelledError:
            connection.abort()
            raise
        return connection

    def _on_dialled(self, task: asyncio.Task[Connection], peer: bytes) -> None:
        self._dialling.pop(peer, None)
        if not task.cancelled():
            task.exception()  # it may have no waiter left

    def _on_open(self, connection: Connection, peer: bytes) -> Session:
        known = self._by_peer.get(peer)
        if known is None or not known.is_up:
            self._by_peer[peer] = connection
            connection.closed.add_done_callback(lambda _: self._on_closed(connection, peer))
        return self._session_of(connection)

    def _on_closed(self, connection: Connection, peer: bytes) -> None:
        if self._by_peer.get(peer) is connection:
            del self._by_peer[peer]

    def _note(self, connection: Connection) -> None:
        self._connections.add(connection)
        connection.closed.add_done_callback(lambda _: self._connections.discard(connection))


def _listening(host: str) -> socket.socket:
    [(family, kind, protocol, _, where), *_] = socket.getaddrinfo(
        host, 0, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
    )
    # asyncio sends small frames at once only if the socket was made with its protocol.
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setblocking(False)
        listening.bind(where)
        listening.listen(_BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


def _own_host(family: int) -> str:
    """Return the address from which this host reaches others."""
    try:
        # Connecting a datagram socket sends nothing: it only chooses the local address.
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((_ANYWHERE, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return socket.gethostname()
