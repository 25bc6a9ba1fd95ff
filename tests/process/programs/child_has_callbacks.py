"""A child with callbacks of its own."""

from __future__ import annotations

from tests.programs.forking import counter, ended, fork
from tests.programs.served import metrics

metrics.register_callback(counter.inc)


def child():
    metrics.prometheus_expfmt()
    metrics.register_callback(lambda: counter.inc_by(10))
    metrics.prometheus_expfmt()
    print(counter.get())


print(ended(fork(child)))
input()
