"""What differs between protocols: native histograms, exemplars, external expositions."""

from __future__ import annotations

import math
import statistics
from pathlib import Path

from tests.formats.fill import fill
from tests.programs.served import metrics

OBSERVATIONS = 2_000

fill(metrics)
metrics.create_counter("traced_total", "help").inc(exemplar={"trace_id": "abc"})
observed = metrics.create_histogram("observed", "help", buckets=[1], native=True)
observed.observe(0.5, exemplar={"trace_id": "def"})
text = (Path(__file__).parents[2] / "formats" / "vllm_metrics.txt").read_text()
metrics.register_prometheus_expfmt_callback(lambda: text)
inverse = statistics.NormalDist().inv_cdf
for schema in (0, 3, 5, 8):
    native = metrics.create_histogram(f"schema_{schema}", "help", native=True, schema=schema)
    for step in range(OBSERVATIONS):
        native.observe(math.exp(inverse((step + 0.5) / OBSERVATIONS)))
both = metrics.create_histogram("both_sides", "help", native=True)
for step in range(OBSERVATIONS):
    both.observe(10 * inverse((step + 0.5) / OBSERVATIONS))
for value in (0, 0, 0):
    both.observe(value)
print("ready")
input()
