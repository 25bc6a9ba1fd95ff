"""Any label value is either refused or read back from the exposition as it went in."""

from __future__ import annotations

import re

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from dynamo.prometheus_metrics import MetricsError
from dynamo.runtime import DistributedRuntime
from tests.support import exposition, series

ANY_TEXT = st.text(st.characters(exclude_categories=()))
"""Every code point, lone surrogates included."""

AWKWARD_TEXT = st.text(st.sampled_from('\\"\n\r\t ,={}#\0\x85\u2028ab')) | ANY_TEXT


def is_label_name(name: str) -> bool:
    return name not in ("le", "quantile") and bool(
        re.fullmatch(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*", name)
    )


LABEL_NAMES = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]*", fullmatch=True).filter(is_label_name)
LEVELS = ("namespace", "component", "endpoint")


def is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@given(st.lists(st.tuples(AWKWARD_TEXT, AWKWARD_TEXT), max_size=8))
def test_values_of_a_vec_are_read_back(pairs: list[tuple[str, str]]) -> None:
    runtime = DistributedRuntime()
    vec = runtime.metrics.create_intcountervec("m", "help", ["first", "second"])
    counted: dict[tuple[str, str], int] = {}
    for first, second in pairs:
        labels = {"first": first, "second": second}
        if is_utf8(first + second):
            vec.inc(labels)
            counted[first, second] = counted.get((first, second), 0) + 1
        else:
            with pytest.raises(ValueError, match="UTF-8"):
                vec.inc(labels)
    families = exposition(runtime)
    if counted:
        assert list(series(families, "m", "first", "second").items()) == list(counted.items())
    else:
        assert "m" not in families


@given(st.dictionaries(LABEL_NAMES, AWKWARD_TEXT, max_size=6))
def test_constant_labels_are_read_back(labels: dict[str, str]) -> None:
    runtime = DistributedRuntime()
    if all(map(is_utf8, labels.values())):
        gauge = runtime.metrics.create_gauge("m", "help", labels)
        # A label without a value is no label.
        given = {name: value for name, value in labels.items() if value}
        assert gauge.const_labels() == given
        [shown] = exposition(runtime)["m"].samples
        assert shown.labels == given
    else:
        with pytest.raises(MetricsError, match="UTF-8"):
            runtime.metrics.create_gauge("m", "help", labels)


@given(st.text(min_size=1), AWKWARD_TEXT, AWKWARD_TEXT)
@example("a.b", "c/d", "e\nf")
def test_the_names_of_nodes_are_read_back(namespace: str, component: str, endpoint: str) -> None:
    runtime = DistributedRuntime()
    names = (namespace, component, endpoint)
    if "" in namespace.split(".") or not component or not endpoint or not is_utf8("".join(names)):
        with pytest.raises(ValueError, match=r"empty|UTF-8"):
            runtime.namespace(namespace).component(component).endpoint(endpoint)
        return
    node = runtime.namespace(namespace).component(component).endpoint(endpoint)
    node.metrics.create_gauge("m", "help", full_name=True)
    [shown] = exposition(node)["m"].samples
    assert tuple(shown.labels[f"dynamo_{level}"] for level in LEVELS) == names


@given(AWKWARD_TEXT)
def test_descriptions_are_read_back(description: str) -> None:
    runtime = DistributedRuntime()
    if not is_utf8(description):
        with pytest.raises(MetricsError, match="UTF-8"):
            runtime.metrics.create_gauge("m", description)
        return
    gauge = runtime.metrics.create_gauge("m", description)
    assert gauge.description() == description
    # The parser drops white space on both sides.
    assert exposition(runtime)["m"].help.strip() == description.strip()


@given(st.dictionaries(ANY_TEXT | LABEL_NAMES, st.just("x"), min_size=1, max_size=3))
def test_any_label_name_is_taken_or_refused(labels: dict[str, str]) -> None:
    runtime = DistributedRuntime()
    if all(is_label_name(name) for name in labels):
        runtime.metrics.create_gauge("m", "help", labels)
        [shown] = exposition(runtime)["m"].samples
        assert shown.labels == labels
    else:
        with pytest.raises(MetricsError, match="label name"):
            runtime.metrics.create_gauge("m", "help", labels)
        assert "m" not in exposition(runtime)
