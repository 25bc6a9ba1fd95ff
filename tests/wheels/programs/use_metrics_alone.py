"""Uses the metrics without the runtime."""

from __future__ import annotations

import importlib.util

from dynamo_metrics import Runtime

endpoint = Runtime().namespace("ns").component("comp").endpoint("ep")
endpoint.metrics.create_intcounter("requests_total", "Requests").inc_by(3)
print(endpoint.metrics.prometheus_expfmt(), end="")
assert importlib.util.find_spec("dynamo") is None
