"""Any name is either refused or becomes a valid one by the documented rules."""

from __future__ import annotations

import re

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from dynamo.prometheus_metrics import MetricsError
from dynamo.runtime import DistributedRuntime
from tests.support import exposition

NAMES = st.text(st.characters(exclude_categories=("Cs",))) | st.from_regex(
    r"[a-zA-Z0-9_:.\- é]*", fullmatch=True
)
VALID = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


def sanitised(raw: str) -> str | None:
    """What becomes of a name; None if nothing can."""
    name = re.sub(r"[^a-zA-Z0-9_:]", "_", raw)
    if name and not re.match(r"[a-zA-Z_]", name):
        name = f"_{name}"
    return name if name.strip("_") else None


@given(NAMES)
def test_a_name_is_sanitised_or_refused(raw: str) -> None:
    runtime = DistributedRuntime()
    expected = sanitised(raw)
    if expected is None:
        with pytest.raises(MetricsError, match="metric"):
            runtime.metrics.create_gauge(raw, "help")
    else:
        assert VALID.fullmatch(expected)
        assert runtime.metrics.create_gauge(raw, "help").name() == expected
        assert expected in exposition(runtime)


@given(st.lists(NAMES.filter(lambda name: "." not in name and name), min_size=4, max_size=4))
def test_every_part_of_the_path_is_sanitised_on_its_own(parts: list[str]) -> None:
    namespace, component, endpoint, name = parts
    runtime = DistributedRuntime()
    node = runtime.namespace(namespace).component(component).endpoint(endpoint)
    expected = [sanitised(part) for part in parts]
    if None in expected:
        with pytest.raises(MetricsError):
            node.metrics.create_counter(name, "help")
    else:
        counter = node.metrics.create_counter(name, "help")
        assert counter.name() == "_".join(map(str, expected))
        assert list(exposition(node)) == [counter.name()]


@given(NAMES)
@example(" ")
@example("\x85")
@example("\x1c")
def test_a_full_name_is_kept_or_refused(name: str) -> None:
    runtime = DistributedRuntime()
    # Unicode's property White_Space, which the control characters of Python's \s do not have.
    is_blank = re.fullmatch(r"[^\S\x1c-\x1f]*", name)
    if not is_blank:
        assert runtime.metrics.create_gauge(name, "help", full_name=True).name() == name
        assert not VALID.fullmatch(name) or name in exposition(runtime)
    else:
        with pytest.raises(MetricsError, match="full metric name"):
            runtime.metrics.create_gauge(name, "help", full_name=True)
