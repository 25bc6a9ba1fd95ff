"""One counter."""

from __future__ import annotations

from tests.programs.served import metrics

metrics.create_intcounter("requests_total", "Requests").inc_by(7)
metrics.create_histogram("waiting_seconds", "Waiting").observe(1)
print("ready")
input()
