"""Updates and renders after the runtime was shut down."""

from __future__ import annotations

from tests.programs.served import metrics, runtime

counter = metrics.create_intcounter("m", "help")
runtime.shutdown()
counter.inc_by(3)
print(runtime.system_status_address)
print(metrics.prometheus_expfmt(), end="")
print("the end of the exposition")
input()
