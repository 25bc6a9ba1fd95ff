"""A child that updates, creates and renders metrics."""

from __future__ import annotations

from tests.programs.forking import counter, ended, fork, vec
from tests.programs.served import metrics


def child():
    counter.inc()
    vec.inc({"a": "x"})
    metrics.create_histogram("new_seconds", "help").observe(1)
    print(metrics.prometheus_expfmt(), end="")
    print("the end of the exposition")


print(ended(fork(child)))
input()
