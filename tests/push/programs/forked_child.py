"""A forked child that exports as an instance of its own."""

from __future__ import annotations

import os

from counted import counter, runtime

counter.inc()
runtime.push.flush()
if os.fork() == 0:
    counter.inc_by(10)
    print(runtime.push.flush())
    os._exit(0)
os.wait()
counter.inc()
