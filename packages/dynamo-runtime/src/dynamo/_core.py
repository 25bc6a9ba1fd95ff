"""The classes that users hold, under the module name of Dynamo's own bindings."""

from dynamo.prometheus_metrics import RuntimeMetrics
from dynamo.runtime import Client, Component, Context, DistributedRuntime, Endpoint, Namespace

__all__ = [
    "Client",
    "Component",
    "Context",
    "DistributedRuntime",
    "Endpoint",
    "Namespace",
    "RuntimeMetrics",
]
