"""Metrics that several processes share: the directory, and what a forked child starts again.

Also the mark by which a child knows that its parent listens on the port of both.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from dynamo_metrics import _arguments, _environment, _native

VARIABLE = "DYN_METRICS_SHARED_DIR"
AUTO = "auto"

_PREFIX = "dynamo-metrics-auto-"
_UNUSED_SECONDS = 3600
"""A directory that is younger may wait for its first process, or for the next one."""

_in_child: list[Callable[[], None]] = []
"""What a forked child of a process that shares its metrics does."""


def directory(given: str | os.PathLike[str] | None) -> str | None:
    """Return the directory to share metrics in: ``given``, that of the environment, or None.

    ``"auto"`` makes a directory and hands it to child processes by the environment.
    """
    path = _environment.text(VARIABLE, "") if given is None else _given(given)
    if path != AUTO:
        return path or None
    path = _automatic()
    os.environ[VARIABLE] = path
    return path


def _given(shared_dir: object) -> str:
    path = os.fspath(shared_dir) if isinstance(shared_dir, os.PathLike) else shared_dir
    if not isinstance(path, str):
        raise _arguments.wrong_type(shared_dir, "shared_dir", "a str or a path of text")
    if not path.strip():
        raise ValueError("shared_dir is empty: leave it out, or name a directory")
    return _arguments.text(path, "shared_dir")


def _automatic() -> str:
    """Make a directory below ``XDG_RUNTIME_DIR``, or else that of temporary files."""
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    usable = base if base and os.access(base, os.W_OK | os.X_OK) else None
    place = Path(usable or tempfile.gettempdir())
    _remove_unused(place)
    return tempfile.mkdtemp(prefix=_PREFIX, dir=place)


def _remove_unused(base: Path) -> None:
    """Remove the automatic directories of this user in which no process has been for an hour."""
    for path in base.glob(f"{_PREFIX}*"):
        try:
            status = path.lstat()
            is_old = (
                status.st_uid == os.geteuid() and status.st_mtime < time.time() - _UNUSED_SECONDS
            )
            if is_old and _native.reset_shared(path):
                shutil.rmtree(path)
        except OSError:
            continue  # another process removes it at this moment


def when_forked(action: Callable[[], None]) -> None:
    """Call ``action`` in each forked child from now on."""
    if action not in _in_child:
        _in_child.append(action)


def mark_port(address: str) -> None:
    """Leave a mark for child processes, which cannot listen on the port of this one."""
    port = address.rpartition(":")[2]
    mark = _native.served_mark(int(port)) if port.isdigit() else None
    known = [one for one in os.environ.get(_native.SERVED_BY, "").split(",") if one]
    if mark is not None and mark not in known:
        os.environ[_native.SERVED_BY] = ",".join([*known[-7:], mark])


def _after_fork_in_child() -> None:
    if _in_child:
        _native.resume_shared()
        for action in _in_child:
            action()


# Registered after the hooks of the modules whose threads it starts.
os.register_at_fork(after_in_child=_after_fork_in_child)
