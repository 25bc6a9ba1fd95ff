"""The files in the directory, and their locks."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import secrets
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from dynamo import _fork
from dynamo.discovery._records import Instance, Model, Target, from_json, to_json

_SUFFIX = ".entry"
_UNFINISHED = ".new"
_UNFINISHED_SECONDS = 60.0
"""Age from which a file that was never renamed counts as left behind."""
_RECENT_SECONDS = 1.0
"""Age up to which the directory is read again: its time may be that of two changes."""
_MAX_ENTRY_BYTES = 16 << 20

_log = logging.getLogger("dynamo.runtime")


class Records(NamedTuple):
    """What one discovery has registered."""

    instances: tuple[Instance, ...] = ()
    targets: tuple[Target, ...] = ()
    models: tuple[Model, ...] = ()


class OwnEntry:
    """The file of one discovery, locked while it is there."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / f"{os.getpid()}-{secrets.token_hex(8)}{_SUFFIX}"
        self._content = b""
        self._descriptor: int | None = None

    def write(self, records: Records) -> None:
        """Replace what is registered. Raises ``OSError``."""
        if not any(records):
            self.remove()
            return
        content = {
            "instances": [json.loads(to_json(instance)) for instance in records.instances],
            "targets": [json.loads(to_json(target)) for target in records.targets],
            "models": [json.loads(to_json(model)) for model in records.models],
        }
        self._content = json.dumps(content).encode()
        self._put()

    def restore(self) -> None:
        """Write the file again if it was removed."""
        if self._descriptor is not None and not _is_at(self._descriptor, self._path):
            self._put()

    def remove(self) -> None:
        """Remove the file, and release its lock."""
        if self._descriptor is not None:
            with suppress(OSError):
                if _is_at(self._descriptor, self._path):
                    self._path.unlink()
            self._release()

    def _put(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(_UNFINISHED)
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            # The file has its name only when it is locked and complete.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with open(descriptor, "wb", closefd=False) as file:
                file.write(self._content)
            unfinished.rename(self._path)
        except BaseException:
            os.close(descriptor)
            raise
        _fork.withhold(descriptor)
        self._release()
        self._descriptor = descriptor

    def _release(self) -> None:
        if self._descriptor is not None:
            _fork.forget(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None


class Entries:
    """The files of all discoveries, read when they change."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read_at = 0
        self._open: dict[str, tuple[int, Records]] = {}

    def records(self) -> Iterable[Records]:
        """Return what living processes have registered, the oldest first.

        Raises ``OSError`` if the directory cannot be read.
        """
        try:
            changed = self._directory.stat().st_mtime_ns
        except FileNotFoundError:
            self.close()
            return ()
        recent = abs(time.time() - changed / 1e9) < _RECENT_SECONDS
        if recent or changed != self._read_at:
            self._read_at = changed
            self._list()
        for name, (descriptor, _) in list(self._open.items()):
            if _is_dead(descriptor):
                self._forget(name)
                _remove_if_same(self._directory / name, descriptor)
                os.close(descriptor)
                self._read(name)  # a living process may have replaced it since it was listed
        return [records for _, records in self._open.values()]

    def close(self) -> None:
        """Drop all entries."""
        self._read_at = 0
        for name in list(self._open):
            os.close(self._forget(name))

    def _forget(self, name: str) -> int:
        descriptor, _ = self._open.pop(name)
        return descriptor

    def _list(self) -> None:
        with os.scandir(self._directory) as listing:
            found = {entry.name: entry.inode() for entry in listing}
        for name in [name for name in self._open if name not in found]:
            os.close(self._forget(name))
        for name, inode in found.items():
            if name.endswith(_UNFINISHED):
                _remove_if_left_behind(self._directory / name)
            elif name.endswith(_SUFFIX):
                known = self._open.get(name)
                if known is None or os.fstat(known[0]).st_ino != inode:
                    self._read(name)

    def _read(self, name: str) -> None:
        try:
            descriptor = os.open(
                self._directory / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            )
        except OSError:
            return  # it was removed meanwhile, or is none of ours
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            return
        records = Records()
        try:
            records = _parse(os.pread(descriptor, _MAX_ENTRY_BYTES, 0))
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            _log.warning("an entry of discovery cannot be read, %s: %s", name, error)
        known = self._open.get(name)
        if known is not None:
            os.close(known[0])
        self._open[name] = descriptor, records


def _parse(content: bytes) -> Records:
    stored: Any = json.loads(content)
    if not isinstance(stored, dict):
        raise ValueError("it is not an object")
    return Records(
        tuple(from_json(Instance, json.dumps(one).encode()) for one in stored["instances"]),
        tuple(from_json(Target, json.dumps(one).encode()) for one in stored["targets"]),
        tuple(from_json(Model, json.dumps(one).encode()) for one in stored.get("models", ())),
    )


def _is_dead(descriptor: int) -> bool:
    """Try to take the lock of an entry, and return whether it is held now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def _remove_if_same(path: Path, descriptor: int) -> None:
    """Remove an entry, unless its name belongs to a new file by now."""
    with suppress(OSError):
        if _is_at(descriptor, path):
            path.unlink()


def _remove_if_left_behind(path: Path) -> None:
    with suppress(OSError):
        if time.time() - path.lstat().st_mtime > _UNFINISHED_SECONDS:
            path.unlink()
