"""The plane of one event loop: clients and workers of the same process, without a server."""

from dynamo.request_plane._protocol import RequestPlane
from dynamo.request_plane.memory.plane import MemoryPlane

__all__ = ["MemoryPlane", "open_plane"]


async def open_plane() -> RequestPlane:
    """Open the plane of the running event loop."""
    return MemoryPlane()
