"""The lease thread: keeps a status server listed while its worker's event loop is blocked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Generic, TypeVar

from dynamo import _tasks
from dynamo.discovery._protocol import Discovery

_D = TypeVar("_D", bound=Discovery)
_T = TypeVar("_T")

_CHECK_INTERVAL = 0.5
"""Seconds between checks whether the worker's event loop was closed."""
_CLOSE_TIMEOUT = 10.0
"""Seconds that the thread may take to end. It is a daemon, so the process ends without it."""


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
        self._settled = asyncio.Event()
        self._opened: Future[_D] = Future()
        self._opened.set_running_or_notify_cancel()  # from now on it cannot be cancelled
        self._ended: Future[None] = Future()
        self._ended.set_running_or_notify_cancel()
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
        await asyncio.wait({asyncio.wrap_future(self._ended)}, timeout=_CLOSE_TIMEOUT)

    def _end(self) -> None:
        with suppress(RuntimeError):  # the loop is closed: the thread has ended
            self._loop.call_soon_threadsafe(self._set_ending)

    def _set_ending(self) -> None:
        self._ending.set()
        self._settled.set()

    def _run(self, opening: Callable[[], Coroutine[Any, Any, _D]]) -> None:
        try:
            self._loop.run_until_complete(self._hold(opening))
        finally:
            self._loop.close()
            self._ended.set_result(None)

    async def _hold(self, opening: Callable[[], Coroutine[Any, Any, _D]]) -> None:
        work = self._loop.create_task(opening())
        work.add_done_callback(lambda _: self._settled.set())
        while not work.done() and not self._is_over:
            await _tasks.happens(self._settled, _CHECK_INTERVAL)
        if not work.done():
            await _tasks.end([work])
        try:
            discovery = work.result()
        except BaseException as error:
            self._opened.set_exception(error)
            return
        self._opened.set_result(discovery)
        while not self._is_over:
            await _tasks.happens(self._ending, _CHECK_INTERVAL)
        await discovery.close()

    @property
    def _is_over(self) -> bool:
        return self._ending.is_set() or self._worker.is_closed()
