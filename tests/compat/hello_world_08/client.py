"""A client in the style of Dynamo 0.8's hello world. Nothing here may change for this project."""

import asyncio

import uvloop

from dynamo.runtime import DistributedRuntime, dynamo_worker


@dynamo_worker()
async def worker(runtime: DistributedRuntime):
    endpoint = runtime.endpoint("hello_world.backend.generate")
    client = await endpoint.client()
    await client.wait_for_instances()
    stream = await client.generate("world,sun,moon,star")
    async for response in stream:
        print(response.data())


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(worker())
