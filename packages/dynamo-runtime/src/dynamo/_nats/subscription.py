"""Subscriptions that survive a new client."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription as NatsSubscription

_log = logging.getLogger("dynamo.runtime")

Callback = Callable[["Msg"], Awaitable[None]]


class Subscription:
    """A subscription that outlives the client it was made with."""

    def __init__(self, registry: list[Subscription], subject: str, callback: Callback) -> None:
        """Enter it into ``registry``, the subscriptions that a reconnect opens again."""
        self._registry = registry
        self._subject = subject
        self._callback = callback
        self._client: Client | None = None
        self._current: NatsSubscription | None = None
        registry.append(self)

    async def open(self, client: Client) -> None:
        """Subscribe with this client: the first one, or the one after a reconnect."""
        self._client = client
        # No limits: the users of the subscription bound what they let others send.
        self._current = await client.subscribe(
            self._subject, cb=self._handle, pending_msgs_limit=0, pending_bytes_limit=0
        )

    async def close(self) -> None:
        """Unsubscribe. Messages that NATS sent before it knew that are still handled."""
        import nats.errors

        self._registry.remove(self)
        if self._current is not None and self._client is not None and self._client.is_connected:
            with suppress(nats.errors.Error):  # the connection broke, the subscription with it
                drain: Callable[[], Awaitable[None]] = self._current.drain
                await drain()

    async def _handle(self, message: Msg) -> None:
        try:
            await self._callback(message)
        except Exception:
            _log.exception("a message on %s could not be handled", message.subject)
