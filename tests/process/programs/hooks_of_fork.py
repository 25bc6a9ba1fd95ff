"""A thread uses a runtime while another one runs hooks of a fork, at the moment of the argument."""

from __future__ import annotations

import os
import sys
import threading

meeting = threading.Barrier(2)


def hook() -> None:
    meeting.wait()
    meeting.wait()


# As that of logging, it comes nearer to the fork than hooks of later imports.
os.register_at_fork(**{sys.argv[1]: hook})

from dynamo.runtime import DistributedRuntime  # noqa: E402

runtime = DistributedRuntime()
metrics = runtime.metrics
counter = metrics.create_intcounter("counted_total", "help")
metrics.register_callback(counter.inc)


def use() -> None:
    meeting.wait()
    runtime.set_health_status("ready")
    DistributedRuntime().shutdown()
    metrics.register_callback(counter.inc).unregister()
    metrics.prometheus_expfmt()
    meeting.wait()


threading.Thread(target=use).start()
pid = os.fork()
if not pid:
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), counter.get())
