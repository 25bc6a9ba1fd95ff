"""Announces itself and ends its event loop without closing the discovery."""

from __future__ import annotations

import asyncio
import threading

from dynamo.discovery import Target, open_discovery


async def main():
    discovery = await open_discovery("nats")
    labels = {"namespace": "", "component": "", "instance": "1"}
    await discovery.announce(1, Target("127.0.0.1:1", labels))


def helpers():
    return [thread for thread in threading.enumerate() if thread.name == "dynamo-discovery"]


asyncio.run(main())
print("forgotten", flush=True)
for thread in helpers():
    thread.join()
print("ended")
