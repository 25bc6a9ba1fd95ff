"""Updates that are refused."""

from __future__ import annotations

from dynamo.runtime import DistributedRuntime

metrics = DistributedRuntime().metrics
counter = metrics.create_counter("m_total", "help")
vec = metrics.create_countervec("n_total", "help", ["a"])
for wrong in (
    lambda: counter.inc_by(-1),
    lambda: counter.inc("1"),
    lambda: vec.inc({"b": "x"}),
    lambda: counter.inc(exemplar={"a": "x" * 200}),
):
    try:
        wrong()
    except (TypeError, ValueError) as error:
        print(type(error).__name__)
print(counter.inc.__doc__.splitlines()[0], counter.inc.__name__)
