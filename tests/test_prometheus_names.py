"""The names in Python: Dynamo's values, and sanitisers that agree with the native core."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import reduce
from inspect import isfunction
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dynamo import prometheus_names
from dynamo.prometheus_metrics import MetricsError
from dynamo.prometheus_names import (
    build_component_metric_name,
    sanitize_prometheus_label,
    sanitize_prometheus_name,
)
from dynamo.runtime import DistributedRuntime

HERE = Path(__file__).parent

# What each function makes of which text: a name, or {"error": message}. The Rust sanitisers are
# held to the same table.
CASES = json.loads((HERE / "names_cases.json").read_text(encoding="utf-8"))

# Dynamo's constants, 0.7 to the latest seen, by class and name. Dashboards query these values.
DYNAMO = json.loads((HERE / "dynamo_names.json").read_text(encoding="utf-8"))

# Characters that Python and Rust quote alike in a message. They disagree on combining marks, which
# Rust escapes, and may on characters that only one of their Unicode versions has.
quoted_alike = st.characters(codec="utf-8", exclude_categories=("Mn", "Me", "Mc", "Cn"))


def outcome(make: Callable[[str], str], raw: str) -> str | dict[str, str]:
    try:
        return make(raw)
    except ValueError as error:
        return {"error": str(error)}


@pytest.mark.parametrize("function", CASES)
def test_a_text_becomes_the_name_or_the_error_that_the_table_says(function: str) -> None:
    make = getattr(prometheus_names, function)
    assert [[raw, outcome(make, raw)] for raw, _ in CASES[function]] == CASES[function]


def test_the_table_has_cases_for_every_function() -> None:
    public = {name: getattr(prometheus_names, name) for name in prometheus_names.__all__}
    assert set(CASES) == {name for name, value in public.items() if isfunction(value)}


@pytest.mark.parametrize(
    ("style", "make"),
    [("hierarchy", sanitize_prometheus_name), ("component", build_component_metric_name)],
)
@given(raw=st.text(st.characters(codec="utf-8")))
@example(raw="")
@example(raw="é")
@example(raw=":")
def test_the_native_core_makes_the_same_name_of_any_text_or_refuses_it_too(
    style: Literal["hierarchy", "component"], make: Callable[[str], str], raw: str
) -> None:
    metrics = DistributedRuntime(name_style=style).metrics

    def native(name: str) -> str:
        return metrics.create_counter(name, "").name()

    ours, theirs = outcome(make, raw), outcome(native, raw)
    assert isinstance(ours, str) == isinstance(theirs, str)
    if isinstance(ours, str):
        assert ours == theirs


@given(raw=st.text(quoted_alike))
@example(raw="\0\t\r\n\x1b\x7f\x85\u2028\ufeff\"'\\")
def test_the_native_core_refuses_a_name_in_the_same_words(raw: str) -> None:
    raw = re.sub("[a-zA-Z0-9:]", "", raw)
    with pytest.raises(ValueError, match="cannot be part of a metric name") as ours:
        sanitize_prometheus_name(raw)
    with pytest.raises(MetricsError) as theirs:
        DistributedRuntime().metrics.create_counter(raw, "")
    assert str(theirs.value) == f"metric {ours.value}"


@given(raw=st.text())
@example(raw="___x")
@example(raw="@@@x")
def test_a_label_name_is_valid_and_never_reserved(raw: str) -> None:
    name = outcome(sanitize_prometheus_label, raw)
    if isinstance(name, str):
        assert re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name)
        assert not name.startswith("__")
        assert sanitize_prometheus_label(name) == name


def test_a_lone_surrogate_is_replaced_like_any_other_character() -> None:
    assert sanitize_prometheus_name("a\ud800b") == "a_b"
    with pytest.raises(ValueError, match=r'^"\\u\{d800\}" cannot be part of a metric name: '):
        sanitize_prometheus_name("\ud800")


def test_the_constants_have_the_values_that_dynamo_gave_them() -> None:
    found = {
        group: {
            name: getattr(reduce(getattr, group.split("."), prometheus_names), name)
            for name in names
        }
        for group, names in DYNAMO.items()
    }
    assert found == DYNAMO


def test_the_lists_hold_the_full_names_of_their_groups() -> None:
    assert prometheus_names.KVSTATS_METRICS == (
        "kvstats_active_blocks",
        "kvstats_total_blocks",
        "kvstats_gpu_cache_usage_percent",
        "kvstats_gpu_prefix_cache_hit_rate",
    )
    for names, prefix in (
        (prometheus_names.DRT_NATS_METRICS, prometheus_names.nats_client.PREFIX),
        (prometheus_names.COMPONENT_NATS_METRICS, prometheus_names.nats_service.PREFIX),
    ):
        assert len(set(names)) == 6
        assert all(name.startswith(prefix) for name in names)


def test_both_documented_imports_reach_the_same_constants() -> None:
    from dynamo.prometheus_names import frontend_service, work_handler

    assert prometheus_names.frontend_service is frontend_service
    assert frontend_service.REQUESTS_TOTAL == "requests_total"
    assert frontend_service.status.SUCCESS == "success"
    assert work_handler.error_types.GENERATE == "generate"


def test_every_class_says_what_it_names() -> None:
    def classes(holder: object) -> list[type]:
        held = [value for value in vars(holder).values() if isinstance(value, type)]
        return [*held, *(inner for outer in held for inner in classes(outer))]

    found = classes(prometheus_names)
    assert prometheus_names.transport.tcp in found
    assert [one.__qualname__ for one in found if not one.__doc__] == []
