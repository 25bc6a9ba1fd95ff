"""The metrics that come with every served endpoint."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from dynamo.prometheus_metrics import MetricsError
from dynamo.prometheus_names import name_prefix, runtime_metrics
from dynamo.runtime import DistributedRuntime, EngineError, InvalidRequestError
from tests.support.exposition import buckets, exposition, sample
from tests.support.serving import (
    Gated,
    collect,
    endpoint_of,
    instances_of,
    plane_of,
    request_counts,
    served,
    settled,
    until,
)

LABELS = {
    "dynamo_namespace": "my-ns",
    "dynamo_component": "back.end",
    "dynamo_endpoint": "generate",
}


SANITISED = {**LABELS, "dynamo_namespace": "my_ns", "dynamo_component": "back_end"}
"""In style ``component``, as in Dynamo."""


async def echo(request: Any) -> AsyncIterator[Any]:
    yield request


async def test_names_types_and_help_are_those_of_dynamos_work_handler() -> None:
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo):
        families = exposition(runtime)
    assert {
        (family.name.removeprefix("dynamo_component_"), family.type, family.help)
        for family in families.values()
        if family.name.startswith("dynamo_component_")
    } == {
        ("requests_total", "counter", "Total number of requests processed by work handler"),
        (
            "request_duration_seconds",
            "histogram",
            "Time spent processing requests by work handler",
        ),
        (
            "inflight_requests",
            "gauge",
            "Number of requests currently being processed by work handler",
        ),
        (
            "request_bytes_total",
            "counter",
            "Total number of bytes received in requests by work handler",
        ),
        (
            "response_bytes_total",
            "counter",
            "Total number of bytes sent in responses by work handler",
        ),
        ("errors_total", "counter", "Total number of errors in work handler processing"),
        ("cancellation_total", "counter", "Total number of requests cancelled by work handler"),
        (
            "time_to_first_response_seconds",
            "histogram",
            "Backend processing time from the arrival of a request to the first item of its "
            "response (seconds)",
        ),
        (
            "incomplete_requests",
            "gauge",
            "Number of requests whose bodies have not arrived completely",
        ),
        (
            "incomplete_request_bytes",
            "gauge",
            "Number of bytes held of requests whose bodies have not arrived completely",
        ),
        ("uptime_seconds", "gauge", "Total uptime of the DistributedRuntime in seconds"),
    }


async def test_nobody_replaces_the_metrics_of_an_endpoint_that_is_served() -> None:
    name = "dynamo_component_requests_total"
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo):
        metrics = endpoint_of(runtime).metrics
        with pytest.raises(MetricsError):
            metrics.create_gauge(name, "mine", full_name=True, replace=True)
        assert exposition(runtime)[name].type == "counter"


@pytest.mark.parametrize("style", ["hierarchy", "component"])
async def test_all_series_stand_at_zero_from_the_start_with_the_path(style: Any) -> None:
    async with DistributedRuntime(name_style=style) as runtime:
        endpoint = runtime.namespace("my-ns").component("back.end").endpoint("generate")
        async with served(endpoint, echo, metrics_labels=[("model", "llama/7b")]):
            samples = [
                sample
                for family in exposition(endpoint).values()
                for sample in family.samples
                if not sample.name.endswith("_bucket")
            ]
    assert {sample.value for sample in samples} == {0}
    kinds = {sample.labels.pop("error_type", None) for sample in samples}
    assert kinds == {
        None,
        "deserialization",
        "invalid_message",
        "response_stream",
        "generate",
        "serialization",
        "publish_response",
        "publish_final",
    }
    path = LABELS if style == "hierarchy" else SANITISED
    assert all(sample.labels == {**path, "model": "llama/7b"} for sample in samples)


async def test_the_lag_of_the_loop_that_serves_is_sampled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DYN_SYSTEM_PORT", "0")
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo):
        name = f"{name_prefix.RUNTIME}_{runtime_metrics.EVENT_LOOP_LAG_SECONDS}"

        def sampled() -> bool | None:
            return sample(exposition(runtime), f"{name}_count") > 0 or None

        await until(sampled)


async def test_durations_have_buckets_up_to_ten_minutes() -> None:
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo):
        families = exposition(runtime)
    bounds = list(buckets(families, "dynamo_component_request_duration_seconds"))
    assert (bounds[0], bounds[-2:]) == ("0.005", ["600.0", "+Inf"])
    first = list(buckets(families, "dynamo_component_time_to_first_response_seconds"))
    assert (first[0], first[-2:]) == ("0.001", ["60.0", "+Inf"])


async def test_bytes_are_those_of_the_json(plane: str) -> None:
    async def twice(request: Any) -> AsyncIterator[Any]:
        yield request
        yield {"text": "é"}

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), twice) as client:
        await collect(await client.generate([1, 2]))
        counted = await settled(runtime, 1)
    assert counted.request_bytes == len("[1,2]")
    assert counted.response_bytes == len("[1,2]") + len(r'{"text":"\u00e9"}')


async def test_a_running_request_is_in_flight_and_has_no_duration_yet(plane: str) -> None:
    wait = Gated()

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), wait) as client:
        answer = await client.generate(None)
        await anext(answer)
        running = request_counts(runtime)
        assert (running.requests, running.inflight) == (1, 1)
        assert (running.first_responses, running.durations) == (1, 0)
        wait.go_on.set()
        assert await collect(answer) == [2]
        assert (await settled(runtime, 1)).succeeded == 1


async def test_an_answer_without_items_has_no_first_response(plane: str) -> None:
    async def nothing(request: Any) -> AsyncIterator[int]:
        return
        yield

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), nothing) as client:
        assert await collect(await client.generate(None)) == []
        assert (await settled(runtime, 1)).first_responses == 0


async def test_an_exception_counts_as_generate(plane: str) -> None:
    async def fail(request: Any) -> AsyncIterator[int]:
        raise RuntimeError("out of memory")
        yield

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), fail) as client:
        with pytest.raises(EngineError):
            await collect(await client.generate(None))
        counted = await settled(runtime, 1)
    assert (counted.errors, counted.cancelled, counted.succeeded) == ({"generate": 1}, 0, 0)


async def test_an_item_that_is_no_json_counts_as_serialization(plane: str) -> None:
    async def wrong(request: Any) -> AsyncIterator[object]:
        yield 1
        yield object()

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), wrong) as client:
        answer = await client.generate(None)
        assert await anext(answer) == 1
        with pytest.raises(
            EngineError, match=r"yielded a value that cannot be sent: TypeError: object"
        ):
            await anext(answer)
        assert (await settled(runtime, 1)).errors == {"serialization": 1}


async def test_a_request_that_is_no_json_counts_as_deserialization(plane: str) -> None:
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo):
        # Only a client that is not ours can send such a thing.
        [instance] = await instances_of(plane)
        async with plane_of(plane) as other:
            stream = await other.call(instance.address, "id", b"{not json")
            with pytest.raises(InvalidRequestError, match=r"^the request is not JSON: Expecting"):
                await stream.receive()
        counted = await settled(runtime, 1)
    assert counted.errors == {"deserialization": 1}
    assert counted.request_bytes == len(b"{not json")


async def test_endpoints_of_one_component_are_counted_apart() -> None:
    async with DistributedRuntime() as runtime:
        one, two = endpoint_of(runtime, "ns/comp/one"), endpoint_of(runtime, "ns/comp/two")
        async with served(one, echo) as client, served(two, echo):
            await collect(await client.generate(None))
            assert (await settled(runtime, 1, "one")).succeeded == 1
            assert request_counts(runtime, "two").requests == 0


async def test_an_endpoint_served_again_goes_on_counting() -> None:
    async with DistributedRuntime() as runtime:
        for times in (1, 2):
            async with served(endpoint_of(runtime), echo) as client:
                await collect(await client.generate(None))
                assert (await settled(runtime, times)).succeeded == times


async def test_a_metric_of_the_users_with_a_built_in_name_is_refused_with_both_remedies() -> None:
    async with DistributedRuntime(name_style="component") as runtime:
        endpoint = endpoint_of(runtime)
        endpoint.metrics.create_intcounter("requests_total", "Requests of mine")
        with pytest.raises(MetricsError) as caught:
            await endpoint.serve_endpoint(echo)
    message = str(caught.value)
    assert message.startswith("<Endpoint ns/comp/generate> cannot be served, a metric of your own")
    assert "rename yours" in message
    assert "DYN_METRICS_NAME_STYLE=hierarchy" in message
    assert '"dynamo_component_requests_total"' in message
    assert len(message.splitlines()) == 1


async def test_in_the_default_style_the_same_name_is_another_metric() -> None:
    async with DistributedRuntime() as runtime:
        endpoint = endpoint_of(runtime)
        mine = endpoint.metrics.create_intcounter("requests_total", "Requests of mine")
        async with served(endpoint, echo) as client:
            await collect(await client.generate(None))
            await settled(runtime, 1)
        assert mine.get() == 0


@pytest.mark.parametrize("label", ["dynamo_namespace", "le", "error_type", "not-valid"])
async def test_a_label_that_cannot_be_used_is_refused_by_name(label: str) -> None:
    async with DistributedRuntime() as runtime:
        with pytest.raises(MetricsError, match=f'label name "{label}"'):
            await endpoint_of(runtime).serve_endpoint(echo, metrics_labels={label: "x"})


async def test_the_label_worker_id_is_the_instance_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DYN_METRICS_WORKER_ID", "1")
    async with DistributedRuntime() as runtime:
        endpoint = endpoint_of(runtime)
        async with served(endpoint, echo, metrics_labels=[("model", "m")]):
            families = exposition(runtime)
    labels = families["dynamo_component_requests_total"].samples[0].labels
    assert labels["worker_id"] == f"{endpoint.connection_id():x}"
    assert labels["model"] == "m"
