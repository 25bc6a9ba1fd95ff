"""Subscriptions, and how they end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from dynamo import _tasks

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription as NatsSubscription

    from dynamo._nats.connection import Connection

HANDLE_TIMEOUT = 1.0
"""Seconds for the messages that arrived before NATS ended a subscription."""

_log = logging.getLogger("dynamo.runtime")

Callback = Callable[["Msg"], Awaitable[None]]


class Subscription:
    """A subscription, which nats-py opens again after a reconnect."""

    def __init__(self, connection: Connection, subject: str, callback: Callback) -> None:
        self._connection = connection
        self._subject = subject
        self._callback = callback
        self._current: NatsSubscription | None = None

    async def open(self) -> None:
        """Subscribe. Raises ``ConnectionError``, or ``nats.errors.Error`` for a bad subject."""
        # No limits: the users of the subscription bound what they let others send.
        self._current = await self._connection.call(
            lambda: self._connection.client.subscribe(
                self._subject, cb=self._handle, pending_msgs_limit=0, pending_bytes_limit=0
            )
        )

    async def close(self) -> None:
        """Unsubscribe. Messages that NATS sent before it knew that are still handled.

        A connection on which NATS does not answer is closed.
        """
        current, self._current = self._current, None
        if current is None:
            return
        connection = self._connection
        try:
            if await connection.answers(lambda: connection.client.unsubscribe(current)):
                with suppress(asyncio.TimeoutError):
                    await _tasks.within(HANDLE_TIMEOUT, connection.client.handled(current))
            else:
                _log.debug("unsubscribing from %s timed out", self._subject)
        finally:
            connection.client.forget(current)

    async def _handle(self, message: Msg) -> None:
        try:
            await self._callback(message)
        except Exception:
            _log.exception("a message on %r could not be handled", message.subject)
