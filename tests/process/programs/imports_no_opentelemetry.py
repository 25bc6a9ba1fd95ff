"""Updates without OpenTelemetry."""

from __future__ import annotations

import sys

from dynamo.runtime import DistributedRuntime

counter = DistributedRuntime().metrics.create_counter("m_total", "help")
counter.inc()
counter.inc_by(2)
print(counter.get(), [name for name in sys.modules if "opentelemetry" in name])
