"""How requests reach the worker that answers them, and how its answer comes back.

A plane carries bytes: what they mean is decided by ``dynamo.runtime``. ``memory`` is one event
loop talking to itself, ``nats`` goes through a NATS server. ``DYN_REQUEST_PLANE`` chooses.
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
    Receiver,
    RequestPlane,
    Served,
    Stream,
)

__all__ = [
    "Call",
    "CallerGoneError",
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
