#!/usr/bin/env python3
"""A worker that greets whoever it is asked to.

    DYN_SYSTEM_PORT=8081 ./server.py
    curl http://localhost:8081/metrics

Clients on this host find it. With ``DYN_REQUEST_PLANE=nats`` those on other hosts do, through the
NATS server in ``NATS_SERVER``.

Its requests are counted in the ``dynamo_component_*`` metrics, without a line about them here.
Ctrl-C or SIGTERM: no new requests, the running ones are finished.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

from dynamo.runtime import DistributedRuntime, Endpoint, dynamo_endpoint, dynamo_worker


@dynamo_endpoint(str, str)
async def greet(request: str) -> AsyncIterator[str]:
    """Answer names separated by commas with a greeting each."""
    for name in request.split(","):
        await asyncio.sleep(0.1)  # as if it were hard
        yield f"Hello {name}!"


def endpoint_of(runtime: DistributedRuntime) -> Endpoint:
    """Return the endpoint that server and client agree on."""
    return runtime.namespace("hello_world").component("backend").endpoint("generate")


@dynamo_worker()
async def main(runtime: DistributedRuntime) -> None:
    """Serve until told to stop."""
    url = runtime.system_status_url
    print(f"metrics: {url}/metrics" if url else "metrics: set DYN_SYSTEM_PORT")
    await endpoint_of(runtime).serve_endpoint(greet)
    print("stopped")


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except (OSError, ValueError, ImportError) as error:  # a setting, a port, NATS or nats-py
        sys.exit(str(error))
