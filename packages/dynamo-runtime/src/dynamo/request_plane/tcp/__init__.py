"""The plane between processes that connect to each other, without a server.

A worker listens on ``DYN_TCP_RPC_HOST``, the loopback by default. The first request from another
process opens one connection, which all requests between the two then use, in either direction. The
frames are those of ``dynamo.request_plane._frames``, each with the number of its request: odd if
the side that opened the connection has sent it, even for the other one. In addition:

| from the client | content |
|---|---|
| ``R`` a request | the target, a line feed, the first frame of a request |

A request to the process that it comes from stays in memory.
"""

from dynamo.request_plane._protocol import RequestPlane
from dynamo.request_plane.tcp.plane import TcpPlane

__all__ = ["TcpPlane", "open_plane"]


async def open_plane() -> RequestPlane:
    """Open the plane in the running event loop. Nothing is connected before the first request."""
    return TcpPlane()
