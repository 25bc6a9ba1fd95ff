"""A real terminal: a program behind a pseudo-terminal, and the screen that a person would see."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyte

from tests.support.waiting import eventually

COLUMNS, ROWS = 160, 45


class Terminal:
    """A running program and its screen."""

    def __init__(self, command: Sequence[str | Path], settings: dict[str, str]) -> None:
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        environment = {
            name: os.environ[name]
            for name in os.environ
            if name[:4] != "DYN_" and name not in ("COLUMNS", "LINES")
        }
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**environment, "TERM": "xterm-256color", **settings},
            start_new_session=True,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def lines(self) -> list[str]:
        """The lines of the screen that show something, as they are now."""
        with self._lock:
            lines = [line.rstrip() for line in self._screen.display]
        return [line for line in lines if line.strip()]

    def line(self, *words: str) -> str:
        """The first line with all of these words, as soon as there is one, which must come."""
        return self.until(
            lambda lines: next(
                (line for line in lines if all(word in line for word in words)), None
            )
        )

    def until(self, look: Callable[[list[str]], str | None]) -> str:
        """What a look at the lines gives, as soon as it gives something, which must come."""
        try:
            return eventually(lambda: look(self.lines()))
        except AssertionError as error:
            raise AssertionError("\n".join([f"{error}; the screen:", *self.lines()])) from None

    def press(self, keys: str) -> None:
        """Types keys."""
        os.write(self._master, keys.encode())

    def close(self) -> None:
        """Ends the program, if it still runs."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join()
        os.close(self._master)

    def _read(self) -> None:
        # The end of the program is an error of reading, on Linux.
        with contextlib.suppress(OSError):
            while data := os.read(self._master, 65536):
                with self._lock:
                    self._stream.feed(data)


@contextlib.contextmanager
def terminal(*command: str | Path, **settings: str) -> Iterator[Terminal]:
    """Runs a program in a terminal of its own until the block ends."""
    running = Terminal(command, settings)
    try:
        yield running
    finally:
        running.close()
