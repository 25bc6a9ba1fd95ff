"""A daemon thread that is started once, and again in a forked child."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable


class DaemonThread:
    """Runs ``run(goes_on)``, which ends when ``goes_on()`` is False: it is in a forked child then.

    What the thread runs may fork. The child's copy of the thread must not go on with its work.
    """

    def __init__(self, name: str, run: Callable[[Callable[[], bool]], None]) -> None:
        self._name = name
        self._run = run
        self._starting = threading.RLock()
        self._thread: threading.Thread | None = None
        self._forks = 0
        """The forks between the first process and this one."""
        os.register_at_fork(after_in_child=self._forget)

    def start(self) -> None:
        """Start the thread, if it is not running."""
        if self._is_alive():
            return
        with self._starting:
            if not self._is_alive():
                thread = threading.Thread(target=self._begin, name=self._name, daemon=True)
                thread.start()
                self._thread = thread

    def join(self, timeout: float) -> None:
        """Wait for the thread to end, for at most ``timeout`` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _is_alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _begin(self) -> None:
        forks = self._forks
        self._run(lambda: forks == self._forks)

    def _forget(self) -> None:
        self._starting, self._thread = threading.RLock(), None
        self._forks += 1
