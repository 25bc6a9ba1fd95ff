"""Our metrics in Dynamo's OTLP export, decoded by OpenTelemetry's own classes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import TIMEOUT_SECONDS

SETTINGS = {
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "grpc",
    "OTEL_METRIC_EXPORT_INTERVAL": "100",
}


@pytest.fixture(scope="module")
def exported() -> dict[str, Any]:
    """The families of one export, by name."""
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("otlp.py")],
        env={**os.environ, **SETTINGS, "DYN_LOG": "off"},
        stdout=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=True,
    )
    families = json.loads(done.stdout.splitlines()[-1])
    by_name = {family["name"]: family for family in families}
    assert len(by_name) == len(families)
    return by_name


def points(family: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = family[kind]["dataPoints"]
    return found


def attributes(point: dict[str, Any]) -> dict[str, str]:
    return {one["key"]: one["value"]["stringValue"] for one in point["attributes"]}


def test_a_counter_is_a_monotonic_sum_under_its_name(exported: dict[str, Any]) -> None:
    family = exported["ns_comp_ep_requests_total"]
    assert family["description"] == "Requests received"
    assert family["sum"]["isMonotonic"]
    [point] = points(family, "sum")
    assert point["asDouble"] == 3
    assert attributes(point) == {
        "dynamo_namespace": "ns",
        "dynamo_component": "comp",
        "dynamo_endpoint": "ep",
    }


def test_a_counter_without_total_is_a_sum_too(exported: dict[str, Any]) -> None:
    family = exported["ns_comp_ep_by_model"]
    assert family["sum"]["isMonotonic"]
    [point] = points(family, "sum")
    assert attributes(point)["model"] == "llama"


def test_a_gauge_has_its_unit(exported: dict[str, Any]) -> None:
    family = exported["ns_comp_ep_load_seconds"]
    assert (points(family, "gauge")[0]["asDouble"], family["unit"]) == (1.5, "s")


def test_a_histogram_has_its_bounds_and_counts(exported: dict[str, Any]) -> None:
    [point] = points(exported["ns_comp_ep_latency"], "histogram")
    assert point["explicitBounds"] == [0.1, 1.0]
    assert point["bucketCounts"] == ["1", "1", "1"]
    assert (point["count"], point["sum"]) == ("3", 5.55)


def test_external_expositions_and_callbacks_come_along(exported: dict[str, Any]) -> None:
    assert points(exported["engine_level"], "gauge")[0]["asDouble"] == 7
    assert points(exported["ns_comp_ep_called"], "gauge")[0]["asDouble"] == 1


def test_dynamos_own_families_are_its_own(exported: dict[str, Any]) -> None:
    [uptime] = points(exported["dynamo_component_uptime_seconds"], "gauge")
    assert attributes(uptime).keys() == {"worker_id"}
