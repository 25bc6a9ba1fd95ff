"""Forks while threads update and render."""

from __future__ import annotations

import threading

from tests.programs.forking import ended, fork, vec
from tests.programs.served import metrics, runtime

for number in range(1000):
    vec.inc({"a": str(number)})
metrics.register_callback(lambda: vec.inc({"a": "called"}))


def update():
    number = 0
    while True:
        vec.inc({"a": str(number % 3000)})
        number += 1


def render():
    while True:
        metrics.prometheus_expfmt()


def child():
    vec.inc({"a": "child"})
    vec.inc({"a": "new in the child"})
    metrics.prometheus_expfmt()
    metrics.create_counter("new_total", "help").inc()
    assert runtime.system_status_address is None


for work in (update, render):
    threading.Thread(target=work, daemon=True).start()
print("ready")
input()
for _ in range(50):
    print(ended(fork(child)))
input()
