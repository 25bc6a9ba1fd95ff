"""A worker with engine routes.

The first line on stdin releases the calls that wait, the second one ends the worker.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

from dynamo.runtime import DistributedRuntime


async def main() -> None:
    loop = asyncio.get_running_loop()
    runtime = DistributedRuntime()
    here = threading.get_ident()
    release = threading.Event()

    async def double(body: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"doubled": 2 * body["value"], "in_loop": threading.get_ident() == here}

    def echo(body: Any) -> Any:
        return {"body": body, "in_loop": threading.get_ident() == here}

    def fail(body: Any) -> None:
        raise ValueError(f"no weights at {body['path']}")

    def wait(_body: Any) -> str:
        release.wait(30)
        return "released"

    runtime.register_engine_route("double", double)
    runtime.register_engine_route("v1/echo", lambda _body: "replaced")
    runtime.register_engine_route("v1/echo", echo)
    runtime.register_engine_route("fail", fail)
    runtime.register_engine_route("nan", lambda _body: float("nan"))
    runtime.register_engine_route("exit", lambda _body: sys.exit(3))
    runtime.register_engine_route("wait", wait)
    print(runtime.system_status_address, flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    release.set()
    await loop.run_in_executor(None, sys.stdin.readline)


asyncio.run(main())
