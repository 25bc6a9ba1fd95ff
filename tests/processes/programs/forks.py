"""Two children that update and live on."""

from __future__ import annotations

import os
import time
import warnings

from counted import counter, gauge, metrics

warnings.simplefilter("ignore")
metrics.register_callback(lambda: gauge.set(os.getpid()))
later = metrics.create_histogram("later_seconds", "help", native=True)
later.observe(1)
pids = []
for _ in range(2):
    pid = os.fork()
    if not pid:
        assert counter.get() == 0
        counter.inc_by(10)
        later.observe(2)
        metrics.create_intcounter("child_total", "help").inc()
        time.sleep(60)
        os._exit(0)
    pids.append(pid)
print(*pids)
input()
