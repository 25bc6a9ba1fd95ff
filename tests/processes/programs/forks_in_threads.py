"""Threads that fork."""

from __future__ import annotations

import os
import threading
import warnings

from counted import counter

warnings.simplefilter("ignore")


def forks():
    for _ in range(5):
        pid = os.fork()
        if not pid:
            counter.inc()
            os._exit(0)
        counter.inc()
        os.waitpid(pid, 0)


threads = [threading.Thread(target=forks) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("done")
input()
