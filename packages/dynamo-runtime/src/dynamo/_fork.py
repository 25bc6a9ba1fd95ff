"""File descriptors that a forked child must not keep.

A child that holds the locked file or the sockets of its parent keeps them alive after the parent
has ended. In the child each of them becomes ``/dev/null``; a started program (``exec``) has none.
"""

from __future__ import annotations

import os

_descriptors: set[int] = set()


def withhold(descriptor: int) -> None:
    """Take a descriptor away from children that are forked from now on."""
    _descriptors.add(descriptor)


def forget(descriptor: int) -> None:
    """Stop doing so. To be called before the descriptor is closed."""
    _descriptors.discard(descriptor)


def _in_child() -> None:
    if not _descriptors:
        return
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in _descriptors:
        # Not close(): the objects of the parent close it once more, when it may be another file.
        os.dup2(null, descriptor, inheritable=False)
    os.close(null)
    _descriptors.clear()


os.register_at_fork(after_in_child=_in_child)
