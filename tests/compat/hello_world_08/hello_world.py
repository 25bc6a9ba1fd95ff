"""A worker in the style of Dynamo 0.8's hello world. Nothing here may change for this project."""

import asyncio
import logging

import uvloop

from dynamo.runtime import DistributedRuntime, dynamo_endpoint, dynamo_worker
from dynamo.runtime.logging import configure_dynamo_logging

logger = logging.getLogger(__name__)
configure_dynamo_logging(service_name="backend")


@dynamo_endpoint(str, str)
async def content_generator(request: str):
    logger.info(f"Received request: {request}")
    for word in request.split(","):
        await asyncio.sleep(0.01)
        yield f"Hello {word}!"


@dynamo_worker()
async def worker(runtime: DistributedRuntime):
    component = runtime.namespace("hello_world").component("backend")
    await component.create_service()
    endpoint = component.endpoint("generate")
    logger.info(f"Serving endpoint hello_world/backend/generate, {endpoint.connection_id()}")
    await endpoint.serve_endpoint(content_generator)


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(worker())
