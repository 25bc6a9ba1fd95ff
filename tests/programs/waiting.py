"""Waits that a signal ends.

``input()`` and other calls that block can miss one: CPython looks for signals before the system
call, and one that arrives in between does not interrupt the call.
"""

from __future__ import annotations

import select
import signal
import socket
import sys

_woken, _wakes = socket.socketpair()
_wakes.setblocking(False)
signal.set_wakeup_fd(_wakes.fileno())


def until_told() -> None:
    """Return when there is a line on stdin, or after a signal."""
    select.select([sys.stdin, _woken], [], [])


def end_when_told() -> None:
    """Wait for a line, SIGTERM or Ctrl-C, and end the program without an error."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        print("ready")
        until_told()
    except KeyboardInterrupt:
        pass
