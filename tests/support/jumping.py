"""Time limits measured on a clock that only waiting moves."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock, after ``jump()``, advances only by the timeouts it waits for.

    What it measures then is the sum of all limits, however busy the machine is.
    """

    def __init__(self) -> None:
        self.jumped: float | None = None
        super().__init__(selector := JumpingSelector())
        selector.loop = self

    def jump(self) -> None:
        self.jumped = super().time()

    def time(self) -> float:
        return super().time() if self.jumped is None else self.jumped


class JumpingSelector(selectors.DefaultSelector):
    loop: JumpingLoop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout <= 0 or self.loop.jumped is None:
            return super().select(timeout)
        ready = super().select(0)
        if not ready:
            self.loop.jumped += timeout
        return ready


def run_jumping(work: Callable[[JumpingLoop], Coroutine[Any, Any, _T]]) -> _T:
    """The result of work in an event loop of its own, which must leave no task behind."""
    loop = JumpingLoop()
    try:
        result = loop.run_until_complete(work(loop))
        for _ in range(5):
            loop.run_until_complete(asyncio.sleep(0))
        assert not asyncio.all_tasks(loop)
        return result
    finally:
        loop.close()
