"""One request and its handler."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic
from typing import TYPE_CHECKING, Any

from dynamo import _tasks
from dynamo._requests import CURRENT, Context, decode, encode
from dynamo._serving.handler import Handler, close
from dynamo._serving.metrics import CANCELLED, RequestMetrics
from dynamo.prometheus_names import work_handler
from dynamo.request_plane import (
    Call,
    ClientDisconnectedError,
    EngineError,
    InvalidRequestError,
    RequestError,
    UnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DISCONNECT_TIMEOUT = 2.0
"""Seconds to the next yield that a handler has after a disconnect; then it is cancelled."""
FINISH_TIMEOUT = 0.5
"""Seconds that the plane has to send the end of an answer once the worker stops."""

_log = logging.getLogger("dynamo.runtime")
_types = work_handler.error_types


class _FailedError(Exception):
    """The answer ends with ``error``, which is counted as ``error_type``."""

    def __init__(self, error_type: str, error: RequestError) -> None:
        super().__init__(str(error))
        self.error_type = error_type
        self.error = error


class Activity:
    """When an endpoint last took a request or sent an item, by ``time.monotonic``."""

    def __init__(self) -> None:
        self.last = monotonic()


class Request:
    """Answers a call with what a handler yields, and counts it. Runs once, in a task of its own."""

    def __init__(
        self,
        endpoint: str,
        handler: Handler,
        metrics: RequestMetrics,
        activity: Activity,
        call: Call,
    ) -> None:
        self._endpoint = endpoint
        self._handler = handler
        self._metrics = metrics
        self._activity = activity
        self._call = call
        self._context = Context.from_wire(call.id)
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._worker_stops = False

    def start(self) -> asyncio.Task[None]:
        """Start the task. It raises only what ends the process."""
        self._task = asyncio.get_running_loop().create_task(self._run())
        return self._task

    def cancel(self) -> None:
        """Cancel the handler: the worker stops before the answer is complete."""
        self._worker_stops = True
        self._context.stop_generating()
        if self._task is not None:
            self._task.cancel()

    def _on_disconnect(self) -> None:
        self._context.stop_generating()
        loop = asyncio.get_running_loop()
        if self._task is not None and not self._task.done():
            self._timer = loop.call_later(DISCONNECT_TIMEOUT, self._task.cancel)

    async def _run(self) -> None:
        CURRENT.set(self._context)  # of this task and those that the handler starts
        begun = self._metrics.begin(len(self._call.payload))
        # What is counted if the task ends in a way that _answer does not handle.
        outcome: str | None = _types.GENERATE
        try:
            self._call.on_disconnect(self._on_disconnect)
            outcome = await self._answer(begun)
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._metrics.end(begun, outcome)

    async def _answer(self, begun: float) -> str | None:
        """Answer, and return the outcome to count: None for a success."""
        failure: _FailedError | None = None
        complete = False
        try:
            complete = await self._send_all(begun)
        except _FailedError as failed:
            failure = failed
        except ClientDisconnectedError:
            pass
        except asyncio.CancelledError:
            if self._worker_stops or self._context.is_stopped():
                pass  # cancelled by this class
            elif _is_being_cancelled():
                self._worker_stops = True  # cancelled by the program, which ends its tasks
            else:
                failure = self._engine_error(_types.GENERATE, asyncio.CancelledError())
        if self._worker_stops and not complete:
            stopped = UnavailableError("the worker shut down before the answer was complete")
            failure = _FailedError(CANCELLED, stopped)
        finishing = self._call.finish(failure.error if failure else None)
        try:
            # A worker that stops does not wait for a client, or for NATS.
            await (_tasks.within(FINISH_TIMEOUT, finishing) if self._worker_stops else finishing)
        except asyncio.TimeoutError:
            return CANCELLED
        except ClientDisconnectedError as disconnected:
            if not disconnected.lost:
                return CANCELLED
            return _types.PUBLISH_FINAL if complete else _types.PUBLISH_RESPONSE
        except asyncio.CancelledError:
            return CANCELLED
        return failure.error_type if failure else None

    async def _send_all(self, begun: float) -> bool:
        """Send what the handler yields; return whether it ended by itself."""
        try:
            request = decode(self._call.payload)
        except (ValueError, RecursionError) as error:
            unreadable = InvalidRequestError(f"the request is not JSON: {error}")
            raise _FailedError(_types.DESERIALIZATION, unreadable) from None
        items: AsyncIterator[Any] | None = None
        try:
            items = self._handler(request, self._context)
            return await self._send_items(items, begun)
        except (_FailedError, ClientDisconnectedError):
            raise
        except InvalidRequestError as error:
            raise _FailedError(_types.DESERIALIZATION, error) from None
        except UnavailableError as error:
            raise _FailedError(_types.GENERATE, error) from None
        except Exception as error:
            if not self._context.is_stopped():
                _log.error("the handler of %s raised", self._endpoint, exc_info=error)
            raise self._engine_error(_types.GENERATE, error) from None
        finally:
            if items is not None:
                await self._close(items)

    async def _send_items(self, items: AsyncIterator[Any], begun: float) -> bool:
        send, sent, context = self._call.send, self._metrics.sent, self._context
        activity = self._activity
        first = True
        async for item in items:
            if context.is_stopped():
                return False
            try:
                data = encode(item)
            except (TypeError, ValueError, RecursionError) as error:
                _log.error(
                    "the handler of %s yielded a value that cannot be sent: %s",
                    self._endpoint,
                    error,
                )
                raise self._engine_error(_types.SERIALIZATION, error) from None
            await send(data)
            sent(len(data))
            activity.last = monotonic()
            if first:
                first = False
                self._metrics.first_sent(begun)
        return True

    async def _close(self, items: AsyncIterator[Any]) -> None:
        try:
            await close(items)
        except Exception as error:
            _log.error(
                "the handler of %s raised while it was closed", self._endpoint, exc_info=error
            )

    def _engine_error(self, error_type: str, error: BaseException) -> _FailedError:
        kind = type(error).__name__
        did = (
            "yielded a value that cannot be sent"
            if error_type == _types.SERIALIZATION
            else "raised"
        )
        text = f"the handler of {self._endpoint} {did}: {kind}: {error}".rstrip(": ")
        return _FailedError(error_type, EngineError(text, kind))


def _is_being_cancelled() -> bool:
    """Whether the task was cancelled from outside. Python 3.10 does not tell."""
    cancelling = getattr(asyncio.current_task(), "cancelling", None)
    return cancelling is not None and cancelling() > 0
