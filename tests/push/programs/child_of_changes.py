"""Changes of the parent before a fork."""

from __future__ import annotations

import os

from counted import counter, runtime

counter.inc_by(3)
if os.fork() == 0:
    runtime.push.flush()
    counter.inc_by(10)
    runtime.push.flush()
    os._exit(0)
os.wait()
