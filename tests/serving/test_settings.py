"""The variables of serving: bad values and missing servers are one line that helps."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dynamo.runtime import DistributedRuntime
from tests.support.nats import NatsServer, nobody_listens
from tests.support.process import Start
from tests.support.serving import endpoint_of


async def echo(request: Any) -> AsyncIterator[Any]:
    yield request


@pytest.mark.parametrize(
    ("variable", "value", "rule"),
    [
        ("DYN_REQUEST_PLANE", "quic", "is not known: use tcp or nats or memory"),
        ("DYN_REQUEST_PLANE", "http", "is not supported here: use tcp"),
        ("DYN_REQUEST_PLANE", "mem", "is not supported here: use memory"),
        ("DYN_DISCOVERY_BACKEND", "consul", "is not known: use file or nats or memory"),
        ("DYN_DISCOVERY_BACKEND", "etcd", "is not supported here: use file on one host, nats on"),
        ("DYN_DISCOVERY_BACKEND", "kubernetes", "is not supported here: use nats"),
        ("DYN_DISCOVERY_BACKEND", "mem", "is not supported here: use memory"),
        ("DYN_FILE_KV", "kv", "is not an absolute path: use one from / on"),
        ("DYN_TCP_RPC_HOST", "a b", "is not a host: use a name or an IP address, without a port"),
        (
            "DYN_WORKER_GRACEFUL_SHUTDOWN_TIMEOUT",
            "-1",
            "is not a time in seconds: use a number above 0 and at most 86400 (one day)",
        ),
        ("DYN_WORKER_GRACEFUL_SHUTDOWN_TIMEOUT", "nan", "is not a time in seconds: use a number"),
        ("DYN_HEALTH_CHECK_ENABLED", "maybe", "is neither on nor off: use true or false"),
        ("DYN_CANARY_WAIT_TIME", "0", "is not a time in seconds: use a number above 0"),
        ("DYN_HEALTH_CHECK_REQUEST_TIMEOUT", "3s", "is not a time in seconds: use a number"),
    ],
)
async def test_a_bad_value_fails_serving_with_variable_value_and_remedy(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, rule: str
) -> None:
    monkeypatch.setenv(variable, value)
    async with DistributedRuntime() as runtime:
        with pytest.raises(
            ValueError, match=f"^{re.escape(f'{variable}={value} {rule}')}"
        ) as error:
            await endpoint_of(runtime).serve_endpoint(echo)
        assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("value", ["http://localhost", "nats://", "a b", "nats://a,,nats://b"])
async def test_a_bad_nats_server_is_refused_before_it_is_tried(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("DYN_REQUEST_PLANE", "nats")
    monkeypatch.setenv("NATS_SERVER", value)
    async with DistributedRuntime() as runtime:
        with pytest.raises(
            ValueError, match=f"^NATS_SERVER={re.escape(value)} is not the address of a NATS"
        ):
            await endpoint_of(runtime).client()


async def test_a_nats_server_over_websockets_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYN_REQUEST_PLANE", "nats")
    monkeypatch.setenv("NATS_SERVER", "ws://localhost:8080")
    async with DistributedRuntime() as runtime:
        with pytest.raises(ValueError, match=r"is a WebSocket, .* nats://host:port"):
            await endpoint_of(runtime).client()


async def test_control_characters_in_a_value_do_not_break_the_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DYN_REQUEST_PLANE", "na\nts" + "x" * 1000)
    async with DistributedRuntime() as runtime:
        with pytest.raises(
            ValueError, match=r"^DYN_REQUEST_PLANE=na\\ntsx{95}… is not kn"
        ) as error:
            await endpoint_of(runtime).client()
        assert len(str(error.value)) < 200


async def test_every_word_for_on_and_off_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    for word in ["1", "TRUE", "on", "Yes", "0", "false", "OFF", "no", "", " "]:
        from dynamo._serving.canary import CanarySettings

        monkeypatch.setenv("DYN_HEALTH_CHECK_ENABLED", word)
        enabled = CanarySettings.from_environment().enabled
        assert enabled == (word.lower() in ("1", "true", "on", "yes"))


async def test_a_server_that_is_not_there_is_named_with_the_ways_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = nobody_listens()
    monkeypatch.setenv("DYN_REQUEST_PLANE", "nats")
    monkeypatch.setenv("NATS_SERVER", url)
    async with DistributedRuntime() as runtime:
        with pytest.raises(ConnectionError) as error:
            await endpoint_of(runtime).serve_endpoint(echo)
    message = str(error.value)
    assert message.startswith(f"NATS_SERVER={url} cannot be reached: ")
    assert message.endswith(
        "start a NATS server there, name another one, or use DYN_REQUEST_PLANE=memory"
    )
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("reached", [True, False])
async def test_a_password_stays_out_of_messages(
    monkeypatch: pytest.MonkeyPatch, reached: bool
) -> None:
    host = nobody_listens().removeprefix("nats://")
    good = f"nats://me:secret@{host}"
    monkeypatch.setenv("DYN_REQUEST_PLANE", "nats")
    monkeypatch.setenv("NATS_SERVER", good if reached else f"http://me:secret@{host},{good}")
    async with DistributedRuntime() as runtime:
        with pytest.raises((ConnectionError, ValueError), match=r"://127") as error:
            await endpoint_of(runtime).client()
    assert "secret" not in str(error.value)


async def test_a_server_without_jetstream_is_named_with_the_ways_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = NatsServer(jetstream=False)
    try:
        monkeypatch.setenv("DYN_REQUEST_PLANE", "nats")
        monkeypatch.setenv("NATS_SERVER", server.url)
        async with DistributedRuntime() as runtime:
            with pytest.raises(
                ConnectionError,
                match=r"has no JetStream, which discovery needs: "
                r"start it with -js, or use DYN_DISCOVERY_BACKEND=memory$",
            ):
                await endpoint_of(runtime).client()
    finally:
        server.close()


async def test_without_nats_py_the_error_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DYN_REQUEST_PLANE", "nats")
    monkeypatch.setitem(sys.modules, "nats", None)  # as if it were not installed
    async with DistributedRuntime() as runtime:
        with pytest.raises(ImportError, match=r"pip install 'dynamo-runtime\[nats\]'"):
            await endpoint_of(runtime).client()


def test_a_runtime_imports_nothing_of_what_serving_needs(start: Start) -> None:
    worker = start("imports_nothing.py")
    assert worker.line() == "set()"
    assert worker.line() == "set()"


async def test_a_runtime_used_from_a_second_event_loop_says_so() -> None:
    import asyncio

    async with DistributedRuntime() as runtime:
        await endpoint_of(runtime).client()

        def elsewhere() -> None:
            with pytest.raises(RuntimeError, match="in another event loop: make a DistributedRunt"):
                asyncio.run(endpoint_of(runtime).client())

        await asyncio.to_thread(elsewhere)


def test_a_runtime_can_be_used_in_one_event_loop_after_the_other() -> None:
    import asyncio

    runtime = DistributedRuntime()

    async def ask() -> list[int]:
        client = await endpoint_of(runtime).client()
        return client.instance_ids()

    assert asyncio.run(ask()) == []
    assert asyncio.run(ask()) == []
    runtime.shutdown()
