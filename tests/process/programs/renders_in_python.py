"""Renders a runtime in Python."""

from __future__ import annotations

from dynamo.runtime import DistributedRuntime

runtime = DistributedRuntime()


def open_files():
    lines = runtime.metrics.prometheus_expfmt().splitlines()
    [line] = [line for line in lines if line.startswith("process_open_fds ")]
    return int(line.split()[1])


before = open_files()
with open("/dev/null"):
    print(open_files() - before)
print(open_files() - before)
