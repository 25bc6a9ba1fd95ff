"""A member whose callback returns an exemplar without a time, and another value each time."""

from __future__ import annotations

from itertools import count

from dynamo.runtime import DistributedRuntime

calls = count(1)


def external() -> str:
    return f'other {next(calls)}\n# TYPE seen counter\nseen_total 1 # {{t="1"}} 1\n# EOF\n'


runtime = DistributedRuntime()
runtime.metrics.register_prometheus_expfmt_callback(external)
print("registered", flush=True)
input()
