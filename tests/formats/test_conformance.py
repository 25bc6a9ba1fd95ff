"""Every format says the same: the same series, with the same values, under the same names."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dynamo.runtime import DistributedRuntime, Endpoint
from tests.formats.fill import fill
from tests.support import formats, prometheus
from tests.support.formats import ALL, OPENMETRICS, PROTOBUF, TEXT, Exposition, render

each_format = pytest.mark.parametrize("accept", ALL.values(), ids=ALL)


@each_format
def test_every_format_shows_the_same_series_and_values(filled: Endpoint, accept: str) -> None:
    assert render(filled, accept).values == render(filled, TEXT).values


@each_format
def test_every_format_shows_the_same_bounds(filled: Endpoint, accept: str) -> None:
    def bounds(exposition: Exposition) -> set[str]:
        return {dict(at.labels)["le"] for at in exposition.values if at.name.endswith("_bucket")}

    assert bounds(render(filled, accept)) == {
        *("1e-05", "0.005", "1.0", "600.0", "1e+06", "+Inf"),
    }


@each_format
def test_every_format_shows_the_names_that_the_metrics_tell(filled: Endpoint, accept: str) -> None:
    gauge = filled.metrics.create_gauge("added", "help")
    counter = filled.metrics.create_counter("added_too_total", "help")
    for metric in (gauge, counter):
        metric.inc()
        at = formats.key(metric.name(), **metric.const_labels())
        assert render(filled, accept).values[at] == 1


@each_format
def test_every_format_shows_the_same_descriptions(filled: Endpoint, accept: str) -> None:
    def descriptions(exposition: Exposition) -> dict[str, str]:
        return {name.removesuffix("_total"): text for name, text in exposition.helps.items()}

    # These two would get one name.
    shown, text = render(filled, accept), render(filled, TEXT)
    for exposition in (shown, text):
        del exposition.helps["ns_comp_ep_taken"], exposition.helps["ns_comp_ep_taken_total"]
    assert descriptions(shown) == descriptions(text)


def test_formats_differ_in_the_types_of_counters_that_openmetrics_would_rename(
    filled: Endpoint,
) -> None:
    for accept in ALL.values():
        types = render(filled, accept).types
        if "openmetrics" in accept and "2.0.0" not in accept:
            assert types["ns_comp_ep_spent"] == "counter"
            assert types["ns_comp_ep_without_suffix"] == "unknown"
            assert types["ns_comp_ep_taken_total"] == "unknown"
        else:
            assert types["ns_comp_ep_spent_total"] == "counter"
            assert types["ns_comp_ep_without_suffix"] == "counter"
            assert types["ns_comp_ep_taken_total"] == "counter"
        assert types["ns_comp_ep_taken"] == "gauge"
        assert types["ns_comp_ep_waiting_seconds"] == "histogram"


def _as_it_came(text: str) -> dict[formats.Key, float | str]:
    exposition = Exposition()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            exposition.add(sample.name, sample.labels, sample.value)
    return exposition.values


@each_format
def test_every_series_of_vllm_survives_in_every_format(
    endpoint: Endpoint, vllm: str, accept: str
) -> None:
    endpoint.metrics.register_prometheus_expfmt_callback(lambda: vllm)
    exposition = render(endpoint, accept)
    assert exposition.values == _as_it_came(vllm)
    assert len(exposition.values) > 350


@each_format
def test_every_family_of_vllm_keeps_its_type_and_description(
    endpoint: Endpoint, vllm: str, accept: str
) -> None:
    endpoint.metrics.register_prometheus_expfmt_callback(lambda: vllm)
    exposition = render(endpoint, accept)
    declared = dict(re.findall(r"^# TYPE (\S+) (\w+)$", vllm, re.MULTILINE))
    described = dict(re.findall(r"^# HELP (\S+) (.*)$", vllm, re.MULTILINE))
    assert len(declared) == 82
    if accept == OPENMETRICS or "0.0.1" in accept:
        # Creation times are samples of what was created, and counters have no suffix.
        for families in (declared, described):
            created = [name for name in families if name.endswith("_created")]
            assert len(created) == 33
            for name in created:
                del families[name]
        declared = {_base(name, kind): kind for name, kind in declared.items()}
        counters = {name for name, kind in exposition.types.items() if kind == "counter"}
        described = {
            name.removesuffix("_total") if name.removesuffix("_total") in counters else name: text
            for name, text in described.items()
        }
    assert exposition.types == declared
    assert exposition.helps == described


def _base(name: str, kind: str) -> str:
    return name.removesuffix("_total") if kind == "counter" else name


def test_promtool_finds_nothing_but_names_to_object_to(
    runtime: DistributedRuntime, vllm: str
) -> None:
    program = shutil.which("promtool")
    assert program, f"there is no promtool: run {prometheus.INSTALL}, or install it yourself"
    fill(runtime.namespace("ns").metrics)
    runtime.metrics.register_prometheus_expfmt_callback(lambda: vllm)
    checked = subprocess.run(
        [program, "check", "metrics"],
        input=runtime.metrics.prometheus_expfmt(),
        capture_output=True,
        text=True,
    )
    hints = checked.stdout.splitlines() + checked.stderr.splitlines()
    about_names = re.compile(
        r"\S+ (metric names should not contain ':'|(non-)?counter metrics should (not )?have"
        r' "_total" suffix|metric names should not contain abbreviated units)'
    )
    assert [hint for hint in hints if not about_names.fullmatch(hint)] == []


def test_every_nan_is_the_same_nan_in_every_format(runtime: DistributedRuntime) -> None:
    # One of these bits tells Prometheus that a series is gone.
    for number, bits in enumerate((0x7FF0000000000002, 0xFFF8000000000000, 0x7FF8000000000123)):
        [value] = struct.unpack("<d", struct.pack("<Q", bits))
        runtime.metrics.create_gauge(f"m{number}", "help").set(value)
    for accept in ALL.values():
        values = render(runtime, accept).named("m0", "m1", "m2")
        assert list(values.values()) == ["NaN"] * 3
    _, _, body = runtime.metrics.exposition(PROTOBUF)
    assert body.count(struct.pack("<Q", 0x7FF8000000000001)) == 3
