"""A thread that keeps a status server listed while the event loop of its worker stands still."""

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

_TICK = 0.5
"""Seconds after which it is seen that the worker's event loop is gone."""


class Beacon(Generic[_D]):
    """A discovery of its own, in an event loop of its own.

    The worker's event loop may stand still for long, while a model is loaded for example. The
    status server answers all the while: what is registered here is renewed as long as Python runs
    at all. It ends when the worker's event loop is closed, at the latest.
    """

    def __init__(self, opening: Callable[[], Coroutine[Any, Any, _D]]) -> None:
        self._worker = asyncio.get_running_loop()
        self._loop = asyncio.new_event_loop()
        self._ending = asyncio.Event()
        self._opened: Future[_D] = Future()
        self._opened.set_running_or_notify_cancel()  # from now on nobody cancels it
        self._thread = threading.Thread(
            target=self._run, args=(opening,), name="dynamo-discovery", daemon=True
        )
        self._thread.start()

    @classmethod
    async def start(cls, opening: Callable[[], Coroutine[Any, Any, _D]]) -> Beacon[_D]:
        """Start the thread and open its discovery there. Raises what ``opening`` raises."""
        beacon = cls(opening)
        try:
            await asyncio.wrap_future(beacon._opened)
        except BaseException:
            beacon._end()
            raise
        return beacon

    async def do(self, work: Callable[[_D], Coroutine[Any, Any, _T]]) -> _T:
        """Have something done with the discovery, there."""
        doing = work(self._opened.result())
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(doing, self._loop))

    async def close(self) -> None:
        """Take back what is registered, and wait for the end of the thread."""
        self._end()
        await self._worker.run_in_executor(None, self._thread.join)

    def _end(self) -> None:
        with suppress(RuntimeError):  # it has ended
            self._loop.call_soon_threadsafe(self._ending.set)

    def _run(self, opening: Callable[[], Coroutine[Any, Any, _D]]) -> None:
        try:
            self._loop.run_until_complete(self._live(opening))
        finally:
            self._loop.close()

    async def _live(self, opening: Callable[[], Coroutine[Any, Any, _D]]) -> None:
        try:
            discovery = await opening()
        except BaseException as error:
            self._opened.set_exception(error)
            return
        self._opened.set_result(discovery)
        while not self._ending.is_set() and not self._worker.is_closed():
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._ending.wait(), _TICK)
        await discovery.close()
