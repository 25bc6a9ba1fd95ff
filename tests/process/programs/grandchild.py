"""A child of a child."""

from __future__ import annotations

from dynamo.runtime import DistributedRuntime
from tests.programs.forking import counter, ended, fork
from tests.programs.served import metrics, runtime


def child():
    own = DistributedRuntime()
    counter.inc()

    def grandchild():
        assert own.system_status_address is runtime.system_status_address is None
        counter.inc()
        metrics.prometheus_expfmt()
        print(counter.get())

    assert ended(fork(grandchild)) == 0
    own.shutdown()


print(ended(fork(child)))
input()
