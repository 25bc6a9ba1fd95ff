"""A counter of requests that goes up after each wait of the argument, in seconds, or once."""

from __future__ import annotations

import sys
import time

from tests.programs.served import metrics

requests = metrics.create_intcounter("requests_total", "Requests")
requests.inc()
if len(sys.argv) == 1:
    input()
while True:
    time.sleep(float(sys.argv[1]))
    requests.inc()
