"""The hierarchy that metrics belong to: runtime, namespace, component, endpoint.

Each node creates metrics, which carry its labels::

    from dynamo.runtime import DistributedRuntime

    endpoint = DistributedRuntime().namespace("prod").component("backend").endpoint("generate")
    requests = endpoint.metrics.create_intcounter("requests_total", "Requests received")
    requests.inc()
"""

from dynamo.runtime._nodes import Component, DistributedRuntime, Endpoint, Namespace
from dynamo.runtime._worker import dynamo_worker

__all__ = ["Component", "DistributedRuntime", "Endpoint", "Namespace", "dynamo_worker"]
