"""The plane through a NATS server, for clients and workers on any host. Needs nats-py.

Nothing is stored. The frames are those of ``dynamo.request_plane._frames``; their subjects:

- A request is published to ``<address>.new``. Its reply subject is the client's own subject for
  this request.
- The worker gives it a key that nobody can guess. Further frames of the client go to
  ``<address>.<key>``, which is the reply subject of all frames of the worker.
- Until a client knows that key, its keepalives go to ``<address>.alive``.

When a peer is lost, NATS answers the next frame to it with "no responders", on the reply subject.
"""

from dynamo.request_plane._protocol import RequestPlane
from dynamo.request_plane.nats.plane import NatsPlane

__all__ = ["NatsPlane", "open_plane"]


async def open_plane() -> RequestPlane:
    """Connect to ``NATS_SERVER``, or share the connection of this event loop."""
    return await NatsPlane.open()
