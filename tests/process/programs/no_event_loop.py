"""A runtime whose event loop is none: what it is, the argument says."""

from __future__ import annotations

import asyncio
import sys

from dynamo.runtime import DistributedRuntime


def closed() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.close()
    return loop


LOOPS = {"an object": lambda: type("Loop", (), {})(), "a list": list, "a closed loop": closed}

runtime = DistributedRuntime(LOOPS[sys.argv[1]]())
print(runtime.system_status_address)
input()
runtime.metrics.register_callback(runtime.metrics.create_intcounter("calls", "help").inc)
print("registered")
input()
