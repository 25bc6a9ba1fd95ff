"""The hierarchy that metrics belong to: runtime, namespace, component, endpoint.

    from dynamo.runtime import DistributedRuntime

    endpoint = DistributedRuntime().namespace("prod").component("backend").endpoint("generate")
    requests = endpoint.metrics.create_intcounter("requests_total", "Requests received")
    requests.inc()

``_nodes`` has the four levels, ``_shared`` what they share, ``_token`` is cancelled at shutdown,
``_models`` registers models for frontends, ``_worker`` is the decorator, ``logging`` sets up a
program's log. What serving and calling need is imported when it is first used.

The packages of this distribution, each importing only from those above it:

    prometheus_names · prometheus_metrics · asgi · wsgi     names of dynamo_metrics
    _settings            every environment variable that is read
    _directory           the directory that processes of one host share
    _nats · _tcp         the connection to NATS; connections between processes
    request_plane        how requests travel
    discovery            how instances are found
    _network             what a runtime has open towards others
    _requests            what client and handler have in common
    _client · _serving   sending requests, answering them
    runtime              the nodes that users hold
    fleet · _engines     what Prometheus finds; what workers around an engine share
    common · health_check · llm     what programs written for Dynamo import
    mocker · vllm        such workers
    frontend             OpenAI's API in front of workers
"""

from typing import TYPE_CHECKING

from dynamo.runtime._models import register_model
from dynamo.runtime._nodes import Component, DistributedRuntime, Endpoint, Namespace
from dynamo.runtime._token import CancellationToken
from dynamo.runtime._worker import dynamo_worker
from dynamo_metrics._lazy import imported

if TYPE_CHECKING:
    from dynamo._client import Client, ResponseStream
    from dynamo._requests import Context
    from dynamo._serving import dynamo_endpoint
    from dynamo.request_plane import (
        ConnectionLostError,
        EngineError,
        InvalidRequestError,
        NoInstancesError,
        RequestError,
        UnavailableError,
    )

__all__ = [
    "CancellationToken",
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
    "register_model",
]

_HOMES = {
    "Client": "dynamo._client",
    "ConnectionLostError": "dynamo.request_plane",
    "Context": "dynamo._requests",
    "EngineError": "dynamo.request_plane",
    "InvalidRequestError": "dynamo.request_plane",
    "NoInstancesError": "dynamo.request_plane",
    "RequestError": "dynamo.request_plane",
    "ResponseStream": "dynamo._client",
    "UnavailableError": "dynamo.request_plane",
    "dynamo_endpoint": "dynamo._serving",
}


def __getattr__(name: str) -> object:
    return imported(__name__, name, _HOMES)
