"""A forked child with a port of its own."""

from __future__ import annotations

import os
import time
import warnings

from counted import counter, runtime

warnings.simplefilter("ignore")
own = runtime.system_status_address
if not os.fork():
    counter.inc()
    while runtime.system_status_address is None:
        time.sleep(0.01)
    print(runtime.system_status_address, own, flush=True)
    time.sleep(60)
input()
