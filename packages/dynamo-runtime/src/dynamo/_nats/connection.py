"""One connection to NATS for each event loop and ``NATS_SERVER``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from dynamo._nats.subscription import Callback, Subscription
from dynamo._settings import NATS_SERVER, without_password

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.js import JetStreamContext

_CONNECT_ATTEMPTS = 10
"""Attempts at the first connection: workers may start before NATS does."""
_RETRY_INTERVAL = 0.5
"""Seconds between two attempts."""
_PING_INTERVAL = 10
"""Seconds between pings; after two without an answer the connection counts as lost."""
_JETSTREAM_TIMEOUT = 2
"""Seconds that JetStream may take to answer."""

_log = logging.getLogger("dynamo.runtime")

_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, ...], Connection]] = (
    WeakKeyDictionary()
)


class Connection:
    """One connection to NATS, opened again for as long as it has users.

    ``on_lost`` are called when it breaks, ``on_restored`` when it and its subscriptions are back.
    """

    def __init__(self, servers: tuple[str, ...]) -> None:
        self.servers = servers
        self.on_lost: list[Callable[[], None]] = []
        self.on_restored: list[Callable[[], None]] = []
        self._users = 0
        self._opening = asyncio.Lock()
        self._client: Client | None = None
        self._reopening: asyncio.Task[None] | None = None
        self._subscriptions: list[Subscription] = []

    @classmethod
    async def acquire(cls) -> Connection:
        """Return the connection of this event loop to ``NATS_SERVER``; ``release`` it after use.

        Raises ``ValueError`` for a bad setting, ``ImportError`` without nats-py,
        ``ConnectionError`` if no server can be reached.
        """
        servers = NATS_SERVER.read()
        pool = _pools.setdefault(asyncio.get_running_loop(), {})
        connection = pool.setdefault(servers, cls(servers))
        connection._users += 1
        try:
            async with connection._opening:
                if connection._client is None:
                    connection._client = await connection._connect(_CONNECT_ATTEMPTS)
        except BaseException:
            await connection.release()
            raise
        return connection

    async def release(self) -> None:
        """Close the connection if it has no other user."""
        self._users -= 1
        if self._users > 0:
            return
        pool = _pools.get(asyncio.get_running_loop(), {})
        if pool.get(self.servers) is self:
            del pool[self.servers]
        if self._reopening is not None:
            self._reopening.cancel()
            await asyncio.wait({self._reopening})
        if self._client is not None:
            await self._client.close()

    def __str__(self) -> str:
        return ",".join(without_password(server) for server in self.servers)

    @property
    def client(self) -> Client:
        """The client of nats-py; another one after the server has closed the last one."""
        if self._client is None:
            raise ConnectionError(f"NATS at {self} is not connected")
        return self._client

    @property
    def is_up(self) -> bool:
        """Whether NATS is connected now."""
        return self._client is not None and self._client.is_connected

    @property
    def jetstream(self) -> JetStreamContext:
        """The part of NATS that stores."""
        return self.client.jetstream(timeout=_JETSTREAM_TIMEOUT)

    async def subscribe(self, subject: str, callback: Callback) -> Subscription:
        """Have ``callback``, an async function, called for each message, one after the other."""
        subscription = Subscription(self._subscriptions, subject, callback)
        await subscription.open(self.client)
        return subscription

    async def _connect(self, attempts: int) -> Client:
        try:
            import nats.errors

            from dynamo._nats.client import OrderedClient
        except ImportError:
            raise ImportError(
                "NATS needs nats-py: pip install 'dynamo-runtime[nats]', or use "
                "DYN_REQUEST_PLANE=memory and DYN_DISCOVERY_BACKEND=memory"
            ) from None
        reasons: list[Exception] = []

        async def note(error: Exception) -> None:
            reasons.append(error)
            del reasons[:-1]
            _log.debug("NATS at %s: %s", self, error)

        client = OrderedClient()
        try:
            await client.connect(
                list(self.servers),
                error_cb=note,
                disconnected_cb=self._on_disconnected,
                reconnected_cb=self._on_reconnected,
                closed_cb=self._on_closed,
                reconnect_time_wait=_RETRY_INTERVAL,  # type: ignore[arg-type]  # floats work
                max_reconnect_attempts=attempts,
                ping_interval=_PING_INTERVAL,
            )
        except (OSError, nats.errors.Error, asyncio.TimeoutError) as error:
            reason = str(reasons[-1] if reasons else error) or type(error).__name__
            raise ConnectionError(
                f"{NATS_SERVER.variable}={self} cannot be reached: {reason}; start a NATS server "
                "there, name another one, or use DYN_REQUEST_PLANE=memory"
            ) from None
        client.options["max_reconnect_attempts"] = -1  # from now on without limit
        return client

    async def _on_disconnected(self) -> None:
        # A connection that this process closes has no users left.
        if self._users > 0:
            _log.warning("disconnected from NATS at %s, reconnecting", self)
            for callback in list(self.on_lost):
                callback()

    async def _on_reconnected(self) -> None:
        _log.warning("reconnected to NATS at %s", self)
        for callback in list(self.on_restored):
            callback()

    async def _on_closed(self) -> None:
        """Make a new client: this one gave up, as it does when the server reports an error."""
        if self._users > 0 and (self._reopening is None or self._reopening.done()):
            self._reopening = asyncio.get_running_loop().create_task(self._reopen())

    async def _reopen(self) -> None:
        while True:
            try:
                self._client = await self._connect(1)
            except ConnectionError as error:
                _log.debug("%s", error)
                await asyncio.sleep(_RETRY_INTERVAL)
            else:
                break
        for subscription in list(self._subscriptions):
            await subscription.open(self._client)
        await self._on_reconnected()
