"""Failures of the runtime itself: a callback that raises, and metrics that are lost."""

from __future__ import annotations

import threading

from tests.programs.served import metrics

metrics.register_callback(lambda: 1 / 0)
metrics.register_prometheus_expfmt_callback(lambda: "uptime 1\nuptime 1\nnonsense {\n")
models = metrics.create_intcountervec("by_model", "Requests", ["model"], max_series=1)
while True:
    for model in "ab":
        models.inc({"model": model})
    threading.Event().wait(0.1)
