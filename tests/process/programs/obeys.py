"""Sets its health to what it is told."""

from __future__ import annotations

from tests.programs.served import runtime

component = runtime.namespace("ns").component("comp")
while True:
    *endpoint, status = input().split()
    node = component.endpoint(*endpoint) if endpoint else runtime
    node.set_health_status(status)
    print("done")
