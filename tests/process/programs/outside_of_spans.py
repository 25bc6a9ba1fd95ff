"""Updates in a span that is not sampled, and outside of spans: the number of exemplars."""

from __future__ import annotations

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from dynamo.runtime import DistributedRuntime

metrics = DistributedRuntime().namespace("ns").metrics
with TracerProvider(sampler=ALWAYS_OFF).get_tracer("test").start_as_current_span("request"):
    metrics.create_counter("m_total", "help").inc()
metrics.create_counter("m_total", "help").inc()
print(metrics.exposition("application/openmetrics-text")[2].decode().count(" # "))
