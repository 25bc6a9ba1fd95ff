"""Requests over `nats` and `tcp` while workers are killed and NATS is restarted."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from dynamo.runtime import (
    Client,
    ConnectionLostError,
    DistributedRuntime,
    NoInstancesError,
    UnavailableError,
)
from tests.support.nats import NatsServer
from tests.support.process import Start, Worker
from tests.support.serving import endpoint_of
from tools.soak.checks import Checks

CLIENTS = 6
"""Tasks of each plane that send one request after the other."""
WORKERS = 2
"""Processes of each plane that are killed and started again."""
LIVES = 4.0, 9.0
"""Seconds that a worker lives."""
NATS_INTERVAL = 25.0
"""Seconds between two restarts of NATS."""
REQUEST_TIMEOUT = 40.0
"""Seconds after which a request hangs: NATS and tcp notice a lost peer within 10."""
GRACE = 2
_LOST = (UnavailableError, NoInstancesError, ConnectionLostError)

Settings = dict[str, str]


async def run(seconds: float, start: Start, directory: str, checks: Checks) -> None:
    """Do all of that for so many seconds."""
    nats = NatsServer()
    planes: dict[str, Settings] = {
        "nats": {"DYN_REQUEST_PLANE": "nats", "NATS_SERVER": nats.url, "DYN_DISCOVERY_LEASE": "3"},
        "tcp": {"DYN_REQUEST_PLANE": "tcp", "DYN_FILE_KV": directory},
    }
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, problem: checks.fail(f"in the event loop: {problem}"))
    loop.call_later(seconds, ending.set)
    try:
        environment = asyncio.Lock()
        work = asyncio.gather(
            *(_plane(name, planes[name], start, ending, checks, environment) for name in planes),
            _restart_nats(nats, ending, checks),
        )
        await asyncio.wait_for(work, seconds + 120)
    except asyncio.TimeoutError:
        checks.fail("serving did not end")
    finally:
        nats.close()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        _, left = await asyncio.wait(left, timeout=5)
    checks.equal("tasks that are left", [str(task) for task in left], [])


async def _plane(
    name: str,
    settings: Settings,
    start: Start,
    ending: asyncio.Event,
    checks: Checks,
    environment: asyncio.Lock,
) -> None:
    async with (
        _client(settings, "steady", environment) as steady,
        _client(settings, "killed", environment) as killed,
    ):
        steady_worker = _start(start, "steady", settings)
        chaos = [
            asyncio.create_task(_live_and_die(name, settings, start, ending, checks))
            for _ in range(WORKERS)
        ]
        await asyncio.gather(steady.wait_for_instances(), killed.wait_for_instances())
        tallies = [
            await task
            for task in [
                asyncio.create_task(_ask_on(client, name, cancels, ending, checks))
                for client, cancels in [(steady, False), *[(killed, True)] * CLIENTS]
            ]
        ]
        await asyncio.gather(*chaos)
        said = await _stop(steady_worker, name, checks)
        if said and name == "tcp":  # nothing disturbs this one
            checks.equal("requests of the undisturbed worker", said["requests"], tallies[0])
            checks.equal("and how many succeeded", said["succeeded"], tallies[0])


@asynccontextmanager
async def _client(
    settings: Settings, endpoint: str, environment: asyncio.Lock
) -> AsyncIterator[Client]:
    """Have a client with these settings, which are read when it is made."""
    async with DistributedRuntime(port=-1) as runtime:
        async with environment:
            os.environ.update(settings)
            client = await endpoint_of(runtime, f"soak/worker/{endpoint}").client()
            for variable in settings:
                del os.environ[variable]
        yield client


async def _ask_on(
    client: Client, plane: str, cancels: bool, ending: asyncio.Event, checks: Checks
) -> int:
    """Send requests until the end; return how many were answered completely."""
    complete = 0
    while not ending.is_set():
        asking = asyncio.create_task(_ask(client, cancels))
        done, _ = await asyncio.wait({asking}, timeout=REQUEST_TIMEOUT)
        if not done:
            checks.fail(f"a request over {plane} hangs")
            asking.cancel()
            continue
        try:
            outcome = asking.result()
        except _LOST as error:
            outcome = "refused or lost"
            if not cancels and plane == "tcp":
                checks.fail(f"a request to the undisturbed worker failed: {error!r}")
            await asyncio.sleep(0.01)
        except Exception as error:  # of any kind: each is a mismatch
            checks.fail(f"a request over {plane}: {error!r}")
            outcome = "failed"
        complete += outcome == "answered completely"
        checks.count(f"requests over {plane}: {outcome}")
    return complete


async def _ask(client: Client, cancels: bool) -> str:
    items, size = random.choice([(0, 0), (1, 10), (20, 100), (300, 10), (3, 400_000)])
    cancelled_at = random.randrange(items + 1) if cancels and random.random() < 0.3 else None
    answer = await client.generate({"items": items, "size": size, "padding": "x" * size})
    number = 0
    async for item in answer:
        if item != {"number": number, "text": "x" * size}:
            raise AssertionError(f"item {number} is {str(item)[:100]}")
        number += 1
        if number == cancelled_at:
            await answer.aclose()
            return "cancelled"
    if number != items:
        raise AssertionError(f"{number} items came, not {items}")
    return "answered completely"


def _start(start: Start, endpoint: str, settings: Settings) -> Worker:
    grace = {"DYN_WORKER_GRACEFUL_SHUTDOWN_TIMEOUT": str(GRACE)}
    return start("serve.py", endpoint, **settings, **grace)


async def _live_and_die(
    plane: str, settings: Settings, start: Start, ending: asyncio.Event, checks: Checks
) -> None:
    """Start a worker again and again; it ends by SIGKILL and SIGTERM in turn."""
    lives = 0
    while not ending.is_set():
        worker = _start(start, "killed", settings)
        await _within(random.uniform(*LIVES), ending.wait)
        if lives % 2:
            worker.interrupt(signal.SIGKILL)
            await asyncio.to_thread(worker.exit_code)
            checks.count(f"workers of {plane} killed")
        else:
            await _stop(worker, plane, checks)
        worker.close()
        lives += 1


async def _stop(worker: Worker, plane: str, checks: Checks) -> dict[str, Any] | None:
    """End a worker by SIGTERM, and compare its metrics with what its handlers did."""
    worker.interrupt(signal.SIGTERM)
    try:
        code = await asyncio.to_thread(worker.exit_code)
        lines = await asyncio.to_thread(worker.lines)
    except AssertionError as error:
        checks.fail(f"a worker of {plane}: {error}")
        return None
    if code == -signal.SIGTERM or (plane == "nats" and "ConnectionError" in worker.errors):
        checks.count(f"workers of {plane} that ended before they served")
        return None
    checks.equal(f"the exit code of a worker of {plane}", code, 0)
    if code or len(lines) != 1:
        checks.fail(f"a worker of {plane} said {lines}: {worker.errors}")
        return None
    said: dict[str, Any] = json.loads(lines[0])
    checks.count(f"workers of {plane} stopped by SIGTERM")
    checks.equal("requests in flight at the end", said["inflight"], 0)
    checks.equal("durations of requests", said["durations"], said["requests"])
    checks.true(
        f"more succeeded than handlers ended: {said}", said["succeeded"] <= said["completed"]
    )
    return said


async def _restart_nats(nats: NatsServer, ending: asyncio.Event, checks: Checks) -> None:
    while not await _within(NATS_INTERVAL, ending.wait):
        await asyncio.to_thread(nats.kill)
        await asyncio.sleep(random.uniform(0, 1))
        await asyncio.to_thread(nats.start)
        checks.count("restarts of NATS")


async def _within(seconds: float, wait: Callable[[], Coroutine[Any, Any, Any]]) -> bool:
    try:
        await asyncio.wait_for(wait(), seconds)
    except asyncio.TimeoutError:
        return False
    return True
