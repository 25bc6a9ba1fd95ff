"""A child that logs as soon as it is forked."""

from __future__ import annotations

import os

from dynamo.runtime import DistributedRuntime

DistributedRuntime()
child = os.fork()
if child == 0:
    runtime = DistributedRuntime()
    runtime.metrics.register_callback(lambda: 1 / 0)
    runtime.metrics.prometheus_expfmt()
    print("logged", flush=True)
else:
    _, status = os.waitpid(child, 0)
    assert status == 0
