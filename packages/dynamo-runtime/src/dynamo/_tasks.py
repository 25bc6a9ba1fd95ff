"""Waiting for tasks without losing a cancellation.

``asyncio.wait_for`` of Python 3.11 and older drops a cancellation that arrives once its work is
done, and nats-py drops some of its own. So work that may do so runs in a task of its own, which is
awaited with ``asyncio.wait`` and cancelled until it is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any, TypeVar

_T = TypeVar("_T")

END_TIMEOUT = 2.0
"""Seconds after which a task that resists its cancellation is no longer waited for."""
_CANCEL_INTERVAL = 0.1
"""Seconds between two cancellations of a task: what it does to end may take as long."""


async def within(
    timeout: float | None, work: Awaitable[_T], until: asyncio.Future[Any] | None = None
) -> _T:
    """Return the result of ``work``, which ends when this is cancelled.

    Raises ``asyncio.TimeoutError`` after ``timeout`` seconds, or once ``until`` is done.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait(
            {task} if until is None else {task, until},
            timeout=timeout,
            return_when=asyncio.FIRST_COMPLETED,
        )
    except BaseException:
        await end([task])
        raise
    if not task.done():
        await end([task])
        raise asyncio.TimeoutError
    if task.cancelled():  # not by this function: the caller itself is not cancelled
        raise asyncio.TimeoutError
    return task.result()


async def end(tasks: Iterable[asyncio.Future[Any]], timeout: float = END_TIMEOUT) -> None:
    """Cancel tasks until they are done, and wait for that for ``timeout`` seconds.

    If this is cancelled, the tasks are cancelled all the same.
    """
    running = set(tasks)
    for task in running:
        task.add_done_callback(_take_exception)
        _cancel_until_done(task)
    if running:
        await asyncio.wait(running, timeout=timeout)


async def happens(event: asyncio.Event, timeout: float) -> bool:
    """Return whether ``event`` is set within ``timeout`` seconds."""
    waiting = asyncio.ensure_future(event.wait())
    try:
        done, _ = await asyncio.wait({waiting}, timeout=timeout)
        return bool(done)
    finally:
        waiting.cancel()


def _cancel_until_done(task: asyncio.Future[Any]) -> None:
    if task.done():
        return
    task.cancel()
    asyncio.get_running_loop().call_later(_CANCEL_INTERVAL, _cancel_until_done, task)


def _take_exception(task: asyncio.Future[Any]) -> None:
    """Mark the exception of a task without a waiter as retrieved."""
    if not task.cancelled():
        task.exception()
