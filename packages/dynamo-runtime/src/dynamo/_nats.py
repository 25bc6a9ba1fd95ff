"""The connection to NATS that the request plane and discovery of an event loop share."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from dynamo_metrics import _environment

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription as NatsSubscription
    from nats.js import JetStreamContext

VARIABLE = "NATS_SERVER"
_DEFAULT = "nats://localhost:4222"
_URL = re.compile(r"(?:(?:nats|tls|wss?)://)?[^\s/,]+(?::\d+)?/?")

_ATTEMPTS = 10
"""How often the first connection is tried, ``_WAIT`` apart: workers may start before NATS does."""
_WAIT = 0.5
_PING = 10
"""Seconds between pings; after two without an answer the connection is taken as lost."""

NO_RESPONDERS = "503"
"""The status that NATS answers with when nobody listens to a subject."""

_log = logging.getLogger("dynamo.runtime")

Callback = Callable[["Msg"], Awaitable[None]]

_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, ...], Connection]] = (
    WeakKeyDictionary()
)


class Connection:
    """One connection to NATS, opened again for as long as someone uses it.

    ``lost`` is called when it breaks and ``restored`` when it stands again, subscriptions included.
    """

    def __init__(self, servers: tuple[str, ...]) -> None:
        self.servers = servers
        self.lost: list[Callable[[], None]] = []
        self.restored: list[Callable[[], None]] = []
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
        servers = servers_from_environment()
        pool = _pools.setdefault(asyncio.get_running_loop(), {})
        connection = pool.setdefault(servers, cls(servers))
        connection._users += 1
        try:
            async with connection._opening:
                if connection._client is None:
                    connection._client = await connection._connect(_ATTEMPTS)
        except BaseException:
            await connection.release()
            raise
        return connection

    async def release(self) -> None:
        """Close the connection if nobody else uses it."""
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
        return ",".join(_without_password(server) for server in self.servers)

    @property
    def client(self) -> Client:
        """The client of nats-py; another one after the server has thrown the last one out."""
        if self._client is None:
            raise ConnectionError(f"NATS at {self} is not connected")
        return self._client

    @property
    def is_up(self) -> bool:
        """Whether the connection stands."""
        return self._client is not None and self._client.is_connected

    @property
    def jetstream(self) -> JetStreamContext:
        """The part of NATS that stores."""
        return self.client.jetstream(timeout=2)

    async def subscribe(self, subject: str, callback: Callback) -> Subscription:
        """Have ``callback``, an async function, called for each message, one after the other."""
        subscription = Subscription(self._subscriptions, subject, callback)
        await subscription.open(self.client)
        return subscription

    async def _connect(self, attempts: int) -> Client:
        try:
            import nats.errors

            from dynamo._nats_client import OrderedClient
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
                disconnected_cb=self._on_lost,
                reconnected_cb=self._on_restored,
                closed_cb=self._on_closed,
                reconnect_time_wait=_WAIT,  # type: ignore[arg-type]  # it takes parts of seconds
                max_reconnect_attempts=attempts,
                ping_interval=_PING,
            )
        except (OSError, nats.errors.Error, asyncio.TimeoutError) as error:
            reason = str(reasons[-1] if reasons else error) or type(error).__name__
            raise ConnectionError(
                f"{VARIABLE}={self} cannot be reached: {reason}; start a NATS server there, name "
                "another one, or use DYN_REQUEST_PLANE=memory"
            ) from None
        client.options["max_reconnect_attempts"] = -1  # from now on, for as long as it takes
        return client

    async def _on_lost(self) -> None:
        # A connection that we close ourselves has no users left.
        if self._users > 0:
            _log.warning("the connection to NATS at %s is lost", self)
            for callback in list(self.lost):
                callback()

    async def _on_restored(self) -> None:
        _log.warning("the connection to NATS at %s stands again", self)
        for callback in list(self.restored):
            callback()

    async def _on_closed(self) -> None:
        """Start over when the client has given up, as it does when the server throws it out."""
        if self._users > 0 and (self._reopening is None or self._reopening.done()):
            self._reopening = asyncio.get_running_loop().create_task(self._reopen())

    async def _reopen(self) -> None:
        while True:
            try:
                self._client = await self._connect(1)
            except ConnectionError as error:
                _log.debug("%s", error)
                await asyncio.sleep(_WAIT)
            else:
                break
        for subscription in list(self._subscriptions):
            await subscription.open(self._client)
        await self._on_restored()


class Subscription:
    """A subscription that outlives the client it was made with."""

    def __init__(self, among: list[Subscription], subject: str, callback: Callback) -> None:
        self._among = among
        self._subject = subject
        self._callback = callback
        self._client: Client | None = None
        self._current: NatsSubscription | None = None
        among.append(self)

    async def open(self, client: Client) -> None:
        """Subscribe, when the connection is new."""
        self._client = client
        # No limits: who sends to us, and how much, is decided by those who use this.
        self._current = await client.subscribe(
            self._subject, cb=self._handle, pending_msgs_limit=0, pending_bytes_limit=0
        )

    async def _handle(self, message: Msg) -> None:
        try:
            await self._callback(message)
        except Exception:
            _log.exception("a message on %s could not be handled", message.subject)

    async def close(self) -> None:
        """Receive no more, but what NATS has sent before it knew that."""
        import nats.errors

        self._among.remove(self)
        if self._current is not None and self._client is not None and self._client.is_connected:
            with suppress(nats.errors.Error):  # the connection broke, the subscription with it
                drain: Callable[[], Awaitable[None]] = self._current.drain
                await drain()


def servers_from_environment() -> tuple[str, ...]:
    """Return the URLs of ``NATS_SERVER``, separated by commas there.

    Raises ``ValueError`` for what is no URL.
    """
    given = _environment.text(VARIABLE, _DEFAULT)
    servers = tuple(server.strip() for server in given.split(","))
    if not all(_URL.fullmatch(server) for server in servers):
        raise _environment.bad(
            VARIABLE,
            _without_password(given),
            "is not the address of a NATS server",
            "nats://host:port, several of them separated by commas",
        )
    return servers


def _without_password(url: str) -> str:
    """Return a URL, or several, for messages."""
    return re.sub(r"(^|//|,)[^@/,]*@", r"\1***@", url)


def status(message: Msg) -> str | None:
    """Return the status of a message that comes from the NATS server itself, else None."""
    return message.headers.get("Status") if message.headers else None


def token(name: str) -> str:
    """Return a name as one part of a NATS subject, which is one part of a key as well.

    Letters, digits, ``-`` and ``_`` stay, every other byte of the UTF-8 becomes ``=`` and two hex
    digits. So different names stay different.
    """
    plain = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    return "".join(
        chr(byte) if byte in plain else f"={byte:02x}"
        for byte in name.encode("utf-8", "surrogatepass")
    )
