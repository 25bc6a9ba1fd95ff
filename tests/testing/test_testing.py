"""What tests of metrics are given: samples, deltas, a runtime of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from dynamo.runtime import Endpoint
from dynamo_metrics.testing import assert_delta, sample
from tests.support import refused

NAME = "ns_comp_ep_m"


def test_a_sample_is_found_by_its_name_and_some_of_its_labels(endpoint: Endpoint) -> None:
    vec = endpoint.metrics.create_intcountervec("m", "help", ["a", "b"])
    vec.inc_by(2, {"a": "x", "b": 'quote " backslash \\ newline \n comma , brace }'})
    vec.inc_by(3, {"a": "y", "b": 5})
    assert sample(endpoint, NAME, a="x") == 2
    assert sample(endpoint.metrics, NAME, b=5, dynamo_namespace="ns") == 3
    assert sample(endpoint, NAME, b='quote " backslash \\ newline \n comma , brace }') == 2
    assert sample(endpoint, NAME, a="z") is None
    assert sample(endpoint, "ns_comp_ep", a="x") is None


def test_a_label_that_is_not_there_is_empty(endpoint: Endpoint) -> None:
    endpoint.metrics.create_gauge("m", "help").set(1)
    assert sample(endpoint, NAME, a="") == 1
    assert sample(endpoint, NAME, a="x") is None


def test_samples_of_a_histogram_have_their_own_names(endpoint: Endpoint) -> None:
    endpoint.metrics.create_histogram("m", "help", buckets=[1]).observe(2)
    assert sample(endpoint, f"{NAME}_bucket", le="1.0") == 0
    assert sample(endpoint, f"{NAME}_bucket", le="+Inf") == sample(endpoint, f"{NAME}_count") == 1


@pytest.mark.parametrize("bound", [1, 1.0, "1", "1.0"])
def test_bounds_are_compared_as_numbers(endpoint: Endpoint, bound: Any) -> None:
    endpoint.metrics.create_histogram("m", "help", buckets=[0.1, 1]).observe(0.5)
    endpoint.metrics.register_prometheus_expfmt_callback(
        lambda: '# TYPE s summary\ns{quantile="1"} 7\ns_sum 7\ns_count 1\n'
    )
    assert sample(endpoint, f"{NAME}_bucket", le=bound) == 1
    assert sample(endpoint, f"{NAME}_bucket", le=0.1) == 0
    assert sample(endpoint, f"{NAME}_bucket", le=float("inf")) == 1
    assert sample(endpoint, "s", quantile=bound) == 7
    with refused(TypeError, 'value of label "a"', "0.1"):
        sample(endpoint, NAME, a=0.1)


def test_names_and_labels_of_any_characters_are_found(endpoint: Endpoint) -> None:
    metrics = endpoint.metrics
    gauge = metrics.create_gauge("http.server.active", "help", full_name=True)
    text = '{"ü.x","http.method"="GET {"} 3\n{"1abc","a:b"="c"} 7\n'
    metrics.register_prometheus_expfmt_callback(lambda: text)
    with assert_delta(endpoint, "http.server.active", 1):
        gauge.inc()
    assert sample(endpoint, "http_server_active") == 1
    assert sample(endpoint, "ü.x", **{"http.method": "GET {"}) == 3
    assert sample(endpoint, "__x", http_method="GET {") == 3
    assert sample(endpoint, "_abc", a_b="c") == 7
    metrics.create_gauge("http_server_active", "help", full_name=True).set(2)
    assert sample(endpoint, "http_server_active") == 2


def test_a_sample_with_a_timestamp_is_found(endpoint: Endpoint) -> None:
    endpoint.metrics.register_prometheus_expfmt_callback(lambda: "ext 5 1700000000000\n")
    assert sample(endpoint, "ext") == 5


def test_integers_are_exact(endpoint: Endpoint) -> None:
    counter = endpoint.metrics.create_intcounter("m", "help")
    counter.inc(2**60)
    assert sample(endpoint, NAME) == 2**60
    with assert_delta(endpoint, NAME, 1):
        counter.inc()
    assert sample(endpoint, NAME) == 2**60 + 1
    with (
        pytest.raises(AssertionError, match=f"by 1, expected 2: it was {2**60 + 1} and is"),
        assert_delta(endpoint, NAME, 2),
    ):
        counter.inc()


def test_what_is_no_name_of_a_sample_is_refused(endpoint: Endpoint) -> None:
    vec = endpoint.metrics.create_intcountervec("m", "help", ["a"])
    summary = endpoint.metrics.create_summary("s", "help")
    wrong: list[tuple[Any, ...]] = [(vec, "pass its name()"), (b"m", "not bytes"), (None, "None")]
    for name, *parts in wrong:
        with refused(TypeError, "name must be a str", *parts):
            sample(endpoint, name)
        with refused(TypeError, "name must be a str", *parts), assert_delta(endpoint, name, 0):
            pass
    with (
        refused(LookupError, f"{summary.name()} is a summary", f"{summary.name()}_count"),
        assert_delta(endpoint, summary.name(), 0),
    ):
        pass
    with refused(TypeError, "takes a runtime", "str"):
        sample("x", NAME)  # type: ignore[arg-type]
    with refused(TypeError, "expected must be a number"), assert_delta(endpoint, NAME, "1"):  # type: ignore[arg-type]
        pass


def test_labels_that_match_several_samples_are_refused(endpoint: Endpoint) -> None:
    vec = endpoint.metrics.create_gaugevec("m", "help", ["a"])
    for value in range(9):
        vec.set(1, {"a": value})
    with pytest.raises(LookupError, match=r"^9 samples match ns_comp_ep_m: give more labels"):
        sample(endpoint, NAME)


def test_a_delta_is_asserted(endpoint: Endpoint) -> None:
    vec = endpoint.metrics.create_countervec("m", "help", ["a"])
    with assert_delta(endpoint, NAME, 2.5, a="x"), assert_delta(endpoint, NAME, 0, a="y"):
        vec.inc_by(2.5, {"a": "x"})
    with (
        pytest.raises(
            AssertionError,
            match=r'^ns_comp_ep_m{a="x"} changed by 2, expected 1: it was 2.5 and is 4.5$',
        ),
        assert_delta(endpoint, NAME, 1, a="x"),
    ):
        vec.inc_by(2, {"a": "x"})


def test_an_infinite_sample_that_stays_has_a_delta_of_0(endpoint: Endpoint) -> None:
    endpoint.metrics.create_gauge("m", "help").set(float("inf"))
    with assert_delta(endpoint, NAME, 0):
        pass


def test_an_exception_of_the_block_goes_on(endpoint: Endpoint) -> None:
    with pytest.raises(KeyError), assert_delta(endpoint, NAME, 1):
        raise KeyError


def test_pytest_finds_the_fixture(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "def test_it(metrics_runtime):\n"
        "    assert metrics_runtime.system_status_address is None\n"
        "    metrics_runtime.metrics.create_gauge('m', 'help').set(1)\n\n"
        "def test_another(metrics_runtime):\n"
        "    assert '\\nm 1' not in metrics_runtime.metrics.prometheus_expfmt()\n"
    )
    plugin = "dynamo_metrics._pytest"
    is_installed = any(point.value == plugin for point in entry_points(group="pytest11"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *([] if is_installed else ["-p", plugin])],
        cwd=tmp_path,
        env={**os.environ, "DYN_SYSTEM_PORT": "0"},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr
