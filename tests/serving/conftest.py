from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from dynamo._nats import connection
from dynamo.request_plane.tcp import TcpPlane
from tests.support.client import TIMEOUT_SECONDS
from tests.support.nats import NatsServer
from tests.support.process import Start, workers


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs an async test in an event loop of its own, which it must leave as it was."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(_alone(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})))
    return True


async def _alone(test: Coroutine[Any, Any, None]) -> None:
    problems: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, problem: problems.append(problem))
    await test
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        # Tasks that were cancelled need a moment; there must be nothing else.
        _, left = await asyncio.wait(left, timeout=TIMEOUT_SECONDS)
    assert not left, f"tasks were left behind: {left}"
    # A transport that has been closed lets go of its socket in the turns of the loop that follow.
    for _ in range(3):
        await asyncio.sleep(0)
    gc.collect()
    assert not problems, problems


@pytest.fixture(autouse=True)
def _no_nats_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the shell has set, no test uses a server that is not its own."""
    monkeypatch.delenv("NATS_SERVER", raising=False)


@pytest.fixture
def nats(monkeypatch: pytest.MonkeyPatch) -> Iterator[NatsServer]:
    """A NATS server with JetStream, which may take longer to answer than elsewhere."""
    monkeypatch.setattr(connection, "_JETSTREAM_TIMEOUT", connection.CALL_TIMEOUT)
    server = NatsServer()
    yield server
    server.close()


@pytest.fixture
def on_nats(nats: NatsServer, monkeypatch: pytest.MonkeyPatch) -> NatsServer:
    """Everything in this process goes through that server."""
    for name, value in nats_settings(nats).items():
        monkeypatch.setenv(name, value)
    return nats


@pytest.fixture
def on_tcp(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything in this process goes through sockets, also what would stay in memory."""
    monkeypatch.setenv("DYN_REQUEST_PLANE", "tcp")
    monkeypatch.setattr(TcpPlane, "stays_in_memory", False)


@pytest.fixture
def on_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything stays in this event loop."""
    monkeypatch.setenv("DYN_REQUEST_PLANE", "memory")


@pytest.fixture(params=["memory", "tcp", "nats"])
def plane(request: pytest.FixtureRequest) -> str:
    """The test runs on each request plane."""
    request.getfixturevalue(f"on_{request.param}")
    return str(request.param)


@pytest.fixture(params=["tcp", "nats"])
def between(request: pytest.FixtureRequest) -> dict[str, str]:
    """The test runs on each plane that connects processes: the settings of another process."""
    if request.param == "tcp":
        request.getfixturevalue("on_tcp")
        return {}
    return nats_settings(request.getfixturevalue("on_nats"))


@pytest.fixture
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    """Starts workers that end with the test: ``start(program, *arguments, **settings)``."""
    with workers(request.path) as start:
        yield start


def nats_settings(server: NatsServer) -> dict[str, str]:
    """The variables that lead to a server."""
    return {"DYN_REQUEST_PLANE": "nats", "NATS_SERVER": server.url}
