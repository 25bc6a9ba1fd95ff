"""Holds one thing of a runtime, named by the argument, and lets it go when told."""

from __future__ import annotations

import sys

from dynamo.runtime import DistributedRuntime


def held(name: str) -> object:
    runtime = DistributedRuntime()
    endpoint = runtime.namespace("ns").component("comp").endpoint("ep")
    counter = endpoint.metrics.create_counter("held_total", "help")
    vec = endpoint.metrics.create_countervec("vec_total", "help", ["a"])
    print(runtime.system_status_address)
    return {
        "runtime": runtime,
        "endpoint": endpoint,
        "metrics": endpoint.metrics,
        "counter": counter,
        "vec": vec,
        "child": vec.labels(a="x"),
    }[name]


one = held(sys.argv[1])
print("holds one")
input()
del one
print("holds none")
input()
