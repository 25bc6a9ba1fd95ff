"""A native histogram that is observed without pause."""

from __future__ import annotations

import threading

from tests.programs.served import metrics

waits = metrics.create_histogram("waits_seconds", "Waits", native=True)
waits.observe(0.2)
print("observed")
while True:
    waits.observe(0.2)
    threading.Event().wait(0.05)
