"""Discovery within one event loop, without a server."""

from dynamo.discovery._protocol import Discovery
from dynamo.discovery.memory.discovery import MemoryDiscovery

__all__ = ["MemoryDiscovery", "open_discovery"]


async def open_discovery() -> Discovery:
    """Open the discovery of the running event loop."""
    return MemoryDiscovery()
