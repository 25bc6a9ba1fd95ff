"""SIGTERM and SIGINT of a process that serves: they start a drain."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Callable

_SIGNALS = (signal.SIGTERM, signal.SIGINT)

_log = logging.getLogger("dynamo.runtime")


class _Watch:
    """The signals of one event loop that have this handler meanwhile."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.listeners: list[Callable[[], None]] = []
        self.before = {number: signal.getsignal(number) for number in _SIGNALS if _is_free(number)}
        for number in self.before:
            loop.add_signal_handler(number, self._arrived, number)

    def _arrived(self, number: signal.Signals) -> None:
        _log.info("%s: draining, no new requests are accepted", number.name)
        for listener in list(self.listeners):
            listener()

    def restore(self) -> None:
        for number, handler in self.before.items():
            self.loop.remove_signal_handler(number)
            signal.signal(number, handler)


_watch: _Watch | None = None


def listen(listener: Callable[[], None]) -> None:
    """Have ``listener`` called in the running loop for each SIGTERM and SIGINT, until ``unlisten``.

    A handler that the program has set itself stays. Signals reach the main thread only: in another
    thread this does nothing.
    """
    global _watch
    loop = asyncio.get_running_loop()
    if threading.current_thread() is not threading.main_thread():
        return
    if _watch is None or _watch.loop is not loop:
        _watch = _Watch(loop)
    _watch.listeners.append(listener)


def unlisten(listener: Callable[[], None]) -> None:
    """Stop calling ``listener``. Without listeners the signals have their earlier handlers."""
    global _watch
    if _watch is not None and listener in _watch.listeners:
        _watch.listeners.remove(listener)
        if not _watch.listeners:
            _watch.restore()
            _watch = None


def _is_free(number: signal.Signals) -> bool:
    """Whether the signal has the handler of Python or asyncio, and none of the program's."""
    handler = signal.getsignal(number)
    if handler in (signal.SIG_DFL, signal.default_int_handler):
        return True
    # asyncio.run() has SIGINT cancel the main task, by a method of its Runner in a partial.
    function = getattr(handler, "func", handler)
    return getattr(function, "__module__", "") == "asyncio.runners"
