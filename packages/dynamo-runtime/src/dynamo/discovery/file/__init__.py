"""Discovery through a directory of this host. Needs no server.

The directory is that of ``dynamo._directory``: mode 0700, of one user. Each discovery has one file
in it, a JSON object with the lists ``instances``, ``targets`` and ``models``, and holds a lock of
that file (``flock``) for as long as it lives. The kernel releases the lock at the end of a process,
however that comes: a file without a lock is the entry of a dead process, and whoever sees it
removes it.
"""

from dynamo.discovery._protocol import Discovery
from dynamo.discovery.file.discovery import POLL_INTERVAL, FileDiscovery

__all__ = ["POLL_INTERVAL", "FileDiscovery", "open_discovery"]


async def open_discovery() -> Discovery:
    """Open the directory. Raises ``OSError`` if it cannot be used."""
    return FileDiscovery.open()
