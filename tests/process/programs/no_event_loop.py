"""A runtime whose event loop runs no calls; the argument says which kind of loop."""

from __future__ import annotations

import asyncio
import sys

from dynamo.runtime import DistributedRuntime


class Loop:
    """Has only the attribute by which the runtime recognises an event loop."""

    call_soon_threadsafe = None


class Unhashable(Loop):
    """Cannot be a key of a dict."""

    __hash__ = None


def closed() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.close()
    return loop


LOOPS = {"an object": Loop, "an object without a hash": Unhashable, "a closed loop": closed}

runtime = DistributedRuntime(LOOPS[sys.argv[1]]())
print(runtime.system_status_address)
input()
runtime.metrics.register_callback(runtime.metrics.create_intcounter("calls", "help").inc)
print("registered")
input()
