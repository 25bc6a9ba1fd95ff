"""Prints the modules that updates have imported."""

from __future__ import annotations

import sys

from dynamo.runtime import DistributedRuntime

metrics = DistributedRuntime().metrics
modules = set(sys.modules)
metrics.create_counter("counter", "help").inc()
metrics.create_gaugevec("gauge", "help", ["a"]).set(1, {"a": "x"})
histogram = metrics.create_histogram("histogram", "help")
with histogram.time():
    histogram.observe(1)
metrics.prometheus_expfmt()
print(sorted(set(sys.modules) - modules))
