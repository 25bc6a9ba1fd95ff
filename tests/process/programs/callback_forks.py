"""A callback that forks."""

from __future__ import annotations

from tests.programs.forking import counter, ended, fork
from tests.programs.served import metrics


def child():
    handle.unregister()
    counter.inc()
    metrics.prometheus_expfmt()


handle = metrics.register_callback(lambda: print(ended(fork(child))))
print("ready")
input()
