"""Has a callback that does what the first argument names; ends in the way the second names."""

from __future__ import annotations

import os
import sys
import threading

from tests.programs.served import metrics, runtime
from tests.programs.waiting import end_when_told

counter = metrics.create_counter("counted_total", "help")


def locks() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def computes() -> None:
    while True:
        pass


def updates() -> None:
    while True:
        counter.inc()


def renders() -> None:
    while True:
        runtime.metrics.prometheus_expfmt()


def creates() -> None:
    while True:
        metrics.create_counter("m_total", "help").inc()


def registers() -> None:
    while True:
        metrics.register_callback(print).unregister()


def shuts_down() -> None:
    runtime.shutdown()
    print("shut down")


def fail() -> None:
    print("ready")
    input()
    raise ZeroDivisionError("division by zero")


def exit_at_once() -> None:
    print("ready")
    input()
    os._exit(3)


WORK = {
    "waits": threading.Event().wait,
    "waits for a lock": locks,
    "reads": lambda: os.read(os.pipe()[0], 1),
    "computes": computes,
    "updates": updates,
    "renders": renders,
    "creates metrics": creates,
    "registers": registers,
    "shuts the runtime down": shuts_down,
}
ENDS = {"when told": end_when_told, "by an exception": fail, "by os._exit": exit_at_once}

work, end = sys.argv[1:]


@metrics.register_callback
def callback() -> None:
    print("in the callback")
    WORK[work]()


ENDS[end]()
