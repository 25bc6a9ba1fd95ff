"""The client of nats-py, made to survive what servers and other clients send. Needs nats-py."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from nats import errors
from nats.aio.client import DEFAULT_BUFFER_SIZE, DEFAULT_FLUSH_TIMEOUT, Client
from nats.aio.subscription import Subscription

from dynamo import _tasks
from dynamo._nats.parser import Parser
from dynamo._nats.transport import Transport

_RETRY_INTERVAL = 0.5
"""Seconds between two attempts to connect again after an unexpected failure."""

_new_transport: Callable[[], Transport] = Transport

_log = logging.getLogger("dynamo.runtime")


class RobustClient(Client):
    """A client that reconnects whatever happens, and for which one bad message is one message.

    ``on_lost`` is called as soon as the connection breaks. With ``only_tls`` nothing is sent to a
    server that does not offer TLS; that holds for each server whose URL begins with ``tls://`` too.
    """

    def __init__(self, on_lost: Callable[[], None], *, only_tls: bool) -> None:
        super().__init__()
        self._ps: Any = Parser(self)
        self._on_lost = on_lost
        self._only_tls = only_tls
        self.last_received = 0.0
        """The loop's time when the server has sent something."""

    def has_room(self, size: int) -> bool:
        """Whether ``publish`` of so many bytes returns without waiting."""
        return self._pending_data_size + size <= self._max_pending_size

    async def flush(self, timeout: int = DEFAULT_FLUSH_TIMEOUT) -> None:
        """Return when NATS has handled all that was sent, and its messages until then are here.

        Raises ``nats.errors.Error`` if it cannot. That takes two pings, each may take ``timeout``
        seconds.
        """
        # A ping of nats-py overtakes what waits for the next turn of the event loop to be written,
        # so a drained subscription would be thrown away before NATS has heard UNSUB, with the
        # messages in between. By the answer to one ping all that waited has been written, so a
        # second one comes after it.
        await super().flush(timeout)
        await super().flush(timeout)

    async def reconnect(self) -> None:
        """Give the connection up, without waiting for the server, and connect again."""
        self.abort()
        await self._process_op_err(errors.StaleConnectionError())

    def abort(self) -> None:
        """Drop the TCP connection at once."""
        if isinstance(self._transport, Transport):
            self._transport.abort()

    async def destroy(self) -> None:
        """End what ``close``, which waits for the server, has not ended."""
        self._status = Client.CLOSED
        self.abort()
        for subscription in list(self._subs.values()):
            self.forget(subscription)
        tasks = (
            self._reading_task,
            self._ping_interval_task,
            self._flusher_task,
            self._reconnection_task,
        )
        await _tasks.end(task for task in tasks if task is not None)

    async def unsubscribe(self, subscription: Subscription) -> None:
        """Unsubscribe at the server."""
        await self._send_unsubscribe(subscription._id)

    async def handled(self, subscription: Subscription) -> None:
        """Return when the messages that have arrived for a subscription were handled."""
        await subscription._pending_queue.join()

    def forget(self, subscription: Subscription) -> None:
        """Stop handling the messages of a subscription, without telling the server."""
        self._remove_sub(subscription._id)
        subscription._stop_processing()

    async def _connect_to_server(self, s: Any) -> None:
        if self._transport is None:
            self._transport = _new_transport()
        await super()._connect_to_server(s)

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        # nats-py sends the password in clear text if a tls:// server does not ask for TLS.
        if initial_connection and self._current_server is not None:
            scheme = self._current_server.uri.scheme
            if scheme == "tls" or self._only_tls:
                if info.get("tls_available"):
                    info["tls_required"] = True
                if not info.get("tls_required"):
                    raise errors.Error("the server has no TLS, which was asked for")
        await super()._process_info(info, initial_connection)

    async def _process_op_err(self, e: Exception) -> None:
        was_lost = self.is_reconnecting or self.is_closed
        await super()._process_op_err(e)
        if self.is_reconnecting and not was_lost:
            self._on_lost()

    async def _process_err(self, err_msg: str) -> None:
        # nats-py closes the client for good after most errors, in a task that nobody awaits.
        error = errors.Error(f"NATS says {err_msg}")
        await self._error_cb(error)
        if "permissions violation" not in err_msg:
            await self._process_op_err(error)

    async def _attempt_reconnect(self) -> None:
        while True:
            try:
                await super()._attempt_reconnect()
                return
            except Exception as error:  # of any kind: without this task the client is deaf
                _log.debug("connecting to NATS failed: %s", error)
                self._status = Client.RECONNECTING
                await asyncio.sleep(_RETRY_INTERVAL)

    async def _read_loop(self) -> None:
        """Read until the connection ends, and then connect again, whatever the reason is."""
        try:
            while not (self.is_closed or self.is_reconnecting) and self._transport is not None:
                data = await self._transport.read(DEFAULT_BUFFER_SIZE)
                if not data:
                    raise errors.UnexpectedEOF
                self.last_received = asyncio.get_running_loop().time()
                await self._ps.parse(data)
        except Exception as error:
            await self._error_cb(error)
            await self._process_op_err(error)

    async def _flush_pending(self, force_flush: bool = False) -> None:
        # nats-py's drops a cancellation.
        if not self.is_connected or self._flush_queue is None:
            return
        flushed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._flush_queue.put_nowait(flushed)
        if force_flush:
            await flushed

    async def _process_ping(self) -> None:
        # Does not wait behind what is to be sent: the read loop must go on.
        if self._transport is not None:
            self._transport.write(b"PONG\r\n")

    async def _process_pong(self) -> None:
        if self._pongs and self._pongs[0].done():  # its flush was cancelled
            self._pongs.pop(0)
            self._pings_outstanding = 0
        else:
            await super()._process_pong()

    async def _process_msg(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes
    ) -> None:
        try:
            await super()._process_msg(sid, subject, reply, data, headers)
        except Exception as error:
            _log.warning("a message on %.200r could not be read: %r", subject, error)

    async def _process_headers(self, headers: bytes) -> dict[str, str] | None:
        try:
            return await super()._process_headers(headers)
        except (ValueError, IndexError):
            return None

    def _build_message(
        self,
        sid: int,
        subject: bytes,
        reply: bytes,
        data: bytes,
        headers: dict[str, str] | None,
    ) -> Any:
        # Not dropped: a consumer of JetStream would ask for it again and again.
        return self.msg_class(
            subject=subject.decode("utf-8", "surrogateescape"),
            reply=reply.decode("utf-8", "surrogateescape"),
            data=data,
            headers=headers,
            _client=self,
            _sid=sid,
        )
