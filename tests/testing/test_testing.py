"""What tests of metrics are given: samples, deltas, a runtime of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from dynamo.runtime import Endpoint
from dynamo_metrics.testing import assert_delta, sample

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
