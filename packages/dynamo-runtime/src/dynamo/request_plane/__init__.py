"""How requests reach the worker that answers them, and how its answer comes back.

A plane carries bytes: ``dynamo.runtime`` decides what they mean. ``tcp`` connects processes
directly, ``nats`` goes through a NATS server, ``memory`` connects the runtimes of one event loop.
``DYN_REQUEST_PLANE`` chooses.

Each plane is a folder of one shape: ``plane`` opens endpoints and sends requests, ``client`` is the
client's end of a request, ``worker`` the worker's, ``wire`` what lies between the two. ``_planes``
is the table of planes, ``_protocol`` what each of them offers, ``_flow`` and ``_frames`` what they
share, ``_errors`` why a request fails.
"""

from dynamo.request_plane._errors import (
    ConnectionLostError,
    EngineError,
    InvalidRequestError,
    NoInstancesError,
    RequestError,
    UnavailableError,
)
from dynamo.request_plane._planes import open_plane
from dynamo.request_plane._protocol import (
    Call,
    CallerGoneError,
    ClientDisconnectedError,
    Receiver,
    RequestPlane,
    Served,
    Stream,
)

__all__ = [
    "Call",
    "CallerGoneError",
    "ClientDisconnectedError",
    "ConnectionLostError",
    "EngineError",
    "InvalidRequestError",
    "NoInstancesError",
    "Receiver",
    "RequestError",
    "RequestPlane",
    "Served",
    "Stream",
    "UnavailableError",
    "open_plane",
]
