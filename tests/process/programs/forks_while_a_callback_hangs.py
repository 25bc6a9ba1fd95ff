"""Forks while a callback hangs."""

from __future__ import annotations

import threading

from tests.programs.forking import ended, fork
from tests.programs.served import metrics

hanging = threading.Event()


def hangs():
    print("hangs")
    hanging.wait()


handle = metrics.register_callback(hangs)
print("ready")
input()


def child():
    handle.unregister()
    metrics.prometheus_expfmt()


print(ended(fork(child)))
hanging.set()
input()
