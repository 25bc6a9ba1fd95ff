"""Brings requests to the workers of other processes, and to those of this one."""

from __future__ import annotations

import asyncio
from typing import cast
from weakref import WeakKeyDictionary

from dynamo._tcp import Address, Connection, Hub
from dynamo.request_plane._bodies import Incomplete
from dynamo.request_plane._errors import ConnectionLostError, UnavailableError
from dynamo.request_plane._protocol import Receiver, Stream
from dynamo.request_plane.memory import MemoryPlane
from dynamo.request_plane.tcp.client import TcpStream
from dynamo.request_plane.tcp.wire import Wire
from dynamo.request_plane.tcp.worker import TcpServed, take_request

_NOT_THERE = "the worker is not there: it has stopped"


class _Shared:
    """What the runtimes of one event loop share: its hub and its endpoints."""

    def __init__(self) -> None:
        self.endpoints: dict[str, TcpServed] = {}
        self.hub = Hub(self._session)
        self.users = 0

    @classmethod
    def acquire(cls) -> _Shared:
        loop = asyncio.get_running_loop()
        shared = _of_loops.get(loop)
        if shared is None:
            shared = _of_loops[loop] = cls()
        shared.users += 1
        return shared

    async def release(self) -> None:
        self.users -= 1
        if self.users == 0:
            _of_loops.pop(asyncio.get_running_loop(), None)
            await self.hub.close()

    def _session(self, connection: Connection) -> Wire:
        return Wire(
            connection,
            lambda wire, stream, content: take_request(self.endpoints, wire, stream, content),
        )


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Shared] = WeakKeyDictionary()


class TcpPlane:
    """The requests of one runtime."""

    stays_in_memory = True
    """Whether requests of this process to itself do."""

    def __init__(self) -> None:
        self._shared = _Shared.acquire()
        self._hub = self._shared.hub
        self._memory = MemoryPlane()
        self._incomplete = Incomplete()
        self._streams: set[TcpStream] = set()
        self._closed = False

    def address(self, namespace: str, component: str, endpoint: str, instance_id: int) -> str:
        """Return where an instance of an endpoint is found.

        Raises ``OSError`` if ``DYN_TCP_RPC_HOST`` cannot be listened on.
        """
        return str(self._hub.address(namespace, component, endpoint, f"{instance_id:x}"))

    def reaches(self, address: str) -> bool:
        """Whether the address is not that of another host's loopback."""
        try:
            return Address.parse(address).is_reachable
        except ValueError:
            return False

    async def serve(self, address: str, receiver: Receiver) -> TcpServed:
        """Bring requests for ``address`` to ``receiver``."""
        await self._hub.listen()
        target = Address.parse(address).target
        in_memory = await self._memory.serve(target, receiver)
        return TcpServed(self._shared.endpoints, target, receiver, self._incomplete, in_memory)

    async def call(self, address: str, request_id: str, payload: bytes) -> Stream:
        """Send a request to ``address``, and return when the worker has taken it.

        Raises ``UnavailableError`` if no worker takes it there, ``ConnectionLostError`` if the
        worker is lost meanwhile, ``InvalidRequestError`` if the worker refuses it.
        """
        place = Address.parse(address)
        if place.peer == self._hub.id and self.stays_in_memory:
            return await self._memory.call(place.target, request_id, payload)
        try:
            connection = await self._hub.connect(place)
        except OSError as error:
            reason = error.strerror or error
            raise UnavailableError(f"{_NOT_THERE} ({place.place}: {reason})") from None
        stream = TcpStream(cast(Wire, connection.session), self._streams)
        try:
            await stream.open(place.target, request_id, payload)
        except BaseException:
            stream.cancel()
            raise
        return stream

    async def close(self) -> None:
        """Fail the open requests of this runtime's clients; disconnect if no other needs it."""
        await self._memory.close()
        for stream in list(self._streams):
            stream.fail(ConnectionLostError("this runtime was shut down"))
        if not self._closed:
            self._closed = True
            await self._shared.release()
