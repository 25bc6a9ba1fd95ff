"""Counts in threads and forked children until a line comes; prints how many rounds that were.

Every other child ends itself by SIGKILL: what its updates had returned from must not be lost.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading
import time

from dynamo_metrics import Runtime

THREADS = 4
CHILD_ROUNDS = 500
FORK_INTERVAL = 0.2

runtime = Runtime()
metrics = runtime.namespace("soak").component("group").endpoint("ep").metrics
updates = metrics.create_intcounter("updates_total", "Rounds")
seconds = metrics.create_histogram("seconds", "Half a second a round", buckets=[0.1, 1.0])
native = metrics.create_histogram("native_seconds", "The same", native=True)
by_label = metrics.create_intcountervec("by_label_total", "Rounds by label", ["label"])
running = metrics.create_gauge("running", "Threads that count", across="sum")
print(runtime.system_status_address, flush=True)

ending = threading.Event()


def count(rounds: int) -> None:
    for number in range(rounds):
        updates.inc()
        seconds.observe(0.5)
        native.observe(2.0 ** (number % 20))
        by_label.inc({"label": str(number % 50)})


def count_on(counted: list[int], index: int) -> None:
    with running.track_inprogress():
        while not ending.is_set():
            count(50)
            counted[index] += 50
            time.sleep(0.005)


counted = [0] * THREADS
threads = [threading.Thread(target=count_on, args=(counted, index)) for index in range(THREADS)]
for thread in threads:
    thread.start()
children, killed = 0, 0
while not select.select([sys.stdin], [], [], FORK_INTERVAL)[0]:
    kills_itself = children % 2 == 1
    child = os.fork()
    if child == 0:
        count(CHILD_ROUNDS)
        if kills_itself:
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == (-signal.SIGKILL if kills_itself else 0), status
    children += 1
    killed += kills_itself
sys.stdin.readline()
ending.set()
for thread in threads:
    thread.join()
rounds = sum(counted) + children * CHILD_ROUNDS
print(json.dumps({"rounds": rounds, "children": children, "killed": killed}), flush=True)
sys.stdin.readline()
