#!/usr/bin/env python3
"""A worker that updates its metrics on its own time, in a background thread.

    DYN_SYSTEM_PORT=8081 ./server_with_loop.py
    curl http://localhost:8081/metrics

Good for what is slow to find out: no scrape waits for it, and all it costs is that the values are
up to two seconds old. server_with_callback.py shows the other way.
"""

from __future__ import annotations

import sys
import threading
import time

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
    gpu_memory = endpoint.metrics.create_intgaugevec(
        "gpu_memory_bytes", "GPU memory by device", ["gpu_id", "memory_type"]
    )

    def update_loop() -> None:
        while True:
            active_connections.set(worker.connections())
            for memory_type, size in worker.gpu_memory().items():
                gpu_memory.set(size, {"gpu_id": "0", "memory_type": memory_type})
            time.sleep(2)

    worker.start()
    threading.Thread(target=update_loop, daemon=True).start()
    serve_until_ctrl_c(runtime)


if __name__ == "__main__":
    main()
