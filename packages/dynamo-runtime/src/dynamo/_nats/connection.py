"""One connection to NATS for each event loop and its settings."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from dynamo import _tasks
from dynamo._nats.options import Options
from dynamo._nats.subscription import Callback, Subscription
from dynamo._settings import NATS_SERVER

if TYPE_CHECKING:
    from nats.js import JetStreamContext

    from dynamo._nats.client import RobustClient

_T = TypeVar("_T")

_CONNECT_ATTEMPTS = 10
"""Attempts at the first connection: workers may start before NATS does."""
_RETRY_INTERVAL = 0.5
"""Seconds between two attempts."""
PING_INTERVAL = 5
"""Seconds between pings; after two without an answer the connection counts as lost."""
_JETSTREAM_TIMEOUT = 5
"""Seconds that JetStream may take to answer, those in which this event loop is blocked included."""
CALL_TIMEOUT = 10.0
"""Seconds that any call may take."""
CLOSE_TIMEOUT = 0.5
"""Seconds without an answer after which a connection that is being closed is aborted."""

_log = logging.getLogger("dynamo.runtime")

_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Options, Connection]] = (
    WeakKeyDictionary()
)


class Connection:
    """One connection to NATS, opened again for as long as it has users.

    ``on_lost`` are called when it breaks, ``on_restored`` when it and its subscriptions are back.
    """

    def __init__(self, options: Options) -> None:
        self.on_lost: list[Callable[[], None]] = []
        self.on_restored: list[Callable[[], None]] = []
        self._options = options
        self._users = 0
        self._opening = asyncio.Lock()
        self._client: RobustClient | None = None
        self._up = asyncio.Event()
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def acquire(cls) -> Connection:
        """Return the connection of this event loop to ``NATS_SERVER``; ``release`` it after use.

        Raises ``ValueError`` for a bad setting, ``ImportError`` without nats-py,
        ``ConnectionError`` if no server can be reached.
        """
        options = Options.read()
        pool = _pools.setdefault(asyncio.get_running_loop(), {})
        connection = pool.setdefault(options, cls(options))
        connection._users += 1
        try:
            async with connection._opening:
                if connection._client is None:
                    connection._client = await connection._connect()
                    connection._up.set()
        except BaseException:
            await connection.release()
            raise
        return connection

    async def release(self) -> None:
        """Close the connection if it has no other user, within ``CLOSE_TIMEOUT``."""
        self._users -= 1
        if self._users > 0:
            return
        pool = _pools.get(asyncio.get_running_loop(), {})
        if pool.get(self._options) is self:
            del pool[self._options]
        if self._client is not None:
            await _close(self._client)

    def __str__(self) -> str:
        return str(self._options)

    @property
    def client(self) -> RobustClient:
        """The client of nats-py. Only calls that never wait may be made without ``call``."""
        if self._client is None:
            raise ConnectionError(f"NATS at {self} is not connected")
        return self._client

    @property
    def is_up(self) -> bool:
        """Whether NATS is connected now, as far as is known."""
        return self._up.is_set()

    @property
    def jetstream(self) -> JetStreamContext:
        """The part of NATS that stores."""
        return self.client.jetstream(timeout=_JETSTREAM_TIMEOUT)

    async def call(
        self, work: Callable[[], Coroutine[Any, Any, _T]], timeout: float | None = CALL_TIMEOUT
    ) -> _T:
        """Return what a call into nats-py returns, which loses no cancellation here.

        Waits for a connection first. Raises ``ConnectionError`` if there is none within
        ``timeout`` seconds, if it breaks meanwhile, or if the call takes longer.
        """
        if not self.is_up and not (timeout and await _tasks.happens(self._up, timeout)):
            raise ConnectionError(f"NATS at {self} is not connected")
        import nats.errors

        lost = self._lost
        try:
            return await _tasks.within(timeout, work(), until=lost)
        except asyncio.TimeoutError:
            reason = "was disconnected" if lost.done() else "has not answered in time"
            raise ConnectionError(f"NATS at {self} {reason}") from None
        except nats.errors.Error as error:
            if not lost.done():
                raise
            raise ConnectionError(f"NATS at {self} was disconnected: {error}") from None

    async def again(self, work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """Return what ``work`` returns, which begins again if the connection breaks meanwhile.

        Raises what it raises otherwise, and ``ConnectionError`` once ``CALL_TIMEOUT`` is over.
        """
        now = asyncio.get_running_loop().time
        deadline = now() + CALL_TIMEOUT
        while True:
            lost = self._lost
            try:
                return await work()
            except ConnectionError:
                if not lost.done() or now() >= deadline:
                    raise
                await _tasks.happens(self._up, deadline - now())

    async def restored(self) -> None:
        """Wait until NATS is connected."""
        await self._up.wait()

    async def answers(self, first: Callable[[], Coroutine[Any, Any, Any]] | None = None) -> bool:
        """Whether NATS handles all that was sent, after ``first`` if it is given.

        If NATS sends nothing for ``CLOSE_TIMEOUT``, the connection is aborted and opened again, to
        another server if there is one.
        """
        if not self.is_up:
            return False
        asking = asyncio.ensure_future(self._flush_after(first))
        lost, now = self._lost, asyncio.get_running_loop().time
        begun = heard = now()
        try:
            while now() < min(heard + CLOSE_TIMEOUT, begun + CALL_TIMEOUT):
                await asyncio.wait(
                    {asking, lost},
                    timeout=heard + CLOSE_TIMEOUT - now(),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if asking.done() or lost.done():
                    break
                heard = max(heard, self.client.last_received)
            answered = asking.done() and not asking.cancelled() and asking.exception() is None
        finally:
            await _tasks.end([asking])
        if not answered and self.is_up:
            await self.client.reconnect()
        return answered

    async def _flush_after(self, first: Callable[[], Coroutine[Any, Any, Any]] | None) -> None:
        if first is not None:
            await first()
        await self.client.flush()

    async def subscribe(self, subject: str, callback: Callback) -> Subscription:
        """Have ``callback``, an async function, called for each message, one after the other."""
        subscription = Subscription(self, subject, callback)
        await subscription.open()
        return subscription

    async def _connect(self) -> RobustClient:
        try:
            import nats.aio.client  # noqa: F401 - what the next line needs

            from dynamo._nats.client import RobustClient
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

        arguments = self._options.arguments()
        client = RobustClient(self._on_client_lost, only_tls=self._options.only_tls)
        connecting = client.connect(
            **arguments,
            error_cb=note,
            reconnected_cb=self._on_client_restored,
            reconnect_time_wait=_RETRY_INTERVAL,  # type: ignore[arg-type]  # floats work
            max_reconnect_attempts=_CONNECT_ATTEMPTS,
            ping_interval=PING_INTERVAL,
            flusher_queue_size=0,  # without limit: the ping loop must not wait
        )
        try:
            await _tasks.within(None, connecting)
        except BaseException as error:
            await _close(client)
            if not isinstance(error, Exception):
                raise
            reason = str(reasons[-1] if reasons else error) or type(error).__name__
            raise ConnectionError(
                f"{NATS_SERVER.variable}={self} cannot be reached: {reason}; start a NATS server "
                "there, name another one, or use DYN_REQUEST_PLANE=memory"
            ) from None
        client.options["max_reconnect_attempts"] = -1  # from now on without limit
        return client

    def _on_client_lost(self) -> None:
        self._up.clear()
        if not self._lost.done():
            self._lost.set_result(None)
        # A connection that this process closes has no users left.
        if self._users > 0:
            _log.warning("disconnected from NATS at %s, reconnecting", self)
            for callback in list(self.on_lost):
                callback()

    async def _on_client_restored(self) -> None:
        _log.warning("reconnected to NATS at %s", self)
        self._lost = asyncio.get_running_loop().create_future()
        self._up.set()
        for callback in list(self.on_restored):
            callback()


async def _close(client: RobustClient) -> None:
    """Close a client, whatever its server does."""
    try:
        if client.is_connected:
            with suppress(Exception):  # of any kind: it is to end, and does
                await _tasks.within(CLOSE_TIMEOUT, client.close())
    finally:
        await client.destroy()
