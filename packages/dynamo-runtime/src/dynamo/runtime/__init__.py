"""The hierarchy that metrics belong to: runtime, namespace, component, endpoint.

    from dynamo.runtime import DistributedRuntime

    endpoint = DistributedRuntime().namespace("prod").component("backend").endpoint("generate")
    requests = endpoint.metrics.create_intcounter("requests_total", "Requests received")
    requests.inc()

What endpoints need to be served and called is imported when it is first used.
"""

from typing import TYPE_CHECKING

from dynamo.runtime._nodes import Component, DistributedRuntime, Endpoint, Namespace
from dynamo.runtime._worker import dynamo_worker
from dynamo_metrics._lazy import imported

if TYPE_CHECKING:
    from dynamo.request_plane import (
        ConnectionLostError,
        EngineError,
        InvalidRequestError,
        NoInstancesError,
        RequestError,
        UnavailableError,
    )
    from dynamo.runtime._client import Client, ResponseStream
    from dynamo.runtime._context import Context
    from dynamo.runtime._models import dynamo_endpoint

__all__ = [
    "Client",
    "Component",
    "ConnectionLostError",
    "Context",
    "DistributedRuntime",
    "Endpoint",
    "EngineError",
    "InvalidRequestError",
    "Namespace",
    "NoInstancesError",
    "RequestError",
    "ResponseStream",
    "UnavailableError",
    "dynamo_endpoint",
    "dynamo_worker",
]

_HOMES = {
    "Client": "dynamo.runtime._client",
    "ConnectionLostError": "dynamo.request_plane",
    "Context": "dynamo.runtime._context",
    "EngineError": "dynamo.request_plane",
    "InvalidRequestError": "dynamo.request_plane",
    "NoInstancesError": "dynamo.request_plane",
    "RequestError": "dynamo.request_plane",
    "ResponseStream": "dynamo.runtime._client",
    "UnavailableError": "dynamo.request_plane",
    "dynamo_endpoint": "dynamo.runtime._models",
}


def __getattr__(name: str) -> object:
    return imported(__name__, name, _HOMES)
