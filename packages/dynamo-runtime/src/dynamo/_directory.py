"""The directory through which the processes of one user on one host find each other."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from dynamo._settings import FILE_KV, XDG_RUNTIME_DIR

_REMEDY = f"name another directory in {FILE_KV.variable}"


def directory_path() -> Path:
    """Return where it is.

    The first of: ``DYN_FILE_KV``; ``dynamo`` in ``XDG_RUNTIME_DIR``, if that is a directory;
    ``dynamo-<user id>`` in the temporary directory.
    """
    given = FILE_KV.read()
    if given is not None:
        return given
    runtime_directory = XDG_RUNTIME_DIR.read()
    if runtime_directory is not None:
        return runtime_directory / "dynamo"
    return Path(tempfile.gettempdir()) / f"dynamo-{os.geteuid()}"


def open_directory() -> Path:
    """Return the directory, made now if there is none. Only this user can read what is in it.

    Raises ``PermissionError`` if it belongs to another user or others may enter it, ``OSError`` if
    it cannot be made.
    """
    path = directory_path()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.lstat()
    except OSError as error:
        raise OSError(f"{path} cannot be used for discovery: {error}; {_REMEDY}") from None
    if not stat.S_ISDIR(status.st_mode):
        raise PermissionError(f"{path} is not a directory: {_REMEDY}")
    if status.st_uid != os.geteuid():
        raise PermissionError(f"{path} belongs to the user with the id {status.st_uid}: {_REMEDY}")
    if stat.S_IMODE(status.st_mode) & 0o077:
        mode = stat.S_IMODE(status.st_mode)
        raise PermissionError(
            f"{path} is open to other users (mode {mode:04o}): chmod 700 it, or {_REMEDY}"
        )
    return path
