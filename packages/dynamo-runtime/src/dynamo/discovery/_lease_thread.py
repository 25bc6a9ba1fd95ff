"""The lease thread: keeps a status server listed while its worker's event loop is blocked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Generic, TypeVar

from dynamo.discovery._protocol import Discovery

_D = TypeVar("_D", bound=Discovery)
_T = TypeVar("_T")

_CHECK_INTERVAL = 0.5
"""Seconds between checks whether the worker's event loop was closed."""


class LeaseThread(Generic[_D]):
    """A discovery of its own, in an event loop and a thread of its own.

    The worker's event loop may be blocked for long, while a model is loaded for example. The status
    server answers all the while: what is registered here is renewed for as long as Python runs. The
    thread ends when the worker's event loop is closed, at the latest.
    """

    def __init__(self, opening: Callable[[], Coroutine[Any, Any, _D]]) -> None:
        self._worker = asyncio.get_running_loop()
        self._loop = asyncio.new_event_loop()
        self._ending = asyncio.Event()
        self._opened: Future[_D] = Future()
        self._opened.set_running_or_notify_cancel()  # from now on it cannot be cancelled
        self._thread = threading.Thread(
            target=self._run, args=(opening,), name="dynamo-discovery", daemon=True
        )
        self._thread.start()

    @classmethod
    async def start(cls, opening: Callable[[], Coroutine[Any, Any, _D]]) -> LeaseThread[_D]:
        """Start the thread and open its discovery there. Raises what ``opening`` raises."""
        thread = cls(opening)
        try:
            await asyncio.wrap_future(thread._opened)
        except BaseException:
            thread._end()
            raise
        return thread

    async def run(self, work: Callable[[_D], Coroutine[Any, Any, _T]]) -> _T:
        """Run ``work`` with the thread's discovery, in the thread."""
        running = work(self._opened.result())
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(running, self._loop))

    async def close(self) -> None:
        """Remove what is registered, and wait for the end of the thread."""
        self._end()
        await self._worker.run_in_executor(None, self._thread.join)

    def _end(self) -> None:
        with suppress(RuntimeError):  # the loop is closed: the thread has ended
            self._loop.call_soon_threadsafe(self._ending.set)

    def _run(self, opening: Callable[[], Coroutine[Any, Any, _D]]) -> None:
        try:
            self._loop.run_until_complete(self._hold(opening))
        finally:
            self._loop.close()

    async def _hold(self, opening: Callable[[], Coroutine[Any, Any, _D]]) -> None:
        try:
            discovery = await opening()
        except BaseException as error:
            self._opened.set_exception(error)
            return
        self._opened.set_result(discovery)
        while not self._ending.is_set() and not self._worker.is_closed():
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._ending.wait(), _CHECK_INTERVAL)
        await discovery.close()
