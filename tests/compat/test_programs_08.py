"""Programs written for Dynamo 0.7 and 0.8 run unchanged, with nothing set."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from dynamo.common.utils.prometheus import (
    get_prometheus_expfmt,
    register_engine_metrics_callback,
)
from dynamo.health_check import HealthCheckPayload
from dynamo.runtime import Context, DistributedRuntime, Endpoint
from dynamo.runtime.logging import configure_dynamo_logging
from tests.support import exposition, sample
from tests.support.process import Worker
from tests.support.serving import collect, endpoint_of, served

PROGRAMS = Path(__file__).parent / "hello_world_08"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

UVLOOP = "def install(): pass\n"
"""What stands for uvloop where it is not installed: asyncio's own event loop."""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        import uvloop  # noqa: F401
    except ImportError:
        (tmp_path / "uvloop.py").write_text(UVLOOP)
        before = [entry for entry in (_python_path(),) if entry]
        monkeypatch.setenv("PYTHONPATH", ":".join([*before, str(tmp_path)]))


def _python_path() -> str:
    import os

    return os.environ.get("PYTHONPATH", "")


@pytest.mark.usefixtures("path")
def test_worker_and_client_of_the_hello_world_find_each_other_with_nothing_set() -> None:
    worker = Worker([sys.executable, PROGRAMS / "hello_world.py"], {})
    client = Worker([sys.executable, PROGRAMS / "client.py"], {})
    try:
        assert client.lines() == ["Hello world!", "Hello sun!", "Hello moon!", "Hello star!"]
        client.assert_ends_cleanly()
        worker.interrupt(signal.SIGTERM)
        assert worker.exit_code() == 0
        assert "INFO backend: __main__: Received request: world,sun,moon,star" in worker.errors
    finally:
        client.close()
        worker.close()


@pytest.mark.parametrize("value", [{"a": [1]}, [1, {"b": 2}], "text", 7, 1.5, "", {}])
async def test_items_are_values_with_the_methods_of_dynamos_items(value: Any) -> None:
    async def echo(request: Any) -> AsyncIterator[Any]:
        yield request

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        [item] = await collect(await client.generate(value))
        [plain] = await collect(await client.generate(value, annotated=False))
    assert item == value
    assert isinstance(item, type(value))
    assert json.dumps(item) == json.dumps(value)
    assert (type(item.data()), item.data()) == (type(value), value)
    assert (item.is_error(), item.event(), item.comments(), item.id()) == (False, None, None, None)
    assert type(plain) is type(value)


# The log.


@pytest.fixture
def _root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("noisy", "noisy.part"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.mark.usefixtures("_root_logger")
def test_levels_of_the_log_are_those_of_dyn_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DYN_LOG", "warn,noisy=error,noisy::part=debug")
    configure_dynamo_logging()
    configure_dynamo_logging()  # the second call replaces what the first one has set up
    logging.getLogger("other").info("not shown")
    logging.getLogger("other").warning("shown %d", 1)
    logging.getLogger("noisy").warning("not shown")
    logging.getLogger("noisy.part").debug("shown 2")
    lines = [line.split(" ", 1)[1].strip() for line in capsys.readouterr().err.splitlines()]
    # A thread of an earlier test may log as well.
    assert [line for line in lines if re.search(r" (other|noisy)[.:]", line)] == [
        "WARN other: shown 1",
        "DEBUG noisy.part: shown 2",
    ]


@pytest.mark.usefixtures("_root_logger")
def test_the_log_may_be_lines_of_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DYN_LOGGING_JSONL", "1")
    configure_dynamo_logging(service_name="backend", worker_id=7)
    try:
        raise ValueError("the reason")
    except ValueError:
        logging.getLogger("x").exception("it\nfailed")
    lines = map(json.loads, capsys.readouterr().err.splitlines())
    # A thread of an earlier test may log as well.
    [fields] = [fields for fields in lines if fields["target"] == "x"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", fields.pop("time"))
    assert fields.pop("exception").endswith("ValueError: the reason")
    assert fields.pop("file") == __file__
    assert isinstance(fields.pop("line"), int)
    assert fields == {
        "level": "ERROR",
        "target": "x",
        "message": "it\nfailed",
        "service_name": "backend",
        "worker_id": 7,
    }


@pytest.mark.usefixtures("_root_logger")
async def test_a_line_of_a_handler_has_the_ids_of_its_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DYN_LOGGING_JSONL", "1")
    configure_dynamo_logging()

    async def handler(request: Any) -> AsyncIterator[Any]:
        logging.getLogger("x").warning("handled")
        yield request

    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    context = Context("request-1", traceparent=f"00-{trace}-{span}-01")
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), handler) as client:
        [_] = [item async for item in await client.generate(1, context=context)]
    lines = map(json.loads, capsys.readouterr().err.splitlines())
    [fields] = [fields for fields in lines if fields["message"] == "handled"]
    assert (fields["request_id"], fields["trace_id"], fields["span_id"]) == (
        "request-1",
        trace,
        span,
    )


@pytest.mark.usefixtures("_root_logger")
def test_a_level_that_is_not_known_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYN_LOG", "info,x=loud")
    with pytest.raises(ValueError, match=r"^DYN_LOG=info,x=loud has a level that is not known: us"):
        configure_dynamo_logging()


# The metrics of an engine.


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Counter("vllm:requests", "Requests", ["model_name"], registry=registry).labels("m").inc(3)
    Gauge("vllm:cache_usage", "Usage", registry=registry).set(0.5)
    Gauge("python_threads", "Threads", registry=registry).set(7)
    Histogram("vllm:latency", "Latency", registry=registry, buckets=(1,)).observe(0.5)
    return registry


def names(text: str) -> set[str]:
    return {re.split(r"[ {]", line)[0] for line in text.splitlines() if not line.startswith("#")}


def test_engine_metrics_are_filtered_and_renamed_as_text(registry: CollectorRegistry) -> None:
    everything = get_prometheus_expfmt(registry)
    assert {"vllm:cache_usage", "python_threads"} < names(everything)
    assert names(get_prometheus_expfmt(registry, ["python_"])) == {"python_threads"}
    assert "python_threads" not in names(
        get_prometheus_expfmt(registry, exclude_prefixes=["python_", "vllm:lat"])
    )
    both = get_prometheus_expfmt(registry, ["vllm:"], ["vllm:latency", "vllm:requests"])
    assert names(both) == {"vllm:cache_usage"}
    assert "# HELP vllm:cache_usage Usage" in both
    renamed = get_prometheus_expfmt(registry, ["vllm:cache", "vllm:"], ["vllm:lat"], "engine_")
    assert "engine__usage" in names(renamed)
    assert "# TYPE engine_requests_total counter" in renamed
    assert names(get_prometheus_expfmt(registry, exclude_prefixes=["v"], add_prefix="a_")) == {
        "a_python_threads"
    }


def test_engine_metrics_are_in_the_exposition_of_the_endpoint(
    runtime: DistributedRuntime, registry: CollectorRegistry
) -> None:
    endpoint = runtime.endpoint("ns.comp.generate")
    register_engine_metrics_callback(
        endpoint,
        registry,
        metric_prefix_filters=["vllm:"],
        inject_custom_labels={"zone": "a", "model": "other"},
        namespace_name="my-ns",
        component_name="comp",
        endpoint_name="generate",
        model_name="llama",
    )
    for _ in range(2):  # nothing adds up
        families = exposition(runtime)
    labels = {
        "dynamo_namespace": "my-ns",
        "dynamo_component": "comp",
        "dynamo_endpoint": "generate",
        "worker_id": f"{endpoint.connection_id():x}",
        "model": "llama",
        "zone": "a",
    }
    assert sample(families, "vllm:cache_usage", model_name="llama", **labels) == 0.5
    assert sample(families, "vllm:requests_total", model_name="m", **labels) == 3  # its own stays
    assert sample(families, "vllm:latency_bucket", le="1.0", **labels) == 1
    assert "python_threads" not in families


@pytest.mark.parametrize("label", ["le", "quantile"])
def test_a_label_of_histograms_is_refused(registry: CollectorRegistry, label: str) -> None:
    with pytest.raises(ValueError, match=f'label name "{label}" belongs to histograms'):
        get_prometheus_expfmt(registry, inject_custom_labels={label: "1"})


def test_a_registry_that_raises_gives_an_empty_text(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def collect(self) -> Iterator[Any]:
            raise RuntimeError("the engine is gone")

    registry = CollectorRegistry()
    registry._collector_to_names[Broken()] = []  # type: ignore[index]
    assert get_prometheus_expfmt(registry) == ""
    assert "could not be read" in caplog.text


# Health checks.


class Payload(HealthCheckPayload):
    def __init__(self) -> None:
        self.default_payload = {"prompt": "1"}
        super().__init__()


def test_a_payload_is_the_programs_or_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert Payload().to_dict() == {"prompt": "1"}
    monkeypatch.setenv("DYN_HEALTH_CHECK_PAYLOAD", '{"prompt": "2"}')
    assert Payload().to_dict() == {"prompt": "2"}
    (tmp_path / "payload.json").write_text('{"prompt": "3"}')
    monkeypatch.setenv("DYN_HEALTH_CHECK_PAYLOAD", f"@{tmp_path}/payload.json")
    assert Payload().to_dict() == {"prompt": "3"}


@pytest.mark.parametrize("value", ["{", "[1]", "@/no/such/file"])
def test_a_payload_that_is_no_object_is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("DYN_HEALTH_CHECK_PAYLOAD", value)
    with pytest.raises(ValueError, match=r"^DYN_HEALTH_CHECK_PAYLOAD=.*: use a JSON object, "):
        Payload()


def test_a_payload_without_a_default_says_what_is_missing() -> None:
    with pytest.raises(NotImplementedError, match="HealthCheckPayload has no payload: set self"):
        HealthCheckPayload()


# The runtime.


@pytest.mark.parametrize("path", ["a.b.c.d", "dyn://a.b.c.d"])
def test_an_endpoint_by_its_path(runtime: DistributedRuntime, path: str) -> None:
    by_name = runtime.namespace("a.b").component("c").endpoint("d")
    assert runtime.endpoint(path) == by_name
    assert isinstance(runtime.endpoint(path), Endpoint)


@pytest.mark.parametrize("path", ["", "a", "a.b", "a..c", ".b.c"])
def test_what_is_no_path_of_an_endpoint_is_refused(runtime: DistributedRuntime, path: str) -> None:
    with pytest.raises(ValueError, match=r"is not the path of an endpoint: use namespace\.comp"):
        runtime.endpoint(path)


async def test_the_connection_id_is_the_instance_id_that_clients_see() -> None:
    async def echo(request: Any) -> AsyncIterator[Any]:
        yield request

    async with DistributedRuntime() as runtime:
        before = endpoint_of(runtime).connection_id()
        async with served(endpoint_of(runtime), echo) as client:
            assert client.instance_ids() == [before]
        assert runtime.endpoint("a.b.c").connection_id() == before


async def test_a_child_token_is_cancelled_with_the_runtime() -> None:
    async with DistributedRuntime() as runtime:
        token = runtime.child_token()
        child, other = token.child_token(), runtime.child_token()
        waiting = asyncio.create_task(child.cancelled())
        await asyncio.sleep(0)
        assert not child.is_cancelled()
        other.cancel()
        assert not token.is_cancelled()
        runtime.shutdown()
        await waiting
        assert token.is_cancelled()
        assert runtime.child_token().is_cancelled()


async def test_a_context_knows_the_trace_that_its_client_sent() -> None:
    async def tell(request: Any, context: Context) -> AsyncIterator[Any]:
        yield [context.id(), context.trace_id, context.span_id]

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), tell) as client:
        sent = Context("my id", traceparent=TRACE)
        [[*told]] = await collect(await client.generate(None, context=sent))
        assert told == ["my id", *TRACE.split("-")[1:3]]
        [[_, *told]] = await collect(await client.generate(None))
        assert told == [None, None]


def test_a_trace_of_another_form_is_refused() -> None:
    with pytest.raises(ValueError, match="is not of the form of W3C Trace Context: use 00-<32"):
        Context(traceparent="00-0-0-00")


def test_dynamo_llm_says_what_to_use() -> None:
    with pytest.raises(ImportError, match=r"^dynamo.llm is not part of dynamo-runtime: .* python"):
        import dynamo.llm  # noqa: F401
