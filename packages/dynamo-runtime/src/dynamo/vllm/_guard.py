"""Ends the engine's processes when the worker has ended, also by SIGKILL.

vLLM's engine runs in processes of its own, which live on when their parent is killed: they keep
the GPU's memory, and the next worker does not start. So a small process, in a session of its own,
waits for the end of the worker, and then ends every process that has the worker's mark in its
environment. A mark, because a tree of processes falls apart when its root goes.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker

import psutil

_MARK = "DYN_VLLM_WORKER"
_CHECK_INTERVAL = 1.0
"""Seconds between checks of the worker's process, in case the pipe stays open."""
_TERMINATE_TIMEOUT = 5.0
"""Seconds that a process has to end after SIGTERM."""


@contextmanager
def guarded() -> Iterator[None]:
    """End all processes started meanwhile with this one, or with the block."""
    # Ends by itself, when the last process that uses it has: it must not bear the mark.
    resource_tracker.ensure_running()
    mark = uuid.uuid4().hex
    before = os.environ.pop(_MARK, None)  # of a worker that has started this one
    guard = subprocess.Popen(
        [sys.executable, "-m", __name__, str(os.getpid()), mark],
        env=dict(os.environ),  # without a mark: no other guard ends this one
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # signals to the worker's process group, such as Ctrl-C, pass it by
    )
    os.environ[_MARK] = mark
    # setproctitle, with which vLLM names its processes, would write over their environment.
    os.environ["SPT_NOENV"] = "1"
    try:
        yield
    finally:
        del os.environ[_MARK]
        if before is not None:
            os.environ[_MARK] = before
        # Data, not only the end of the pipe: a forked child keeps the pipe open too.
        guard.communicate(b"end")


def main(worker: int, mark: str) -> None:
    """Wait for the end of the worker, or of the block, then end what is left."""
    while os.getppid() == worker and not select.select([sys.stdin], [], [], _CHECK_INTERVAL)[0]:
        pass
    left = _marked(mark)
    for process in left:
        _signal(process.terminate)
    psutil.wait_procs(left, _TERMINATE_TIMEOUT)
    for process in _marked(mark):  # those that these have started meanwhile are among them
        _signal(process.kill)


def _marked(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(_MARK) == mark:
                found.append(process)
        except psutil.Error:  # it has ended, or belongs to another user
            continue
    return found


def _signal(send: Callable[[], None]) -> None:
    with suppress(psutil.NoSuchProcess):
        send()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
