#!/usr/bin/env python3
"""A worker that updates its metrics when it is asked, in a callback before each scrape.

    DYN_SYSTEM_PORT=8081 ./server_with_callback.py
    curl http://localhost:8081/metrics

Good for what is quick to find out: each scrape shows the state at that very moment, and between
scrapes nothing is done. server_with_loop.py shows the other way.
"""

from __future__ import annotations

import sys

from dynamo.runtime import DistributedRuntime
from worker import Worker, serve_until_ctrl_c


def main() -> None:
    """Create the metrics, keep them moving, serve them."""
    try:
        runtime = DistributedRuntime()
    except (OSError, ValueError) as error:  # the port is taken, or DYN_SYSTEM_PORT is no port
        sys.exit(str(error))
    endpoint = runtime.namespace("demo").component("backend").endpoint("generate")
    worker = Worker(endpoint)

    active_connections = endpoint.metrics.create_intgauge(
        "active_connections", "Requests being answered"
    )

    def update_metrics() -> None:
        active_connections.set(worker.connections())

    endpoint.metrics.register_callback(update_metrics)
    worker.start()
    serve_until_ctrl_c(runtime)


if __name__ == "__main__":
    main()
