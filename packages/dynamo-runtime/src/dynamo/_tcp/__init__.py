"""Connections between processes, which carry the frames of many requests.

``hub`` has the listening socket and the connections of one event loop; ``connection`` is one of
them; ``handshake`` lets in only those who have the key; ``framing`` cuts bytes into frames;
``address`` is where a hub is found.
"""

from dynamo._tcp.address import Address
from dynamo._tcp.connection import Connection, Session
from dynamo._tcp.hub import Hub

__all__ = ["Address", "Connection", "Hub", "Session"]
